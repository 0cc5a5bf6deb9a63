//! From rows to a verdict. Pure: it works on the files of a run, or on rows of another tool.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tieline_gate::{
    Gate, Guards, Invalid, Item, MetricRule, Ruling, SliceRule, Trial, Verdict, judge,
};
use tieline_types::UsdPico;

use crate::{
    Answer, Arm, GateFile, Row, judges,
    run::{RunFile, plan},
    suite::PASS,
};

/// The margin by which metrics are compared that the gate does not name; they are only shown.
const SHOWN_MARGIN: f64 = 0.05;

/// What the rows of a run show of its candidate, by the rules that were declared for it.
///
/// # Errors
/// Where the gate makes no sense, or a score is out of range.
pub fn rule(run: &RunFile, rows: &[Row]) -> Result<Ruling, Invalid> {
    let both = run.arms.contains_key(&Arm::Incumbent);
    let asked = whole_cases(run, rows);
    let of_suite: Vec<&Row> = rows.iter().filter(|row| !row.again).collect();
    let undecided = judges::undecided(run, rows);
    let gate = gate(run, &undecided, &of_suite, both);
    let has_metric = gate.metrics.values().any(|rule| rule.required);
    let mut ruling = match has_metric || run.invariants.is_empty() {
        true => judged(&gate, &items(run, &of_suite, &asked, &scores), has_metric)?,
        false => Ruling { verdict: Verdict::Pass, ..empty(&gate) },
    };
    if !run.invariants.is_empty() {
        let all: Vec<&Row> = rows.iter().collect();
        let kept = |row: &Row| kept(&run.invariants, row);
        let found = judge(&invariants(run), &items(run, &all, &asked, &kept))?;
        add(&mut ruling, found.verdict, found.reasons);
        ruling.invariants = found.invariants;
    }
    let asked = run.gate.metrics();
    for (metric, why) in undecided.iter().filter(|(metric, _)| asked.contains_key(*metric)) {
        let words = format!("{metric} can neither pass nor fail: {why}");
        add(&mut ruling, Verdict::Inconclusive, vec![words]);
    }
    if let Some(words) = lacking(run, rows) {
        add(&mut ruling, Verdict::Inconclusive, vec![words]);
    }
    Ok(ruling)
}

/// Judges what is asked of metrics and guards; where nothing can be asked, that is the reason.
fn judged(gate: &Gate, items: &[Item], has_metric: bool) -> Result<Ruling, Invalid> {
    if has_metric {
        return judge(gate, items);
    }
    if !gate.metrics.is_empty() {
        return shown(gate, items);
    }
    let words = "there is no incumbent to compare with, and the gate names no `at_least`";
    let reasons = vec![words.to_owned()];
    Ok(Ruling { verdict: Verdict::Inconclusive, reasons, items: items.len(), ..empty(gate) })
}

/// What metrics show that may decide nothing. Guards decide all the same.
fn shown(gate: &Gate, items: &[Item]) -> Result<Ruling, Invalid> {
    let required = |rule: &MetricRule| MetricRule { required: true, ..*rule };
    let metrics = gate.metrics.iter().map(|(name, rule)| (name.clone(), required(rule)));
    let whole = Gate { metrics: metrics.collect(), slices: BTreeMap::new(), ..gate.clone() };
    let mut ruling = judge(&whole, items)?;
    (ruling.verdict, ruling.reasons) = (Verdict::Inconclusive, Vec::new());
    ruling.metrics.iter_mut().for_each(|metric| metric.required = false);
    for guard in ruling.guards.clone() {
        add(&mut ruling, guard.verdict, vec![guard.reason]);
    }
    Ok(ruling)
}

fn empty(gate: &Gate) -> Ruling {
    Ruling {
        verdict: Verdict::Pass,
        reasons: Vec::new(),
        items: 0,
        alpha: gate.alpha,
        metrics: Vec::new(),
        slices: Vec::new(),
        invariants: Vec::new(),
        guards: Vec::new(),
    }
}

/// Adds a required part: the reasons are those of the worst.
fn add(ruling: &mut Ruling, verdict: Verdict, reasons: Vec<String>) {
    let both = ruling.verdict.and(verdict);
    if both != ruling.verdict {
        ruling.reasons.clear();
    }
    if both == verdict {
        ruling.reasons.extend(reasons);
    }
    ruling.verdict = both;
}

/// How many of the asks that were declared have no row.
#[must_use]
pub fn unasked(run: &RunFile, rows: &[Row]) -> usize {
    let done: BTreeSet<(&str, Arm, u32)> =
        rows.iter().map(|row| (&*row.case, row.arm, row.repeat)).collect();
    let asks = plan(run.cases.len(), &run.arms(), run.settings.repeats, run.settings.seed);
    let missing = asks.iter().filter(|ask| {
        let case = run.cases.get(ask.case);
        case.is_some_and(|case| !done.contains(&(case, ask.arm, ask.repeat)))
    });
    missing.count()
}

/// Why rows cannot pass a candidate whatever they say.
fn lacking(run: &RunFile, rows: &[Row]) -> Option<String> {
    let unasked = unasked(run, rows);
    let resume = format!("{unasked} asks were not made: go on with `--resume {}`", run.id);
    (unasked > 0).then_some(resume)
}

