//! Tests of the harness through its public doors.

#![cfg(test)]

mod examples;
mod graders;
mod house;
mod judges;
mod properties;
mod scrub;
mod suites;
