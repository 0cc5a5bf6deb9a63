//! SLIs: a ratio of good requests to all that count, both told by one name.

use tieline_yaml::{Fields, Node, Notes, Value, time};

use crate::{Indicator, Selection};

/// The type of metric source whose metrics are Tieline's own.
const SOURCE: &str = "Tieline";
/// Keys that say which answers are looked at.
const SELECTION: [&str; 3] = ["promptAbove", "promptUpTo", "reasoning"];
/// Every indicator by its name, and what it takes beside `sli` and keys of [`SELECTION`].
const INDICATORS: [(&str, &[&str], bool); 9] = [
    ("availability", &["maxTier"], false),
    ("tier0_share", &[], false),
    ("ttft", &["within"], true),
    ("itl", &["gap", "tokensPerSecond"], false),
    ("stream_completion", &[], false),
    ("e2e", &["within"], true),
    ("quality", &["atLeast"], false),
    ("cost", &["atMostUsd"], false),
    ("freshness", &["within"], false),
];

/// Reads what an SLI specifies; none where it is wrong, which is told.
pub(super) fn read(spec: &Node, notes: &mut Notes) -> Option<Indicator> {
    let known = ["description", "ratioMetric", "thresholdMetric"];
    let fields = notes.fields(spec, "the indicator", &known)?;
    if let Some(threshold) = fields.get("thresholdMetric") {
        let help = "write a `ratioMetric` and its threshold into `good`, such as `within: 3s`";
        notes.tell(threshold.at, "Tieline judges each request by itself", help);
        return None;
    }
    let example = "ratioMetric: { good: ..., total: ... }";
    let ratio = notes.required(&fields, "the indicator", "ratioMetric", example)?;
    let known = ["counter", "good", "bad", "total", "raw", "rawType"];
    let ratio = notes.fields(ratio, "`ratioMetric`", &known)?;
    if let Some(counter) = ratio.get("counter") {
        notes.bool(counter, "`counter`")?;
    }
    for key in ["bad", "raw", "rawType"] {
        if let Some(other) = ratio.get(key) {
            let help = "write which requests are `good`, and `total`";
            notes.tell(other.at, format!("Tieline has no `{key}` metric"), help);
        }
    }
    let good = metric(&ratio, "good", notes);
    let total = metric(&ratio, "total", notes);
    let ((good_name, good), (total_name, total)) = (good?, total?);
    if good_name != total_name {
        let message = format!("`good` is of `{good_name}` and `total` of `{total_name}`");
        notes.tell(total.at, message, format!("write `sli: {good_name}` in both"));
        return None;
    }
    for (name, at, _) in total.entries().filter(|(name, ..)| *name != "sli") {
        let message = format!("`{name}` says which requests are good, or which of them count");
        notes.tell(at, message, "write it in `good` only; `total` needs `sli` alone");
    }
    indicator(good_name, &good, notes)
}

/// The name of a metric and what its source is told.
fn metric<'n>(
    ratio: &Fields<'n>,
    key: &str,
    notes: &mut Notes,
) -> Option<(&'static str, Fields<'n>)> {
    let example = format!("{key}: {{ metricSource: {{ type: Tieline, spec: {{ sli: ... }} }} }}");
    let metric = notes.required(ratio, "`ratioMetric`", key, &example)?;
    let metric = notes.fields(metric, &format!("`{key}`"), &["metricSource"])?;
    let source = notes.required(&metric, &format!("`{key}`"), "metricSource", &example)?;
    let known = ["type", "spec", "metricSourceRef"];
    let source = notes.fields(source, "`metricSource`", &known)?;
    if let Some(other) = source.get("metricSourceRef") {
        let help = "take it out and write `type: Tieline`";
        notes.tell(other.at, "Tieline reads no metrics of others", help);
    }
    let kind = notes.required(&source, "`metricSource`", "type", "type: Tieline")?;
    notes.one_of(kind, "`type`", &[SOURCE])?;
    let spec = notes.required(&source, "`metricSource`", "spec", "spec: { sli: ... }")?;
    named(spec, &[], notes)
}

/// Reads the indicator that `sli` names, with what it takes, from a mapping that may have the keys
/// of `beside` too. None where something is wrong, which is told.
pub fn indicator_of(node: &Node, beside: &[&str], notes: &mut Notes) -> Option<Indicator> {
    let (name, fields) = named(node, beside, notes)?;
    indicator(name, &fields, notes)
}

