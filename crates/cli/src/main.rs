//! The `tieline` command: parse, call, print.
//!
//! Each command is a file in `commands`; what it does is done by the crates below. This file only
//! wires: the allocator, logging, and the exit code that every failure has.

mod admin;
mod commands;
mod decided;
mod demo;
mod failure;
mod files;
mod harness;
mod html;
mod print;
mod signals;
mod standings;
mod when;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use commands::{Cli, Command};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The environment variable that says what is logged, such as `info` or `tieline_gateway=debug`.
const LOG_VARIABLE: &str = "TIELINE_LOG";

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return told(&message),
    };
    log_to_stderr(&cli.command);
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::failure(&failure);
            failure.exit_code()
        }
    }
}

/// Prints what the parser has to say: help and version on stdout, a mistake on stderr.
fn told(message: &clap::Error) -> ExitCode {
    let wrong = message.use_stderr();
    match message.print() {
        Ok(()) if wrong => Failure::USAGE.into(),
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => Failure::INFRASTRUCTURE.into(),
    }
}

fn log_to_stderr(command: &Command) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE)
        .unwrap_or_else(|_| EnvFilter::new(command.usual_log_level()));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}
