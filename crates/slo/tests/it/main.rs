//! Objectives, through what the crate gives to others.

mod budgets;
mod burn;
mod indicators;
mod support;
