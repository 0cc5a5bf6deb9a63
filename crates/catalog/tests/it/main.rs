//! Prices as the rest of Tieline asks for them.

#![cfg(test)]

mod cases;
mod files;
mod imports;
mod lists;
