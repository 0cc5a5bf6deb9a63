//! Two computations of one claim: this crate's, and a script's that shares no code with it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::Command,
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tieline_slo::{Alerts, Counts, Event, Firing, JobEnd, Minutes, Slo};
use tieline_types::{AttemptRecord, CallRecord, Class, CostState, Outcome, Usage};

use crate::indicators::{attempt, call};

/// The minute in which the log begins, since the Unix epoch.
const START: u64 = 29_000_000;
/// How many minutes it has: longer than any window of an alert.
const LENGTH: u64 = 6 * 24 * 60;
/// Minutes without any request.
const SILENT: std::ops::Range<u64> = 4_000..4_500;
/// Minutes of trouble, and what share of requests has it.
const TROUBLE: [(std::ops::Range<u64>, f64); 4] =
    [(900..978, 1.0), (2_000..2_400, 0.3), (5_000..5_003, 1.0), (6_000..8_000, 0.06)];

/// A line of the log: a request, and what is not of its record.
struct Line {
    call: CallRecord,
    tier: Option<usize>,
    gap: Option<u64>,
    score: Option<f64>,
    job: Option<JobEnd>,
    drill: bool,
}

impl Line {
    fn event(&self) -> Event<'_> {
        Event {
            longest_gap: self.gap.map(Duration::from_micros),
            score: self.score,
            job: self.job,
            ..Event::new(&self.call, self.tier)
        }
    }

    fn minute(&self) -> u64 {
        (self.call.started_ms + self.call.duration_us / 1000) / 60_000
    }

    fn json(&self) -> Value {
        let mut line = serde_json::to_value(&self.call).unwrap();
        line["tier_position"] = json!(self.tier);
        line["longest_gap_us"] = json!(self.gap);
        line["score"] = json!(self.score);
        line["job"] = json!(self.job.map(|job| {
            json!({ "took_us": u64::try_from(job.took.as_micros()).unwrap(), "done": job.done })
        }));
        line["drill"] = json!(self.drill.then_some("claude-2026-04-28"));
        line
    }
}

/// The log of six days: busy and quiet hours, trouble, a silence and a drill.
fn log() -> Vec<Line> {
    let mut random = StdRng::seed_from_u64(6);
    let mut lines = Vec::new();
    for minute in (0..LENGTH).filter(|minute| !SILENT.contains(minute)) {
        let most = if minute % 1440 < 960 { 7 } else { 3 };
        for _ in 0..random.random_range(0..=most) {
            let ill = TROUBLE.iter().find(|(range, _)| range.contains(&minute));
            let ill = ill.is_some_and(|(_, share)| random.random_bool(*share));
            lines.push(line(&mut random, minute, ill));
        }
    }
    lines
}

fn line(random: &mut StdRng, minute: u64, ill: bool) -> Line {
    let odds = if ill { 0.8 } else { 0.002 };
    let wrong = random.random_bool(odds);
    let outcome = match random.random_range(0..1_000) {
        0..10 => Outcome::Refused,
        10..20 => Outcome::Cancelled,
        _ if wrong && random.random_bool(0.7) => Outcome::Failed,
        _ if wrong => Outcome::Broken,
        20..30 => Outcome::Degraded,
        _ => Outcome::Served,
    };
    let slow = if ill { 8 } else { 1 };
    let first = random.random_range(100_000..2_500_000) * slow;
    let began = outcome != Outcome::Failed && random.random_bool(0.95);
    let answered = matches!(outcome, Outcome::Served | Outcome::Degraded | Outcome::Broken);
    let usage = Usage {
        input: random.random_range(10..9_000),
        cache_read: random.random_range(0..500),
        output: random.random_range(1..400),
        reasoning: if random.random_bool(0.3) { random.random_range(1..200) } else { 0 },
        ..Usage::default()
    };
    let call = CallRecord {
        started_ms: (START + minute) * 60_000 + random.random_range(0..60_000),
        duration_us: first + random.random_range(100_000..20_000_000) * slow,
        first_content_us: began.then_some(first),
        stream: random.random_bool(0.8),
        outcome,
        fault: (outcome == Outcome::Failed).then_some(if random.random_bool(0.02) {
            Class::PolicyBlock
        } else {
            Class::Auth
        }),
        usage: random.random_bool(0.97).then_some(usage),
        attempts: attempts(random),
        ..call()
    };
    let some = |random: &mut StdRng, share| random.random_bool(share);
    Line {
        tier: answered.then(|| usize::from(ill) + usize::from(some(random, 0.01))),
        gap: some(random, 0.9).then(|| random.random_range(10_000..2_050_000) * slow),
        score: (answered && some(random, 0.2)).then(|| {
            let worst = if ill { 0.2 } else { 0.79 };
            random.random_range(worst..1.0)
        }),
        job: some(random, 0.1).then(|| JobEnd {
            took: Duration::from_micros(random.random_range(1_000_000..3_620_000_000)),
            done: !wrong,
        }),
        drill: (3_000..3_100).contains(&minute) && some(random, 0.5),
        call,
    }
}

fn attempts(random: &mut StdRng) -> Vec<AttemptRecord> {
    let states = [CostState::Priced, CostState::Priced, CostState::Estimated, CostState::Unpriced];
    (0..random.random_range(0..3))
        .map(|_| {
            let state = states[random.random_range(0..states.len())];
            let mills = random.random_range(0..27);
            let usd = if state == CostState::Unpriced { 0 } else { mills };
            attempt(&format!("0.{usd:03}"), state)
        })
        .collect()
}

