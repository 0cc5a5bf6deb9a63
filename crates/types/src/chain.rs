//! Errors in words.

use std::error::Error;

/// An error and its causes in one line: `cannot listen on 127.0.0.1:80: permission denied`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