/// The cases that were asked of every arm: a case that the budget cut in two is neither missing nor
/// wrong.
fn whole_cases<'a>(run: &RunFile, rows: &'a [Row]) -> BTreeSet<&'a str> {
    let mut seen: BTreeMap<&str, BTreeSet<Arm>> = BTreeMap::new();
    for row in rows {
        seen.entry(&row.case).or_default().insert(row.arm);
    }
    let whole = seen.into_iter().filter(|(_, arms)| arms.len() == run.arms.len());
    whole.map(|(case, _)| case).collect()
}

/// What is asked of metrics, slices and guards.
fn gate(run: &RunFile, undecided: &BTreeMap<String, String>, rows: &[&Row], both: bool) -> Gate {
    let GateFile { alpha, min_power, slices, guards, .. } = &run.gate;
    let mut metrics: BTreeMap<String, MetricRule> = BTreeMap::new();
    for (name, rule) in run.gate.metrics() {
        let margin = rule.margin.filter(|_| both);
        let required = !undecided.contains_key(&name);
        if margin.is_some() || rule.at_least.is_some() {
            metrics.insert(name, MetricRule { margin, at_least: rule.at_least, required });
        }
    }
    let seen = rows.iter().flat_map(|row| row.marks.metrics.keys().map(String::as_str));
    let shown: BTreeSet<&str> = seen.chain([PASS]).filter(|_| both).collect();
    for name in shown {
        let rule =
            MetricRule { margin: Some(SHOWN_MARGIN), required: false, ..MetricRule::default() };
        metrics.entry(name.to_owned()).or_insert(rule);
    }
    let slices = slices.iter().filter(|_| both).map(|(name, rule)| {
        (name.clone(), SliceRule { margin: Some(rule.margin), at_least: None, min_n: rule.min_n })
    });
    Gate {
        alpha: *alpha,
        min_power: *min_power,
        metrics,
        slices: slices.collect(),
        guards: Guards {
            cost_ratio: guards.cost_ratio,
            p95_latency_ratio: guards.p95_latency_ratio,
            ttft_p95_ms: guards.ttft_p95_ms,
            refusal_delta: guards.refusal_delta,
            error_rate: guards.error_rate,
            output_token_ratio: guards.output_token_ratio,
        },
        seed: run.settings.seed,
        ..Gate::default()
    }
}

fn invariants(run: &RunFile) -> Gate {
    Gate {
        alpha: run.gate.alpha,
        invariants: run.invariants.clone(),
        quarantine: run.gate.quarantine.iter().cloned().collect(),
        ..Gate::default()
    }
}

type Scores = BTreeMap<String, Option<f64>>;

/// The metrics of an answer.
fn scores(row: &Row) -> Scores {
    let mut scores = row.marks.metrics.clone();
    scores.insert(PASS.to_owned(), row.marks.pass.map(|pass| f64::from(u8::from(pass))));
    scores
}

/// Which invariants an answer keeps, of those that concern it.
fn kept(invariants: &BTreeSet<String>, row: &Row) -> Scores {
    let mut kept = Scores::new();
    for name in invariants {
        let Some(grade) = row.grades.iter().find(|grade| grade.grader == *name) else { continue };
        let broken = row.marks.broken.contains(name);
        let score = f64::from(u8::from(!broken));
        kept.insert(name.clone(), Some(score).filter(|_| grade.error.is_none()));
    }
    kept
}

/// Cases with what both arms made of them, in the order of their ids.
fn items(
    run: &RunFile,
    rows: &[&Row],
    whole: &BTreeSet<&str>,
    scores: &dyn Fn(&Row) -> Scores,
) -> Vec<Item> {
    let mut items: BTreeMap<&str, Item> = BTreeMap::new();
    for row in rows.iter().filter(|row| whole.contains(&*row.case)) {
        let item = items.entry(&row.case).or_insert_with(|| Item {
            id: row.case.clone(),
            cluster: row.cluster.clone(),
            slices: row.slices.clone(),
            ..Item::default()
        });
        let trial = trial(row, scores);
        match row.arm {
            Arm::Candidate => item.candidate.push(trial),
            Arm::Incumbent if run.arms.contains_key(&Arm::Incumbent) => item.incumbent.push(trial),
            Arm::Incumbent => {}
        }
    }
    items.into_values().collect()
}

fn trial(row: &Row, scores: &dyn Fn(&Row) -> Scores) -> Trial {
    let Some(answer) = &row.answer else {
        return Trial { failed: true, ..Trial::default() };
    };
    Trial {
        failed: false,
        scores: scores(row),
        refused: Some(is_refusal(answer)),
        cost: answer.cost_usd.and_then(money),
        latency_ms: Some(ms(answer.took)).filter(|ms| *ms > 0.0),
        ttft_ms: answer.ttft.map(ms),
        output_tokens: answer.usage.map(|usage| usage.output_total()),
        cached: answer.cached,
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Whether a provider marked an answer as refused.
#[must_use]
pub fn is_refusal(answer: &Answer) -> bool {
    answer.refusal.is_some() || answer.finish_reason == "content_filter"
}

/// Dollars to the picodollar.
fn money(usd: f64) -> Option<UsdPico> {
    format!("{usd:.12}").parse().ok()
}

#[cfg(test)]
mod tests;
