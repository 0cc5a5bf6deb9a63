//! The ways a simulated provider can fail or change, and their compact written form.

use std::{fmt, str::FromStr, time::Duration};

use jiff::fmt::friendly::{Spacing, SpanParser, SpanPrinter};
use serde::{Deserialize, Serialize};

/// One way to fail.
///
/// The written form, in scripts and in the `x-sim-fault` header, is a name with an optional value
/// and options behind commas: `status=429,retry-after=2s`, `cut-after=2`, `hang`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// `status=429[,error=WORD][,retry-after=2s][,retry-form=millis]`: an HTTP error with the
    /// provider's own body.
    Status {
        /// The HTTP status, 400 to 599.
        code: u16,
        /// The provider's code word, where it is not the usual one of the status.
        error: Option<String>,
        /// The wait the provider asks for.
        retry_after: Option<Duration>,
        /// How it says so.
        retry_form: RetryForm,
    },
    /// `slow-first-token=5s`: the first token comes that much later.
    SlowFirstToken(Duration),
    /// `slow-first-token=8x`: the first token takes so many times as long.
    SlowFirstTokenBy(f64),
    /// `slow-tokens=8x`: every token after the first takes so many times as long.
    SlowTokens(f64),
    /// `hang`: the request is taken and never answered.
    Hang,
    /// `hang-after-headers`: the headers come, the body never does.
    HangAfterHeaders,
    /// `stall-after=3`: a stream goes quiet after so many content events, a whole body halfway.
    Stall {
        /// Content events before it.
        after: usize,
    },
    /// `cut-after=2` or `cut-clean-after=2`: the answer ends early.
    Cut {
        /// Content events before it; a whole body is cut halfway.
        after: usize,
        /// The transport ends properly; otherwise the connection breaks within an event.
        clean: bool,
    },
    /// `garbage`: status 200 with an undecodable body or stream.
    Garbage,
    /// `in-band=overloaded_error[,after=3]`: status 200, then an error in the dialect's own form.
    InBand {
        /// The provider's code word.
        code: String,
        /// Content events before it.
        after: usize,
    },
    /// `empty`: a complete answer without content.
    Empty,
    /// `silent-short=3`: the text ends after so many tokens, as if the model were done.
    SilentShort(u64),
    /// `garble=0.16`: this share of the text's tokens is replaced by ones of other languages, which
    /// is drawn from the seed and the text.
    Garble(f64),
    /// `wrong`: a complete answer that is not right.
    Wrong,
    /// `content-filter[,after=3]`: the content filter refuses the prompt, or ends the answer after
    /// so many tokens.
    ContentFilter {
        /// Tokens of the answer before it; none refuses the prompt.
        after: Option<u64>,
    },
    /// `context-limit=8000`: prompts of more tokens are refused as too long.
    ContextLimit(u64),
    /// `reject-param=temperature`: requests that have this field are refused for it.
    RejectParam(String),
    /// `reject-prefill`: requests that begin the answer themselves are refused.
    RejectPrefill,
    /// `model-gone`: the model was retired.
    ModelGone,
    /// `billing-exhausted`: the account has nothing left to spend.
    BillingExhausted,
    /// `high-demand[,retry-after=6s]`: the model is in too much demand, whatever is left of quotas.
    HighDemand {
        /// The wait the provider asks for.
        retry_after: Option<Duration>,
    },
    /// `schema-drift`: fields and events that no reader knows are added to a good answer.
    SchemaDrift,
    /// `no-usage`: a good answer does not say what it consumed.
    NoUsage,
    /// `cache-miss`: nothing of the prompt is read from the cache.
    CacheMiss,
    /// `refuse`: the connection closes before any byte of an answer.
    Refuse,
    /// `model=NAME`: the answer says that it comes from this model.
    Model(String),
    /// `fenced`: the text stands in a Markdown fence.
    Fenced,
    /// `say=TEXT`: this is the answer, whatever was asked. No comma may be in it.
    Say(String),
}

/// How a provider says how long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryForm {
    /// `retry-after` in whole seconds.
    #[default]
    Seconds,
    /// `retry-after-ms`.
    Millis,
    /// `retry-after` as an HTTP date.
    Date,
}

