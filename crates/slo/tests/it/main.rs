//! Objectives, through what the crate gives to others.

#![cfg(test)]

mod budgets;
mod burn;
mod exporting;
mod indicators;
mod reading;
mod recompute;
mod support;
