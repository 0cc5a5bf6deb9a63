//! What callers may ask of a feature at a time.

use crate::{
    check::Check,
    config::{Allowance, FeatureLimits},
    lenient::Field,
    problem::{Code, Problem},
    source::Span,
    wire,
};

impl Check<'_> {
    /// The value of a feature's `limits`.
    pub(super) fn feature_limits(&mut self, field: &Field<wire::FeatureLimits>) -> FeatureLimits {
        let Some((written, at)) = field.placed() else { return FeatureLimits::default() };
        let all = self.allowance([
            &written.requests_per_minute,
            &written.tokens_per_minute,
            &written.concurrency,
        ]);
        let per_caller = written.per_caller.placed().map(|(each, at)| {
            let keys = [&each.requests_per_minute, &each.tokens_per_minute, &each.concurrency];
            let each = self.allowance(keys);
            self.says_something(each, "per_caller", at);
            each
        });
        if !written.per_caller.is_written() {
            self.says_something(all, "limits", at);
        }
        FeatureLimits { all, per_caller: per_caller.unwrap_or_default() }
    }

    fn allowance(&mut self, [requests, tokens, concurrency]: [&Field<u64>; 3]) -> Allowance {
        Allowance {
            requests_per_minute: self.above_zero(requests),
            tokens_per_minute: self.above_zero(tokens),
            concurrency: self.above_zero(concurrency),
        }
    }

    fn says_something(&mut self, allowance: Allowance, key: &str, at: Span) {
        if allowance == Allowance::default() {
            let message = format!("`{key}` says nothing");
            let problem = Problem::new(Code::MissingKey, at, message);
            let help = "give `requests_per_minute`, `tokens_per_minute`, `concurrency` or several";
            self.add(problem.with_help(help));
        }
    }
}