const RETRY_FORMS: [(&str, RetryForm); 3] =
    [("seconds", RetryForm::Seconds), ("millis", RetryForm::Millis), ("date", RetryForm::Date)];

/// Faults that are written as one word.
const BARE: [(&str, Fault); 13] = [
    ("hang", Fault::Hang),
    ("hang-after-headers", Fault::HangAfterHeaders),
    ("garbage", Fault::Garbage),
    ("empty", Fault::Empty),
    ("refuse", Fault::Refuse),
    ("fenced", Fault::Fenced),
    ("wrong", Fault::Wrong),
    ("reject-prefill", Fault::RejectPrefill),
    ("model-gone", Fault::ModelGone),
    ("billing-exhausted", Fault::BillingExhausted),
    ("schema-drift", Fault::SchemaDrift),
    ("no-usage", Fault::NoUsage),
    ("cache-miss", Fault::CacheMiss),
];

/// A text that is not the written form of a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFault {
    /// The first word names no fault.
    #[error("unknown fault `{0}`")]
    Unknown(String),
    /// A value is missing or of the wrong form.
    #[error("fault `{name}` needs {needs}, not `{got}`")]
    Value {
        /// The fault or option.
        name: String,
        /// What it takes.
        needs: &'static str,
        /// What was written.
        got: String,
    },
    /// An option that this fault does not take.
    #[error("fault `{fault}` takes no option `{option}`")]
    Option {
        /// The fault.
        fault: String,
        /// The option.
        option: String,
    },
}

impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let mut parts = text.split(',').map(pair);
        let (name, value) = parts.next().unwrap_or_default();
        let mut options = Options { fault: name, pairs: parts.collect() };
        let fault = match name {
            "status" => Self::Status {
                code: status(value)?,
                error: options.take("error").map(str::to_owned),
                retry_after: options.take("retry-after").map(wait).transpose()?,
                retry_form: options.take("retry-form").map_or(Ok(RetryForm::default()), form)?,
            },
            "slow-first-token" => match value.strip_suffix('x') {
                Some(times) => Self::SlowFirstTokenBy(factor(times)?),
                None => Self::SlowFirstToken(wait(value)?),
            },
            "slow-tokens" => Self::SlowTokens(factor(value.strip_suffix('x').unwrap_or(value))?),
            "stall-after" => Self::Stall { after: count(name, value)? },
            "cut-after" => Self::Cut { after: count(name, value)?, clean: false },
            "cut-clean-after" => Self::Cut { after: count(name, value)?, clean: true },
            "in-band" if !value.is_empty() => Self::InBand {
                code: value.to_owned(),
                after: options.take("after").map_or(Ok(0), |after| count("after", after))?,
            },
            "in-band" => return Err(bad(name, "a code word", value)),
            "content-filter" => Self::ContentFilter {
                after: options.take("after").map(|after| tokens("after", after)).transpose()?,
            },
            "high-demand" => {
                Self::HighDemand { retry_after: options.take("retry-after").map(wait).transpose()? }
            }
            "silent-short" => Self::SilentShort(tokens(name, value)?),
            "context-limit" => Self::ContextLimit(tokens(name, value)?),
            "garble" => Self::Garble(share(value)?),
            "reject-param" if !value.is_empty() => Self::RejectParam(value.to_owned()),
            "reject-param" => return Err(bad(name, "the name of a field", value)),
            "model" if !value.is_empty() => Self::Model(value.to_owned()),
            "say" if !value.is_empty() => Self::Say(value.to_owned()),
            "model" | "say" => return Err(bad(name, "a text", value)),
            _ => bare(name).ok_or_else(|| BadFault::Unknown(name.to_owned()))?,
        };
        options.none_left()?;
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { code, error, retry_after, retry_form } => {
                write!(f, "status={code}")?;
                if let Some(word) = error {
                    write!(f, ",error={word}")?;
                }
                if let Some(wait) = retry_after {
                    write!(f, ",retry-after={}", written(wait))?;
                }
                match RETRY_FORMS.iter().find(|(_, form)| form == retry_form) {
                    Some((word, form)) if *form != RetryForm::default() => {
                        write!(f, ",retry-form={word}")
                    }
                    _ => Ok(()),
                }
            }
            Self::SlowFirstToken(wait) => write!(f, "slow-first-token={}", written(wait)),
            Self::SlowFirstTokenBy(times) => write!(f, "slow-first-token={times}x"),
            Self::SlowTokens(times) => write!(f, "slow-tokens={times}x"),
            Self::Stall { after } => write!(f, "stall-after={after}"),
            Self::Cut { after, clean: false } => write!(f, "cut-after={after}"),
            Self::Cut { after, clean: true } => write!(f, "cut-clean-after={after}"),
            Self::InBand { code, after: 0 } => write!(f, "in-band={code}"),
            Self::InBand { code, after } => write!(f, "in-band={code},after={after}"),
            Self::SilentShort(after) => write!(f, "silent-short={after}"),
            Self::Garble(share) => write!(f, "garble={share}"),
            Self::ContentFilter { after: None } => f.write_str("content-filter"),
            Self::ContentFilter { after: Some(after) } => {
                write!(f, "content-filter,after={after}")
            }
            Self::ContextLimit(most) => write!(f, "context-limit={most}"),
            Self::RejectParam(name) => write!(f, "reject-param={name}"),
            Self::HighDemand { retry_after: None } => f.write_str("high-demand"),
            Self::HighDemand { retry_after: Some(wait) } => {
                write!(f, "high-demand,retry-after={}", written(wait))
            }
            Self::Model(name) => write!(f, "model={name}"),
            Self::Say(text) => write!(f, "say={text}"),
            Self::Hang
            | Self::HangAfterHeaders
            | Self::Garbage
            | Self::Empty
            | Self::Refuse
            | Self::Fenced
            | Self::Wrong
            | Self::RejectPrefill
            | Self::ModelGone
            | Self::BillingExhausted
            | Self::SchemaDrift
            | Self::NoUsage
            | Self::CacheMiss => {
                let known = BARE.iter().find(|(_, fault)| fault == self);
                f.write_str(known.map_or("", |(word, _)| word))
            }
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = BadFault;

    fn try_from(text: String) -> Result<Self, BadFault> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

