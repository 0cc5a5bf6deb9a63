//! What fails: the kinds of faults, as scenarios write them.

use std::time::Duration;

use jiff::Timestamp;
use tieline_sim::{Fault, Ramp, RetryForm};
use tieline_upstream::LineFault;
use tieline_yaml::{Fields, Node, Notes};

use super::{Phase, Select, moment};

/// A fault and when it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Injected {
    /// When it begins, after the drill's start.
    pub begin: Duration,
    /// When it ends.
    pub end: Duration,
    /// Whom it strikes.
    pub select: Select,
    /// The share of upstream calls that it strikes.
    pub share: f64,
    /// The share is one of people, not of calls.
    pub sticky: bool,
    /// Only prompts of more tokens.
    pub prompt_above: Option<u64>,
    /// Only while more comes than this share of the quota on requests.
    pub load_above: Option<f64>,
    /// What happens.
    pub trouble: Trouble,
    /// What happens, for people.
    pub told: String,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// Providers answer so.
    Answer(Fault),
    /// The way to them is so.
    Line(LineFault),
    /// Their accounts may use so much.
    Quota(Allowance),
    /// Their accounts may use this share of what they could.
    QuotaCut(f64),
    /// The gateway restarts and forgets what it had learnt.
    Restart,
    /// Somebody pushes a configuration that is none.
    BadConfiguration,
}

/// What an account may use; what is not given is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Allowance {
    /// Requests a minute.
    pub requests: Option<u32>,
    /// Tokens of prompts and answers a minute.
    pub tokens: Option<u32>,
    /// Tokens of prompts a minute.
    pub input: Option<u32>,
    /// Tokens of answers a minute.
    pub output: Option<u32>,
    /// How fast use may grow.
    pub ramp: Option<Ramp>,
}

/// Every kind by its name and what it takes.
const KINDS: [(&str, &[&str]); 33] = [
    ("dns_fail", &[]),
    ("connect_refused", &[]),
    ("connect_blackhole", &[]),
    ("tls_fail", &[]),
    ("reset", &[]),
    ("http_error", &["status", "type", "retryAfter"]),
    ("auth_error", &["status"]),
    ("hang", &["at"]),
    ("ttft_delay", &["by", "factor"]),
    ("slow_tokens", &["factor"]),
    ("stall", &["afterTokens"]),
    ("truncate", &["afterTokens", "ending"]),
    ("stream_error", &["afterTokens", "type"]),
    ("malformed", &[]),
    ("empty", &[]),
    ("silent_short", &["tokens"]),
    ("garble", &["share"]),
    ("quality_drop", &[]),
    ("content_filter", &["afterTokens"]),
    ("context_limit", &["tokens"]),
    ("reject_param", &["name"]),
    ("reject_prefill", &[]),
    ("model_gone", &[]),
    ("billing_exhausted", &[]),
    ("high_demand", &["retryAfter"]),
    ("schema_drift", &[]),
    ("no_usage", &[]),
    ("cache_miss", &[]),
    ("quota", &["rpm", "tpm", "itpm", "otpm"]),
    ("quota_cut", &["factor"]),
    ("ramp_limit", &["aboveTpm", "growth", "every"]),
    ("instance_restart", &[]),
    ("config_bad_push", &[]),
];
/// Tokens of an event of a stream; what ends after so many tokens ends after so many events.
pub(crate) const EVENT_TOKENS: u32 = 8;

