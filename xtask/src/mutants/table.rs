//! The mechanisms of the failover, and how each is disabled.

/// One mechanism.
pub(super) struct Mutant {
    /// Its name.
    pub(super) name: &'static str,
    /// The file, relative to the root.
    pub(super) file: &'static str,
    /// What is replaced; stands there exactly once.
    pub(super) text: &'static str,
    /// What stands there instead.
    pub(super) instead: &'static str,
    /// Tests that are to notice, by parts of their names: of the gateway, or of another crate that
    /// is named before a slash.
    pub(super) tests: &'static [&'static str],
}

const BREAKER: &str = "crates/route/src/breaker.rs";
const LIVE: &str = "crates/route/src/live.rs";
const SPENDING: &str = "crates/route/src/live/spending.rs";
const WALK: &str = "crates/gateway/src/walk.rs";
const WINDOW: &str = "crates/gateway/src/walk/window.rs";
const ATTEMPT: &str = "crates/gateway/src/attempt.rs";

/// All of them.
pub(super) const MUTANTS: [Mutant; 29] = [
    Mutant {
        name: "breaker",
        file: BREAKER,
        text: "fn open(&mut self, now: Duration, floor: Option<Duration>, cause: Cause) {",
        instead: "fn open(&mut self, now: Duration, floor: Option<Duration>, cause: Cause) {\n\
                  if cause != Cause::Drained { return; }",
        tests: &["matrix::chat_to_chat"],
    },
    Mutant {
        name: "breaker: failures in a row",
        file: BREAKER,
        text: "self.consecutive >= CONSECUTIVE_MAX",
        instead: "self.consecutive == u32::MAX",
        tests: &["matrix::chat_to_chat"],
    },
    Mutant {
        name: "breaker: closed by success",
        file: BREAKER,
        text: "Permit::Probe(number) if self.is_probe(number) => {\n                *self",
        instead: "Permit::Probe(number) if self.is_probe(number) && now == Duration::MAX => {\n\
                  *self",
        tests: &["peers::success_really"],
    },
    Mutant {
        name: "probe permit",
        file: BREAKER,
        text: "Some((_, since)) if now < since + PROBE_LOST =>",
        instead: "Some((_, since)) if since > now + PROBE_LOST =>",
        tests: &["peers::of_many_requests"],
    },
    Mutant {
        name: "probe permit: given back",
        file: BREAKER,
        text: "            && self.is_probe(number)\n        {\n            self.probe = None;",
        instead: "            && self.is_probe(number)\n        {",
        tests: &["peers::a_probe_that_says_nothing"],
    },
    Mutant {
        name: "ramp",
        file: BREAKER,
        text: "Some((share, next)) if draw >= share =>",
        instead: "Some((share, next)) if draw >= share + 1.0 =>",
        tests: &["health::after_an_outage"],
    },
    Mutant {
        name: "retry budget",
        file: SPENDING,
        text: "if cost == Cost::Free {",
        instead: "if cost == cost {",
        tests: &["peers::further_attempts"],
    },
    Mutant {
        name: "storm detector",
        file: "crates/route/src/storm.rs",
        text: "kind.raging = lasted || kind.is_storm(",
        instead: "kind.raging = false && kind.is_storm(",
        tests: &["health::a_storm", "drill/removed::storm_detector"],
    },
    Mutant {
        name: "hold until the first content",
        file: ATTEMPT,
        text: "(source.seen.content || (ended",
        instead: "(!withheld.is_empty() || source.seen.content || (ended",
        tests: &["matrix::chat_to_messages"],
    },
    Mutant {
        name: "limiter: what was refused",
        file: LIVE,
        text: "health.pool.close(now, Some(wait));",
        instead: "",
        // Elsewhere the headers of a refusal say so, too.
        tests: &["matrix::chat_to_converse"],
    },
    Mutant {
        name: "limiter: what is configured",
        file: "crates/route/src/pool/meter.rs",
        text: "told.max(bucket)\n    }\n\n    /// Spends at once.",
        instead: "told.max(bucket.filter(|_| false))\n    }\n\n    /// Spends at once.",
        tests: &["peers::a_configured_limit"],
    },
    Mutant {
        name: "limiter: what headers tell",
        file: "crates/gateway/src/held.rs",
        text: ".filter(|_| *observed != Observed::default())",
        instead: ".filter(|_| *observed != *observed)",
        tests: &["peers::what_a_provider_tells"],
    },
    Mutant {
        name: "suspicion of domains",
        file: "crates/route/src/domain.rs",
        text: "if out >= OUT_MIN && out * 2 >= all {",
        instead: "if out >= OUT_MIN && out > all {",
        tests: &["peers::where_half"],
    },
    Mutant {
        name: "credential trip of the account",
        file: LIVE,
        text: "if fault.scope == Scope::Account || others.any(open_alike) {",
        instead: "if others.any(|_| false) && open_alike(0) {",
        tests: &["health::a_refused_credential"],
    },
    Mutant {
        name: "hedge budget",
        file: SPENDING,
        text: "lock(&spending.hedges).withdraw(now, Cost::One)",
        instead: "(lock(&spending.hedges).withdraw(now, Cost::One) || now > Duration::ZERO)",
        tests: &["hedges::the_budget"],
    },
    Mutant {
        name: "tiers return late",
        file: "crates/route/src/settle.rs",
        text: "TierState::Settling { share, step_in } if draw >= share && stands_in() =>",
        instead: "TierState::Settling { share, step_in } if draw >= share + 1.0 && stands_in() =>",
        tests: &["settling::a_whole_population"],
    },
    Mutant {
        name: "probes are left to nobody's users",
        file: LIVE,
        text: "const PROBE_GRACE: Duration = Duration::from_secs(2);",
        instead: "const PROBE_GRACE: Duration = Duration::ZERO;",
        tests: &["probes::a_critical_request"],
    },
    Mutant {
        name: "last resorts",
        file: "crates/route/src/decide.rs",
        text: "const LAST_RESORTS_MAX: usize = 4;",
        instead: "const LAST_RESORTS_MAX: usize = 0;",
        tests: &["peers::when_all_rest"],
    },
    Mutant {
        name: "criticality shedding",
        file: "crates/route/src/criticality.rs",
        text: "Self::Sheddable => 0.80,",
        instead: "Self::Sheddable => 8.0,",
        tests: &["health::what_may_wait"],
    },
    Mutant {
        name: "deadline shares",
        file: WINDOW,
        text: "later if later.iter().any(another) => left / 2,",
        instead: "later if later.iter().any(another) => left,",
        tests: &["matrix::chat_to_chat"],
    },
    Mutant {
        name: "time to the first content",
        file: WINDOW,
        text: "share = share.min(config.ttft.unwrap_or(FIRST_CONTENT));",
        instead: "",
        tests: &["peers::a_stream_waits"],
    },
    Mutant {
        name: "empty answers",
        file: ATTEMPT,
        text: "if reply.finish == Finish::Stop && !",
        instead: "if reply.finish != reply.finish && !",
        tests: &["matrix::chat_to_messages"],
    },
    Mutant {
        name: "empty streams",
        file: ATTEMPT,
        text: "source.seen.ended && !source.ended_for_a_reason() {\n\
               \x20               return Err(empty());",
        instead: "source.seen.ended && !source.ended_for_a_reason() {\n\
                  let came = Instant::now();\n\
                  return Ok(Reached::Stream { withheld, source, ended, came });",
        tests: &["matrix::chat_to_messages"],
    },
    Mutant {
        name: "truncation",
        file: "crates/gateway/src/source.rs",
        text: "            self.reader.end(&mut self.events);",
        instead: "",
        tests: &["matrix::chat_to_chat"],
    },
    Mutant {
        name: "attempts at most",
        file: "crates/route/src/lib.rs",
        text: "ATTEMPTS_PER_REQUEST_MAX: usize = 5;",
        instead: "ATTEMPTS_PER_REQUEST_MAX: usize = 50;",
        tests: &["peers::an_exhausted_chain"],
    },
    Mutant {
        name: "callers' own deadlines blame nobody",
        file: WINDOW,
        text: "silent && allowed < fair",
        instead: "silent && allowed < fair && allowed > fair",
        tests: &["peers::a_callers_short_timeout"],
    },
    Mutant {
        name: "second try of the only one",
        file: WALK,
        text: "let worth_it = refused && passes &&",
        instead: "let worth_it = refused && !refused && passes &&",
        tests: &["health::the_only_deployment"],
    },
    Mutant {
        name: "slowness",
        file: BREAKER,
        text: "if slow && self.slow_ratio_is_high(now) {",
        instead: "if slow && self.slow_ratio_is_high(now) && !slow {",
        tests: &["peers::what_turns_slow"],
    },
    Mutant {
        name: "fastest first",
        file: "crates/route/src/balance.rs",
        text: "if cost(second) < cost(first) { second } else { first }",
        instead: "if cost(second) < cost(first) { first } else { first }",
        tests: &["health::the_fastest"],
    },
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::mutated, MUTANTS};

    /// A mutant that is stale would prove nothing.
    #[test]
    fn every_mutant_fits_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for mutant in &MUTANTS {
            let text = std::fs::read_to_string(root.join(mutant.file)).unwrap();
            mutated(mutant, &text).unwrap();
        }
    }

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MUTANTS.len());
    }
}
