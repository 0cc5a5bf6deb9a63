//! What models cost, by channel and date: price lines, and usage to money.
//!
//! Pure: no I/O, no clock. The lines that are built in come from the files of `catalog/`.