/// The options behind the first comma, taken out one by one.
struct Options<'a> {
    fault: &'a str,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.pairs.iter().position(|(key, _)| *key == name)?;
        Some(self.pairs.swap_remove(at).1)
    }

    fn none_left(&self) -> Result<(), BadFault> {
        self.pairs.first().map_or(Ok(()), |(option, _)| {
            Err(BadFault::Option { fault: self.fault.to_owned(), option: (*option).to_owned() })
        })
    }
}

fn pair(text: &str) -> (&str, &str) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.trim(), value.trim())
}

fn bad(name: &str, needs: &'static str, got: &str) -> BadFault {
    BadFault::Value { name: name.to_owned(), needs, got: got.to_owned() }
}

fn status(text: &str) -> Result<u16, BadFault> {
    text.parse()
        .ok()
        .filter(|code| (400..600).contains(code))
        .ok_or_else(|| bad("status", "an HTTP status from 400 to 599", text))
}

fn count(name: &str, text: &str) -> Result<usize, BadFault> {
    text.parse().map_err(|_| bad(name, "a number of content events", text))
}

fn tokens(name: &str, text: &str) -> Result<u64, BadFault> {
    text.parse().map_err(|_| bad(name, "a number of tokens", text))
}

/// How many times as long: from 0, which is at once.
fn factor(text: &str) -> Result<f64, BadFault> {
    let times = text.parse().ok().filter(|times: &f64| times.is_finite() && *times >= 0.0);
    times.ok_or_else(|| bad("a factor", "a number of times such as `8x`", text))
}

fn share(text: &str) -> Result<f64, BadFault> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| bad("a share", "a number from 0 to 1", text))
}

fn bare(name: &str) -> Option<Fault> {
    BARE.iter().find_map(|(word, fault)| (*word == name).then(|| fault.clone()))
}

