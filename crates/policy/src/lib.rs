//! Which deployments a feature's requests may go to: policies over typed facts.
//!
//! Pure: no I/O, no clock.
