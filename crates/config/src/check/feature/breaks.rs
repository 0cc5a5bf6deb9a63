//! What a feature does about streams that break.

use std::time::Duration;

use crate::{
    check::Check,
    config::{Model, OnStreamBreak, Tier, TierMode},
    lenient::{Field, Short},
    problem::{Code, Problem},
    source::Span,
    wire,
};

/// How long the start of a stream is held back where the file gives no time.
const HOLD: Duration = Duration::from_secs(1);
/// The longest that the start of a stream may be held back: somebody waits for it.
const HOLD_MAX: Duration = Duration::from_secs(10);

impl Check<'_> {
    /// The value of `on_stream_break`.
    pub(super) fn stream_break(
        &mut self,
        field: &Field<Short<wire::OnStreamBreak>>,
    ) -> OnStreamBreak {
        let Some((Short(written), at)) = field.placed() else { return OnStreamBreak::Error };
        match written.word.as_deref() {
            Some("error") => return OnStreamBreak::Error,
            Some("restart") => return OnStreamBreak::Restart,
            Some("continue") => return OnStreamBreak::Continue,
            Some(other) => {
                let message = format!("`{other}` is not a value of this key");
                let problem = Problem::new(Code::InvalidValue, at, message).with_found(other);
                let problem = if other == "buffer" {
                    problem.with_help("say how much: `{ buffer: { tokens: 40, for: 800ms } }`")
                } else {
                    problem.suggesting(other, &wire::STREAM_BREAK_WORDS)
                };
                self.add(problem);
                return OnStreamBreak::Error;
            }
            None => {}
        }
        self.required(&written.buffer, "buffer", at);
        written.buffer.placed().map_or(OnStreamBreak::Error, |(buffer, at)| self.buffer(buffer, at))
    }

    fn buffer(&mut self, written: &wire::Buffer, at: Span) -> OnStreamBreak {
        if !written.tokens.is_written() && !written.hold.is_written() {
            let problem = Problem::new(Code::MissingKey, at, "`buffer` says nothing");
            self.add(problem.with_help("give `tokens`, `for` or both"));
        }
        let hold = self.lapse(&written.hold).unwrap_or(HOLD);
        if let Some(at) = written.hold.at.filter(|_| hold > HOLD_MAX) {
            let message = "the start of a stream is held back at most 10s";
            self.add(Problem::new(Code::InvalidValue, at, message));
        }
        OnStreamBreak::Buffer { tokens: self.above_zero(&written.tokens), hold }
    }

    /// Reports a feature that wants texts continued and lists no deployment that can.
    pub(super) fn nobody_continues(&mut self, tiers: &[Tier], models: &[Model], at: Span) {
        let mut able = models
            .iter()
            .flat_map(|model| &model.deployments)
            .filter(|deployment| deployment.prefill);
        let called = |id: &str| {
            tiers.iter().any(|tier| match &tier.mode {
                TierMode::Models { candidates, .. } => {
                    candidates.iter().any(|candidate| candidate.deployment == id)
                }
                _ => false,
            })
        };
        if !able.any(|deployment| called(&deployment.id)) {
            let message = "no deployment of this feature continues a text";
            let problem = Problem::new(Code::InvalidValue, at, message).with_found("continue");
            self.add(problem.with_help("set `prefill: true` on deployments that do"));
        }
    }
}
