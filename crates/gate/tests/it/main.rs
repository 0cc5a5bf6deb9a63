//! Tests of the gate through its public door.

#![cfg(test)]

mod formulas;
mod numbers;
mod properties;
mod simulations;
mod verdicts;
mod world;
