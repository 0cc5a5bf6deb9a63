//! Secrets: read from the environment or a file, never from the configuration.

use tieline_types::Secret;

use super::Check;
use crate::{
    lenient::{Field, Short},
    problem::{Code, Problem},
    source::Span,
    wire::SecretRef,
};

/// What to write instead of a secret.
const REFERENCE: &str = "write `{ env: NAME }` or `{ file: PATH }`";

impl Check<'_> {
    /// The secret that a key refers to; none when the key is absent or the secret cannot be had.
    pub(super) fn secret(&mut self, field: &Field<Short<SecretRef>>) -> Option<Secret> {
        let (Short(reference), at) = field.placed()?;
        if reference.literal || reference.value.is_written() {
            let at = reference.value.at.unwrap_or(at);
            self.literal(at, "the secret is written into the file");
            return None;
        }
        match (reference.env.is_written(), reference.file.is_written()) {
            (true, false) => self.secret_in_variable(&reference.env),
            (false, true) => self.secret_in_file(&reference.file),
            (both, _) => {
                let count = if both { "two sources" } else { "no source" };
                let message = format!("the secret has {count}");
                self.add(Problem::new(Code::Credential, at, message).with_help(REFERENCE));
                None
            }
        }
    }

    fn literal(&mut self, at: Span, message: &str) {
        let problem = Problem::new(Code::LiteralSecret, at, message);
        self.add(problem.with_found("***").with_help(REFERENCE));
    }

    fn secret_in_variable(&mut self, field: &Field<String>) -> Option<Secret> {
        let (name, at) = field.placed()?;
        let fault = match self.world.env(name).as_deref().map(usable) {
            Some(Ok(secret)) => return Some(secret),
            Some(Err(fault)) => fault,
            None if is_usual_variable(name) => "is not set",
            None => {
                // Somebody may have put the secret itself here, so it is not repeated.
                self.literal(at, "no variable has this name; perhaps it is the secret itself");
                return None;
            }
        };
        let message = format!("the environment variable `{name}` {fault}");
        let problem = Problem::new(Code::SecretUnavailable, at, message).with_found(name);
        self.add(problem.with_help("set it to the secret, before starting"));
        None
    }

    fn secret_in_file(&mut self, field: &Field<String>) -> Option<Secret> {
        let path = self.path(field)?;
        let fault = match self.world.read(&path).as_deref().map(usable) {
            Ok(Ok(secret)) => return Some(secret),
            Ok(Err(fault)) => fault.to_owned(),
            Err(error) => format!("cannot be read: {error}"),
        };
        let message = format!("the secret file `{}` {fault}", path.display());
        let (found, at) = field.placed()?;
        self.add(Problem::new(Code::SecretUnavailable, at, message).with_found(found));
        None
    }
}

/// A secret's text without the white space around it, if a header can carry it.
fn usable(text: &str) -> Result<Secret, &'static str> {
    match text.trim() {
        "" => Err("is empty"),
        secret if secret.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Secret::new(secret)),
        _ => Err("holds white space or characters that are not ASCII"),
    }
}

/// Whether a name is in capitals, as variables usually are and secrets are not.
fn is_usual_variable(name: &str) -> bool {
    let usual = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    !name.is_empty() && name.bytes().all(usual)
}