/// The name of an indicator and the mapping that says what it takes.
fn named<'n>(
    node: &'n Node,
    beside: &[&str],
    notes: &mut Notes,
) -> Option<(&'static str, Fields<'n>)> {
    let fields = notes.any_fields(node, "`spec`")?;
    let sli = notes.required(&fields, "`spec`", "sli", "sli: availability")?;
    let names: Vec<&str> = INDICATORS.iter().map(|(name, ..)| *name).collect();
    let place = notes.one_of(sli, "`sli`", &names)?;
    let (name, own, selects) = INDICATORS.get(place)?;
    let mut known = vec!["sli"];
    known.extend(*own);
    if *selects {
        known.extend(SELECTION);
    }
    known.extend(beside);
    notes.fields(node, &format!("`{name}`"), &known).map(|fields| (*name, fields))
}

fn indicator(name: &'static str, good: &Fields<'_>, notes: &mut Notes) -> Option<Indicator> {
    Some(match name {
        "availability" => Indicator::Availability { max_tier: max_tier(good, notes)? },
        "tier0_share" => Indicator::BestTier,
        "ttft" => {
            let (within, of) = (within(name, good, notes), selection(good, notes));
            Indicator::FirstToken { within: within?, of: of? }
        }
        "itl" => smoothness(good, notes)?,
        "stream_completion" => Indicator::StreamCompletion,
        "e2e" => {
            let (within, of) = (within(name, good, notes), selection(good, notes));
            Indicator::Latency { within: within?, of: of? }
        }
        "quality" => {
            let node = notes.required(good, "`quality`", "atLeast", "atLeast: 0.8")?;
            let fits = |score| (0.0..=1.0).contains(&score);
            Indicator::Quality { at_least: notes.number(node, "a score from 0 to 1", fits)? }
        }
        "cost" => Indicator::Cost { at_most: dollars(good, notes)? },
        _ => Indicator::Freshness { within: within(name, good, notes)? },
    })
}

fn max_tier(good: &Fields<'_>, notes: &mut Notes) -> Option<Option<usize>> {
    let Some(node) = good.get("maxTier") else { return Some(None) };
    let tier = notes.whole(node, "the number of a tier, from 0 for the best")?;
    Some(Some(usize::try_from(tier).unwrap_or(usize::MAX)))
}

fn within(name: &str, good: &Fields<'_>, notes: &mut Notes) -> Option<std::time::Duration> {
    let node = notes.required(good, &format!("`{name}`"), "within", "within: 3s")?;
    time::limit(node, "`within`", notes)
}

fn selection(good: &Fields<'_>, notes: &mut Notes) -> Option<Selection> {
    let tokens = |key: &str, notes: &mut Notes| match good.get(key) {
        Some(node) => notes.whole(node, "a number of tokens").map(Some),
        None => Some(None),
    };
    let reasoning = match good.get("reasoning") {
        Some(node) => notes.bool(node, "`reasoning`").map(Some),
        None => Some(None),
    };
    let (above, up_to) = (tokens("promptAbove", notes)?, tokens("promptUpTo", notes)?);
    if let (Some(above), Some(up_to), Some(node)) = (above, up_to, good.get("promptUpTo"))
        && above >= up_to
    {
        let message = format!("no prompt has more than {above} tokens and no more than {up_to}");
        notes.tell(node.at, message, "write a `promptUpTo` that is above `promptAbove`");
        return None;
    }
    Some(Selection { prompt_above: above, prompt_up_to: up_to, reasoning: reasoning? })
}

fn smoothness(good: &Fields<'_>, notes: &mut Notes) -> Option<Indicator> {
    if good.get("gap").is_none() && good.get("tokensPerSecond").is_none() {
        let help = "add `gap: 2s`, `tokensPerSecond: 50`, or both";
        notes.tell(good.at, "`itl` does not say what is smooth", help);
        return None;
    }
    let gap = match good.get("gap") {
        Some(node) => Some(time::limit(node, "`gap`", notes)?),
        None => None,
    };
    let tokens_per_second = match good.get("tokensPerSecond") {
        Some(node) => {
            let fits = |pace: f64| pace > 0.0 && pace.is_finite();
            Some(notes.number(node, "a number of tokens above 0", fits)?)
        }
        None => None,
    };
    Some(Indicator::Smoothness { gap, tokens_per_second })
}

fn dollars(good: &Fields<'_>, notes: &mut Notes) -> Option<tieline_types::UsdPico> {
    let node = notes.required(good, "`cost`", "atMostUsd", "atMostUsd: 0.05")?;
    let text = match &node.value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        _ => String::new(),
    };
    let found = text.parse().ok().filter(|usd| *usd >= tieline_types::UsdPico::ZERO);
    if found.is_none() {
        let help = "write US dollars as a decimal number of at most 12 places, such as 0.05";
        notes.tell(node.at, "`atMostUsd` is no amount of money", help);
    }
    found
}
