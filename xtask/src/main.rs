//! The project's own tasks: `cargo xtask <task>`.
//!
//! Exit codes are those of `tieline`: 0 good, 1 a check failed, 2 wrong usage, 3 inconclusive,
//! 4 something outside the project failed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks report to a terminal")]

mod arguments;
mod bench;
mod error;
mod evals;
mod mutants;
mod packages;
mod run;
mod schema;
mod soak;
mod table;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use arguments::Arguments;
use error::TaskError;

const USAGE: &str = "\
Usage: cargo xtask <task>

Tasks:
  test [--only lint|unit|e2e|promptfoo]
                               format, tidy, clippy, tests, the SDKs and promptfoo end to end
  tidy                         the project's own rules on layers, dependencies, files and docs
  schema                       writes docs/reference/tieline.schema.json
  bench evals [--quick] [--cases N] [--concurrency N] [--rounds N] [--tieline FILE]
              [--format table|markdown|json]
                               items a second of an eval, beside promptfoo's
  bench [--quick] [--seconds N] [--rounds N] [--format table|markdown|json] [--before FILE]
                               the gateway's speed and memory beside nginx's, and an earlier build's
  soak [--minutes N] [--clients N] [--seed N] [--tieline FILE] [--format table|json]
                               that failing providers fail no request of a critical feature
  mutants [--only NAME] [--list]
                               that disabling any one mechanism of the failover fails a test

Examples:
  cargo xtask test --only lint
  cargo xtask bench evals --quick
  cargo xtask bench --quick
  cargo xtask bench --seconds 5 --rounds 3 --format markdown
  cargo xtask soak --minutes 1
  cargo xtask mutants --only ramp";

fn main() -> ExitCode {
    let mut arguments = Arguments::of_process();
    let done = match arguments.word().as_deref() {
        Some("test") => test::task(arguments),
        Some("tidy") => tidy::task(arguments),
        Some("schema") => schema::task(arguments),
        Some("bench") => bench::task(arguments),
        Some("soak") => soak::task(arguments),
        Some("mutants") => mutants::task(arguments),
        Some(bench::LOAD_TASK) => bench::load_task(arguments),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => Err(TaskError::Usage(format!("there is no task `{other}`"))),
        None => Err(TaskError::Usage("no task is given".to_owned())),
    };
    done.unwrap_or_else(|error| report(&error))
}

/// Tells an error with its causes.
fn report(error: &TaskError) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        eprintln!("  because: {inner}");
        cause = inner.source();
    }
    if let TaskError::Usage(_) = error {
        eprintln!("\n{USAGE}");
    }
    ExitCode::from(error.exit_code())
}
