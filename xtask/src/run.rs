//! Running other programs.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use crate::error::TaskError;

/// The cargo that started this task, else the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a program to its end and gives what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, TaskError> {
    let program = name(command.get_program());
    match command.stderr(Stdio::inherit()).output() {
        Err(source) => Err(TaskError::Run { program, source }),
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(TaskError::Failed { program, status: output.status }),
    }
}

/// Whether a program starts at all and ends well.
pub(crate) fn works(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// How a program is called in messages.
pub(crate) fn name(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}
