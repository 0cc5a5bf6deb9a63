//! The `drills` section.

use std::time::Duration;

use super::Check;
use crate::{
    config::Drills,
    lenient::Field,
    problem::{Code, Problem},
    wire,
};

const MAX_PERCENT: f64 = 25.0;
const MAX_TTL: Duration = Duration::from_secs(30 * 60);
/// A drill that nobody ends is over by then, whatever is configured.
const MAX_TTL_MAX: Duration = Duration::from_secs(24 * 3600);
/// A shorter key can be guessed.
const KEY_CHARS_MIN: usize = 16;

impl Check<'_> {
    /// The `drills` section.
    pub(super) fn drills(&mut self, field: &Field<wire::Drills>) -> Option<Drills> {
        let (written, at) = field.placed()?;
        self.required(&written.key, "key", at);
        let key = self.secret(&written.key);
        if key.as_ref().is_some_and(|key| key.expose().len() < KEY_CHARS_MIN) {
            let at = written.key.at.unwrap_or(at);
            let message = format!("the key has fewer than {KEY_CHARS_MIN} characters");
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_help("make one with `openssl rand -hex 32`"));
        }
        let max_percent = written.max_percent.value.unwrap_or(MAX_PERCENT);
        if let Some(at) = written.max_percent.at.filter(|_| !(0.0..=100.0).contains(&max_percent)) {
            let message = format!("`{max_percent}` is not a number from 0 to 100");
            self.add(Problem::new(Code::InvalidValue, at, message));
        }
        let max_ttl = self.lapse(&written.max_ttl).unwrap_or(MAX_TTL);
        if let Some(at) = written.max_ttl.at.filter(|_| max_ttl > MAX_TTL_MAX) {
            let problem = Problem::new(Code::InvalidValue, at, "a drill may last at most `24h`");
            self.add(problem.with_help("begin another drill where one is not long enough"));
        }
        Some(Drills { key: key?, max_percent, max_ttl })
    }
}
