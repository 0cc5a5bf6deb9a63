//! A program whose output is shown and read at once.

use std::{
    io::{BufRead, BufReader},
    process::Command,
};

use crate::{error::TaskError, run::name};

/// Runs a program, prints both its outputs as they come and hands every line to `see`; true if it
/// ended well.
pub(super) fn watch(mut command: Command, mut see: impl FnMut(&str)) -> Result<bool, TaskError> {
    let program = name(command.get_program());
    let failed = |source| TaskError::Run { program: program.clone(), source };
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    let mut child = command.spawn().map_err(failed)?;
    // The command holds the ends that are written to; the reader ends when all are closed.
    drop(command);
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        see(&line);
    }
    Ok(child.wait().map_err(failed)?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_are_seen_in_order_and_the_end_is_told() {
        for (script, good) in [("echo one; echo two >&2; echo three", true), ("exit 3", false)] {
            let mut seen = Vec::new();
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            assert_eq!(watch(command, |line| seen.push(line.to_owned())).unwrap(), good);
            assert_eq!(seen.len(), if good { 3 } else { 0 });
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = watch(Command::new("no-such-program"), |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "cannot run no-such-program");
    }
}