pub(super) fn injected(
    node: &Node,
    (starts, phases): (Timestamp, &[Phase]),
    notes: &mut Notes,
) -> Option<Injected> {
    let known =
        ["at", "for", "until", "select", "share", "sticky", "promptAbove", "loadAbove", "do"];
    let fields = notes.fields(node, "a fault", &known)?;
    let at = notes.required(&fields, "the fault", "at", "at: fault+0s");
    let begin = moment::moment(at?, "`at`", (starts, phases), notes);
    let trouble = notes.required(&fields, "the fault", "do", "do: { kind: connect_refused }");
    let (trouble, told) = trouble_of(trouble?, notes)?;
    let begin = begin?;
    let end = match (fields.get("for"), fields.get("until")) {
        (Some(node), _) => begin + moment::length(node, "`for`", notes)?,
        (None, Some(node)) => moment::moment(node, "`until`", (starts, phases), notes)?,
        (None, None) if is_own(&trouble) => begin,
        (None, None) => {
            notes.tell(fields.at, "the fault never ends", "add `for: 10m` or `until: 18:52`");
            return None;
        }
    };
    let length = phases.last().map_or(Duration::ZERO, |phase| phase.end);
    if begin > length || end < begin {
        let help = "the phases say how long the drill is; a fault ends after it begins";
        notes.tell(fields.at, "the fault is not within the drill", help);
        return None;
    }
    let select = match fields.get("select") {
        Some(node) => Select::read(node, notes)?,
        None if is_own(&trouble) => Select::default(),
        None => {
            let help = "add `select: { provider: NAME }`, or `select: {}` for all";
            notes.tell(fields.at, "the fault does not say whom it strikes", help);
            return None;
        }
    };
    let share = match fields.get("share") {
        Some(node) => {
            notes.number(node, "a share from 0 to 1", |one| (0.0..=1.0).contains(&one))?
        }
        None => 1.0,
    };
    let sticky = match fields.get("sticky") {
        Some(node) => notes.bool(node, "`sticky`")?,
        None => false,
    };
    let prompt_above = match fields.get("promptAbove") {
        Some(node) => Some(notes.whole(node, "a number of tokens")?),
        None => None,
    };
    let load_above = match fields.get("loadAbove") {
        Some(node) => Some(notes.number(node, "a share of the quota", |one| one >= 0.0)?),
        None => None,
    };
    Some(Injected { begin, end, select, share, sticky, prompt_above, load_above, trouble, told })
}

/// Whether it happens to the gateway itself: at once, and without lasting.
fn is_own(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Restart | Trouble::BadConfiguration)
}

/// What happens, and the same for people.
fn trouble_of(node: &Node, notes: &mut Notes) -> Option<(Trouble, String)> {
    let fields = notes.any_fields(node, "`do`")?;
    let kind = notes.required(&fields, "`do`", "kind", "kind: http_error")?;
    let names = KINDS.map(|(name, _)| name);
    let (name, takes) = KINDS.get(notes.one_of(kind, "`kind`", &names)?)?;
    let mut known = vec!["kind"];
    known.extend(*takes);
    notes.fields(node, &format!("`{name}`"), &known)?;
    let options = Options { name, fields, notes };
    let trouble = options.trouble()?;
    let told = match &trouble {
        Trouble::Answer(fault) => fault.to_string(),
        _ => name.replace('_', " "),
    };
    Some((trouble, told))
}

/// The options of one kind.
struct Options<'n, 'w> {
    name: &'static str,
    fields: Fields<'n>,
    notes: &'w mut Notes,
}

impl Options<'_, '_> {
    fn trouble(mut self) -> Option<Trouble> {
        let line = match self.name {
            "dns_fail" => Some(LineFault::NoAddress),
            "connect_refused" => Some(LineFault::Refused),
            "connect_blackhole" => Some(LineFault::BlackHole),
            "tls_fail" => Some(LineFault::BadCertificate),
            "reset" => Some(LineFault::Reset),
            _ => None,
        };
        if let Some(line) = line {
            return Some(Trouble::Line(line));
        }
        Some(match self.name {
            "quota" => Trouble::Quota(Allowance {
                requests: self.count("rpm")?,
                tokens: self.count("tpm")?,
                input: self.count("itpm")?,
                output: self.count("otpm")?,
                ramp: None,
            }),
            "quota_cut" => Trouble::QuotaCut(self.number("factor", 0.0..=1.0, None)?),
            "ramp_limit" => {
                Trouble::Quota(Allowance { ramp: Some(self.ramp()?), ..Allowance::default() })
            }
            "instance_restart" => Trouble::Restart,
            "config_bad_push" => Trouble::BadConfiguration,
            _ => Trouble::Answer(self.answer()?),
        })
    }

