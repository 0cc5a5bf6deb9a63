//! Which requests fail, how, and when: rules that may change while the simulation runs.

use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::Fault;

/// A fault and the requests it strikes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The provider.
    pub provider: String,
    /// Only requests for this model, by the provider's own name of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only streamed requests, or only those that are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Only from this long after the simulation's start.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "compact::optional")]
    pub from: Option<Duration>,
    /// Only before this long after the simulation's start.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "compact::optional")]
    pub until: Option<Duration>,
    /// The share of matching requests that is struck, 0 to 1, drawn from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The share is one of conversations and users, not of requests: whoever is struck is struck
    /// every time. Who asks is told by the request's user, or else by the conversation's first
    /// turn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sticky: bool,
    /// Only the first so many matching requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Only prompts of more tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_above: Option<u64>,
    /// Only while more requests come than this share of the [`crate::Quota`] on requests, over the
    /// last 30 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_above: Option<f64>,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    /// A rule that strikes every request to `provider`.
    #[must_use]
    pub fn new(provider: impl Into<String>, fault: Fault) -> Self {
        Self {
            provider: provider.into(),
            model: None,
            stream: None,
            from: None,
            until: None,
            share: None,
            sticky: false,
            first: None,
            prompt_above: None,
            load_above: None,
            fault,
        }
    }

    fn matches(&self, call: &Call<'_>) -> bool {
        self.provider == call.provider
            && self.model.as_deref().is_none_or(|model| model == call.model)
            && self.stream.is_none_or(|stream| stream == call.stream)
            && self.from.is_none_or(|from| from <= call.at)
            && self.until.is_none_or(|until| call.at < until)
            && self.prompt_above.is_none_or(|tokens| call.facts.prompt_tokens() > tokens)
            && self.load_above.is_none_or(|share| call.facts.load() > share)
    }
}

/// What rules look at in a request.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    /// Since the simulation's start.
    pub(crate) at: Duration,
    pub(crate) facts: &'a dyn Facts,
}

/// What costs more to find out of a request than most rules ask for.
pub(crate) trait Facts {
    fn prompt_tokens(&self) -> u64;
    /// The same number for the same user, or for the same conversation.
    fn who(&self) -> u64;
    /// Requests of late as a share of the limit on them.
    fn load(&self) -> f64;
}

/// The rules in force. The first rule that strikes a request decides; a rule whose share spares it
/// leaves it to the rules behind.
#[derive(Debug)]
pub struct Script {
    seed: u64,
    live: RwLock<Vec<Live>>,
}

#[derive(Debug)]
struct Live {
    rule: Rule,
    /// Requests that matched so far, struck or spared.
    matched: AtomicU64,
}

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, live: RwLock::default() }
    }

    /// Puts these rules in the place of all others.
    pub fn set(&self, rules: impl IntoIterator<Item = Rule>) {
        let live = rules.into_iter().map(Live::new).collect();
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }

    /// Adds a rule behind all others.
    pub fn add(&self, rule: Rule) {
        self.live.write().unwrap_or_else(PoisonError::into_inner).push(Live::new(rule));
    }

    /// Takes all rules away: every provider is well.
    pub fn clear(&self) {
        self.set([]);
    }

    /// The rules in force, in order.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.iter().map(|live| live.rule.clone()).collect()
    }

    /// Whether no rule is in force.
    pub(crate) fn is_empty(&self) -> bool {
        self.live.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The fault that strikes this request, if any.
    pub(crate) fn strike(&self, call: &Call<'_>) -> Option<Fault> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.iter()
            .zip(0u64..)
            .filter(|(live, _)| live.rule.matches(call))
            .find(|(live, place)| live.strikes(self.seed, *place, call.facts))
            .map(|(live, _)| live.rule.fault.clone())
    }
}

impl Live {
    fn new(rule: Rule) -> Self {
        Self { rule, matched: AtomicU64::new(0) }
    }

