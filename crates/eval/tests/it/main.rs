//! Tests of the harness through its public doors.

#![cfg(test)]

mod graders;
mod house;
mod judges;
mod properties;
mod suites;