    fn answer(&mut self) -> Option<Fault> {
        Some(match self.name {
            "http_error" => self.http_error()?,
            "auth_error" => {
                let code = self.status(Some(401))?;
                Fault::Status {
                    code,
                    error: None,
                    retry_after: None,
                    retry_form: RetryForm::Seconds,
                }
            }
            "hang" => match self.word("at", &["headers", "firstToken"], 0)? {
                0 => Fault::Hang,
                _ => Fault::HangAfterHeaders,
            },
            "ttft_delay" => match self.time("by")? {
                Some(by) => Fault::SlowFirstToken(by),
                None => Fault::SlowFirstTokenBy(self.number("factor", 0.0..=1000.0, None)?),
            },
            "slow_tokens" => Fault::SlowTokens(self.number("factor", 0.0..=1000.0, None)?),
            "stall" => Fault::Stall { after: self.events()? },
            "truncate" => {
                let after = self.events()?;
                let clean = self.word("ending", &["abrupt", "graceful"], 0)? == 1;
                Fault::Cut { after, clean }
            }
            "stream_error" => {
                let after = self.events()?;
                Fault::InBand { code: self.text("type", "overloaded_error")?, after }
            }
            "malformed" => Fault::Garbage,
            "empty" => Fault::Empty,
            "silent_short" => Fault::SilentShort(self.whole("tokens")?.unwrap_or(3)),
            "garble" => Fault::Garble(self.number("share", 0.0..=1.0, Some(0.3))?),
            "quality_drop" => Fault::Wrong,
            "content_filter" => Fault::ContentFilter { after: self.whole("afterTokens")? },
            "context_limit" => Fault::ContextLimit(self.whole("tokens")?.unwrap_or(8000)),
            "reject_param" => Fault::RejectParam(self.text("name", "temperature")?),
            "reject_prefill" => Fault::RejectPrefill,
            "model_gone" => Fault::ModelGone,
            "billing_exhausted" => Fault::BillingExhausted,
            "high_demand" => Fault::HighDemand { retry_after: self.time("retryAfter")? },
            "schema_drift" => Fault::SchemaDrift,
            "no_usage" => Fault::NoUsage,
            _ => Fault::CacheMiss,
        })
    }

    fn http_error(&mut self) -> Option<Fault> {
        let code = self.status(None)?;
        let error = match self.fields.get("type") {
            Some(node) => Some(self.notes.text(node, "`type`")?.to_owned()),
            None => None,
        };
        let retry_after = self.time("retryAfter")?;
        let whole = retry_after.is_none_or(|wait| wait.subsec_millis() == 0);
        let retry_form = if whole { RetryForm::Seconds } else { RetryForm::Millis };
        Some(Fault::Status { code, error, retry_after, retry_form })
    }

    fn status(&mut self, usual: Option<u16>) -> Option<u16> {
        let Some(node) = self.fields.get("status") else {
            if usual.is_none() {
                self.notes.required(&self.fields, "`do`", "status", "status: 503");
            }
            return usual;
        };
        let fits = |code: f64| (400.0..600.0).contains(&code);
        let code = self.notes.number(node, "an HTTP status from 400 to 599", fits)?;
        format!("{code:.0}").parse().ok()
    }

    fn ramp(&mut self) -> Option<Ramp> {
        let above = self.whole("aboveTpm")?.unwrap_or(0);
        let usual = Ramp::above(u32::try_from(above).unwrap_or(u32::MAX));
        let growth = self.number("growth", 0.0..=100.0, Some(usual.growth))?;
        let every = self.time("every")?.unwrap_or(usual.every);
        Some(Ramp { growth, every, ..usual })
    }

    /// Content events from tokens.
    fn events(&mut self) -> Option<usize> {
        let tokens = self.whole("afterTokens")?.unwrap_or(0);
        usize::try_from(tokens.div_ceil(u64::from(EVENT_TOKENS))).ok()
    }

    #[expect(clippy::option_option, reason = "wrong, or not there")]
    fn whole(&mut self, key: &str) -> Option<Option<u64>> {
        match self.fields.get(key) {
            Some(node) => self.notes.whole(node, "a whole number").map(Some),
            None => Some(None),
        }
    }

    #[expect(clippy::option_option, reason = "wrong, or not there")]
    fn count(&mut self, key: &str) -> Option<Option<u32>> {
        Some(self.whole(key)?.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    #[expect(clippy::option_option, reason = "wrong, or not there")]
    fn time(&mut self, key: &str) -> Option<Option<Duration>> {
        match self.fields.get(key) {
            Some(node) => moment::length(node, key, self.notes).map(Some),
            None => Some(None),
        }
    }

    fn number(
        &mut self,
        key: &str,
        within: std::ops::RangeInclusive<f64>,
        usual: Option<f64>,
    ) -> Option<f64> {
        let Some(node) = self.fields.get(key) else {
            if usual.is_none() {
                self.notes.required(&self.fields, "`do`", key, &format!("{key}: {}", within.end()));
            }
            return usual;
        };
        let what = format!("a number from {} to {}", within.start(), within.end());
        self.notes.number(node, &what, |number| within.contains(&number))
    }

    fn text(&mut self, key: &str, usual: &str) -> Option<String> {
        match self.fields.get(key) {
            Some(node) => self.notes.text(node, key).map(str::to_owned),
            None => Some(usual.to_owned()),
        }
    }

    fn word(&mut self, key: &str, words: &[&str], usual: usize) -> Option<usize> {
        match self.fields.get(key) {
            Some(node) => self.notes.one_of(node, key, words),
            None => Some(usual),
        }
    }
}