    /// Counts one matching request and says whether it is struck: the same for the same seed,
    /// place of the rule and number of the request (or who asks), whatever other rules do.
    fn strikes(&self, seed: u64, place: u64, facts: &dyn Facts) -> bool {
        let number = self.matched.fetch_add(1, Ordering::Relaxed);
        if self.rule.first.is_some_and(|first| number >= first) {
            return false;
        }
        self.rule.share.is_none_or(|share| {
            let drawn_by = if self.rule.sticky { facts.who() } else { number };
            let mut rng = StdRng::seed_from_u64(seed ^ place.rotate_left(48) ^ drawn_by);
            rng.random::<f64>() < share
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A prompt of 100 tokens by whoever has this number, at half of the load.
    struct Of(u64);

    impl Facts for Of {
        fn prompt_tokens(&self) -> u64 {
            100
        }

        fn who(&self) -> u64 {
            self.0
        }

        fn load(&self) -> f64 {
            0.5
        }
    }

    fn call(at_s: u64) -> Call<'static> {
        let at = Duration::from_secs(at_s);
        Call { provider: "p", model: "m", stream: false, at, facts: &Of(1) }
    }

    fn struck(script: &Script, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| script.strike(&call(0)).is_some()).collect()
    }

    #[test]
    fn a_rule_strikes_what_it_names() {
        let all = Rule::new("p", Fault::Hang);
        let from = Some(Duration::from_secs(10));
        for (rule, at_s, strikes) in [
            (all.clone(), 0, true),
            (Rule { provider: "q".to_owned(), ..all.clone() }, 0, false),
            (Rule { model: Some("m".to_owned()), ..all.clone() }, 0, true),
            (Rule { model: Some("n".to_owned()), ..all.clone() }, 0, false),
            (Rule { stream: Some(true), ..all.clone() }, 0, false),
            (Rule { from, ..all.clone() }, 9, false),
            (Rule { from, ..all.clone() }, 10, true),
            (Rule { until: from, ..all.clone() }, 9, true),
            (Rule { until: from, ..all.clone() }, 10, false),
            (Rule { share: Some(0.0), ..all.clone() }, 0, false),
            (Rule { prompt_above: Some(99), ..all.clone() }, 0, true),
            (Rule { prompt_above: Some(100), ..all.clone() }, 0, false),
            (Rule { load_above: Some(0.4), ..all.clone() }, 0, true),
            (Rule { load_above: Some(0.5), ..all.clone() }, 0, false),
            (Rule { share: Some(7.0), ..all }, 0, true),
        ] {
            let script = Script::new(1);
            script.add(rule.clone());
            assert_eq!(script.strike(&call(at_s)).is_some(), strikes, "{rule:?} at {at_s} s");
        }
    }

    #[test]
    fn shares_are_drawn_from_the_seed() {
        let draw = |seed| {
            let script = Script::new(seed);
            script.add(Rule { share: Some(0.3), ..Rule::new("p", Fault::Empty) });
            struck(&script, 1000)
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let hits = draw(7).into_iter().filter(|struck| *struck).count();
        assert!((250..350).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn a_sticky_share_is_one_of_conversations() {
        let script = Script::new(7);
        script.add(Rule { share: Some(0.16), sticky: true, ..Rule::new("p", Fault::Wrong) });
        let struck = |who: u64| script.strike(&Call { facts: &Of(who), ..call(0) }).is_some();
        let before: Vec<bool> = (0..2000).map(struck).collect();
        let again: Vec<bool> = (0..2000).map(struck).collect();
        assert_eq!(before, again);
        let hits = before.into_iter().filter(|struck| *struck).count();
        assert!((270..370).contains(&hits), "{hits} of 2000");
    }

    #[test]
    fn the_first_requests_only_and_the_rest_to_the_next_rule() {
        let script = Script::new(1);
        script.set([
            Rule { first: Some(2), ..Rule::new("p", Fault::Refuse) },
            Rule { share: Some(0.0), ..Rule::new("p", Fault::Hang) },
            Rule::new("p", Fault::Empty),
        ]);
        let faults: Vec<_> = (0..3).filter_map(|_| script.strike(&call(0))).collect();
        assert_eq!(faults, [Fault::Refuse, Fault::Refuse, Fault::Empty]);
        script.clear();
        assert_eq!(script.strike(&call(0)), None);
    }

    #[test]
    fn rules_are_data() {
        let text = r#"{"provider":"p","from":"17m 34s","share":0.9,"fault":"status=401"}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(rule.from, Some(Duration::from_secs(17 * 60 + 34)));
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
        assert!(serde_json::from_str::<Rule>(r#"{"provider":"p","fault":"explode"}"#).is_err());
        assert!(serde_json::from_str::<Rule>(r#"{"provider":"p","fault":"hang","x":1}"#).is_err());
    }
}
