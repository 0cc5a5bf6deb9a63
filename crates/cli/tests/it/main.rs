//! The binary as people and scripts use it: arguments in, output, files and exit codes out.

#![cfg(test)]

mod attest;
mod contingency;
mod costs;
mod drill;
mod eval;
mod eval_examples;
mod eval_import;
mod eval_judges;
mod eval_openai;
mod eval_requests;
mod eval_results;
mod eval_vectors;
mod files;
mod help;
mod keys;
mod objectives;
mod policy;
mod prices;
mod releases;
mod replay;
mod running;
mod slos;
mod support;
