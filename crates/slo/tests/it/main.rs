//! Objectives, through what the crate gives to others.

#![cfg(test)]

mod budgets;
mod burn;
mod indicators;
mod reading;
mod support;
