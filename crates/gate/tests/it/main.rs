//! Tests of the gate through its public door.

#![cfg(test)]

mod attest;
mod formulas;
mod numbers;
mod properties;
mod releases;
mod sentinels;
mod simulations;
mod verdicts;
mod world;
