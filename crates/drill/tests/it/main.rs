//! Drills through the public door.

#![cfg(test)]

mod contingencies;
mod removed;
mod showpiece;
mod support;