/// A definition as JSON, which both sides read.
fn definition(good: &Value, target: f64, window: &str, windows: Option<&str>) -> Value {
    let sli = &good["sli"];
    let metric = |spec: Value| json!({ "metricSource": { "type": "Tieline", "spec": spec } });
    let mut metadata = json!({ "name": "served", "annotations": {} });
    if let Some(windows) = windows {
        metadata["annotations"]["tieline.dev/alert-windows"] = json!(windows);
    }
    json!({
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": metadata,
        "spec": {
            "service": "support-reply",
            "indicator": { "spec": { "ratioMetric": {
                "good": metric(good.clone()), "total": metric(json!({ "sli": sli })),
            } } },
            "timeWindow": [{ "duration": window, "isRolling": true }],
            "budgetingMethod": "Occurrences",
            "objectives": [{ "target": target }],
        },
    })
}

/// What this crate makes of the log, in the words of the script.
fn ours(slo: &Slo, lines: &[Line]) -> Value {
    let mut counts: BTreeMap<u64, Counts> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.drill) {
        if let Some(good) = slo.indicator.judge(&line.event()) {
            let minute = counts.entry(line.minute()).or_default();
            *minute = *minute + Counts::of(good);
        }
    }
    let last = lines.iter().map(Line::minute).max().unwrap();
    let first = counts.keys().next().copied().unwrap_or(last);
    let (mut minutes, mut alerts) = (Minutes::new(slo.alerting.reach()), Alerts::new(slo));
    let mut firing: BTreeMap<&str, Vec<[u64; 2]>> =
        ["page", "ticket", "no_data"].map(|name| (name, Vec::new())).into();
    for now in first..=last {
        minutes.add(now, counts.get(&now).copied().unwrap_or_default());
        for alert in alerts.at(&minutes, now) {
            let name = match alert {
                Firing::NoData { .. } => "no_data",
                Firing::Burn { rule, .. } => rule.severity.as_str(),
            };
            let stretches = firing.get_mut(name).unwrap();
            match stretches.last_mut() {
                Some(stretch) if stretch[1] == now - 1 => stretch[1] = now,
                _ => stretches.push([now, now]),
            }
        }
    }
    let since = last - slo.window.as_secs() / 60;
    let within = counts.range(since + 1..).map(|(_, counts)| *counts).sum::<Counts>();
    let budget = slo.budget(within);
    json!({
        "slo": &*slo.name, "feature": &*slo.feature, "good": within.good, "bad": within.bad,
        "budget_spent": budget.spent, "budget_remaining": budget.remaining,
        "alert_minutes": firing,
    })
}

/// What the script makes of it; none where there is no Python, which is a failure where nothing may
/// be left out.
fn theirs(folder: &Path, definition: &Value) -> Option<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/slo/recompute.py");
    fs::write(folder.join("slo.json"), definition.to_string()).unwrap();
    let mut command = Command::new("python3");
    command.arg(script).args(["slo.json", "events.ndjson"]).current_dir(folder);
    let Ok(output) = command.output() else {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn near(one: &Value, other: &Value, key: &str) -> bool {
    (one[key].as_f64().unwrap() - other[key].as_f64().unwrap()).abs() < 1e-9
}

#[test]
fn an_independent_script_finds_the_same_indicators_budgets_and_alert_minutes() {
    let lines = log();
    assert!(lines.len() >= 20_000, "{}", lines.len());
    let folder = tempfile::tempdir().unwrap();
    let mut file = BufWriter::new(File::create(folder.path().join("events.ndjson")).unwrap());
    lines.iter().for_each(|line| writeln!(file, "{}", line.json()).unwrap());
    drop(file);
    let mut fired = BTreeMap::new();
    for (good, target, window, windows) in [
        (json!({ "sli": "availability", "maxTier": 1 }), 0.99, "30d", None),
        (json!({ "sli": "availability" }), 0.95, "28d", Some("pyrra-28d")),
        (json!({ "sli": "tier0_share" }), 0.95, "7d", None),
        (json!({ "sli": "ttft", "within": "3s" }), 0.95, "28d", None),
        (
            json!({
                "sli": "ttft", "within": "2400ms", "promptAbove": 1000, "promptUpTo": 8000,
                "reasoning": true,
            }),
            0.9,
            "4d",
            None,
        ),
        (json!({ "sli": "itl", "gap": "2s", "tokensPerSecond": 5 }), 0.6, "7d", None),
        (json!({ "sli": "stream_completion" }), 0.99, "30d", None),
        (json!({ "sli": "e2e", "within": "20s" }), 0.9, "7d", None),
        (json!({ "sli": "quality", "atLeast": 0.8 }), 0.9, "7d", None),
        (json!({ "sli": "cost", "atMostUsd": 0.026 }), 0.8, "30d", None),
        (json!({ "sli": "freshness", "within": "1h" }), 0.99, "30d", None),
    ] {
        let definition = definition(&good, target, window, windows);
        let slo = tieline_slo::read("slo.json", &definition.to_string()).unwrap().remove(0);
        let ours = ours(&slo, &lines);
        let Some(theirs) = theirs(folder.path(), &definition) else { return };
        for key in ["slo", "feature", "good", "bad", "alert_minutes"] {
            assert_eq!(ours[key], theirs[key], "{good}: {key}");
        }
        for key in ["budget_spent", "budget_remaining"] {
            assert!(near(&ours, &theirs, key), "{good}: {key}: {ours} {theirs}");
        }
        for (alert, stretches) in ours["alert_minutes"].as_object().unwrap() {
            *fired.entry(alert.clone()).or_insert(0) += stretches.as_array().unwrap().len();
        }
        assert!(ours["good"].as_u64() > Some(100) && ours["bad"].as_u64() > Some(10), "{ours}");
    }
    assert!(
        fired.values().all(|times| *times > 0),
        "some alert was never put to the test: {fired:?}"
    );
}