fn form(text: &str) -> Result<RetryForm, BadFault> {
    RETRY_FORMS
        .iter()
        .find_map(|(word, form)| (*word == text).then_some(*form))
        .ok_or_else(|| bad("retry-form", "`seconds`, `millis` or `date`", text))
}

/// Reads `5s`, `1m30s`, `200ms`, or a bare number of seconds.
fn wait(text: &str) -> Result<Duration, BadFault> {
    if let Some(wait) = text.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()) {
        return Ok(wait);
    }
    SpanParser::new()
        .parse_unsigned_duration(text)
        .map_err(|_| bad("a wait", "a length of time such as `2s`", text))
}

fn written(wait: &Duration) -> String {
    SpanPrinter::new().spacing(Spacing::None).unsigned_duration_to_string(wait)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_fault() -> impl Strategy<Value = Fault> {
        let wait = (0u64..10_000_000).prop_map(Duration::from_millis);
        let again = wait.clone();
        let form = prop::sample::select(RETRY_FORMS.map(|(_, form)| form).to_vec());
        prop_oneof![
            (
                400u16..600,
                prop::option::of("[a-zA-Z_]{1,20}"),
                prop::option::of(wait.clone()),
                form
            )
                .prop_map(|(code, error, retry_after, retry_form)| Fault::Status {
                    code,
                    error,
                    retry_after,
                    retry_form
                }),
            wait.prop_map(Fault::SlowFirstToken),
            (0usize..99).prop_map(|after| Fault::Stall { after }),
            (0usize..99, any::<bool>()).prop_map(|(after, clean)| Fault::Cut { after, clean }),
            ("[a-zA-Z_]{1,20}", 0usize..99).prop_map(|(code, after)| Fault::InBand { code, after }),
            prop::sample::select(BARE.map(|(_, fault)| fault).to_vec()),
            (0.0..1e6).prop_map(Fault::SlowFirstTokenBy),
            (0.0..1e6).prop_map(Fault::SlowTokens),
            any::<u64>().prop_map(Fault::SilentShort),
            (0.0..=1.0).prop_map(Fault::Garble),
            prop::option::of(any::<u64>()).prop_map(|after| Fault::ContentFilter { after }),
            any::<u64>().prop_map(Fault::ContextLimit),
            "[a-z_]{1,20}".prop_map(Fault::RejectParam),
            prop::option::of(again).prop_map(|retry_after| Fault::HighDemand { retry_after }),
            "[a-z][a-z0-9.-]{0,20}".prop_map(Fault::Model),
            "[a-z]([a-z ]{0,20}[a-z])?".prop_map(Fault::Say),
        ]
    }

    proptest! {
        #[test]
        fn the_written_form_round_trips(fault in any_fault()) {
            prop_assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault));
        }
    }

    #[test]
    fn seconds_need_no_unit() {
        assert_eq!(
            "status=429, retry-after=2".parse(),
            Ok(Fault::Status {
                code: 429,
                error: None,
                retry_after: Some(Duration::from_secs(2)),
                retry_form: RetryForm::Seconds,
            })
        );
        assert_eq!(
            "slow-first-token=1m 30s".parse(),
            Ok(Fault::SlowFirstToken(Duration::from_secs(90)))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "unknown fault ``"),
            ("explode", "`explode`"),
            ("status=200", "400 to 599"),
            ("status=503,after=2", "no option `after`"),
            ("cut-after=soon", "content events"),
            ("slow-first-token", "length of time"),
            ("status=429,retry-form=smoke", "`millis`"),
            ("in-band", "code word"),
            ("slow-tokens=quick", "such as `8x`"),
            ("slow-first-token=-1x", "such as `8x`"),
            ("slow-tokens=infx", "such as `8x`"),
            ("garble=16", "from 0 to 1"),
            ("silent-short", "a number of tokens"),
            ("content-filter,after=soon", "a number of tokens"),
            ("reject-param", "name of a field"),
            ("model-gone,after=2", "no option `after`"),
        ] {
            let said = text.parse::<Fault>().unwrap_err().to_string();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
