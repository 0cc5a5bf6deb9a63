//! Guards: cost, time, refusals and the like, each by a bound and not by what was measured.

use super::finding::find_by;
use crate::{
    bootstrap::{Pair, quantile_ratio},
    gate::{Gate, Question},
    number::mean_of,
    quantile::{quantile, quantile_bounds, sort},
    rate::wilson,
    ratio::Ratio,
    rows::{Row, Rows, Trial},
    ruling::{Guard, GuardRuling, Verdict},
};

/// The quantile of times.
const P95: f64 = 0.95;

/// What was measured for a guard.
#[derive(Clone, Copy, Default)]
struct Measure {
    estimate: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    n: usize,
}

/// Every guard that is set.
pub(super) fn judge_all(gate: &Gate, rows: &Rows<'_>) -> Vec<GuardRuling> {
    let guards = &gate.guards;
    let rows = rows.rows.as_slice();
    let set = |guard: Guard, limit: Option<f64>, measure: &dyn Fn() -> Measure| {
        limit.map(|limit| weigh(guard, limit, measure()))
    };
    let refusals = |limit: Option<f64>| limit.map(|limit| refusals(gate, limit, rows));
    [
        set(Guard::CostRatio, guards.cost_ratio, &|| means(gate, rows, &cost)),
        set(Guard::P95LatencyRatio, guards.p95_latency_ratio, &|| latency(gate, rows)),
        set(Guard::TtftP95Ms, guards.ttft_p95_ms, &|| first_token(gate, rows)),
        refusals(guards.refusal_delta),
        set(Guard::ErrorRate, guards.error_rate, &|| errors(gate, rows)),
        set(Guard::OutputTokenRatio, guards.output_token_ratio, &|| means(gate, rows, &tokens)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn weigh(guard: Guard, limit: f64, measure: Measure) -> GuardRuling {
    let Measure { estimate, lower, upper, n } = measure;
    let verdict = if upper.is_some_and(|upper| upper <= limit) {
        Verdict::Pass
    } else if lower.is_some_and(|lower| lower > limit) {
        beyond(guard)
    } else {
        Verdict::Inconclusive
    };
    let reason = format!("{}: {}", name(guard), told(verdict, limit, &measure));
    GuardRuling { guard, verdict, reason, limit, estimate, lower, upper, n }
}

/// What it means to be beyond a limit for sure. A provider that was ill says nothing of the model.
const fn beyond(guard: Guard) -> Verdict {
    match guard {
        Guard::ErrorRate => Verdict::Error,
        _ => Verdict::Fail,
    }
}

fn told(verdict: Verdict, limit: f64, measure: &Measure) -> String {
    let Some(estimate) = measure.estimate else {
        return "nothing was measured".to_owned();
    };
    let bound = |bound: Option<f64>| bound.map_or("?".to_owned(), |bound| format!("{bound:.3}"));
    let range = format!("{estimate:.3} ({} to {})", bound(measure.lower), bound(measure.upper));
    let judged = match verdict {
        Verdict::Pass => "within",
        Verdict::Inconclusive => "not shown to be within",
        Verdict::Error | Verdict::Fail => "beyond",
    };
    format!("{range} is {judged} {limit}, from {}", measure.n)
}

const fn name(guard: Guard) -> &'static str {
    match guard {
        Guard::CostRatio => "cost ratio",
        Guard::P95LatencyRatio => "p95 latency ratio",
        Guard::TtftP95Ms => "p95 of the time to the first token, in ms",
        Guard::RefusalDelta => "rise of refusals",
        Guard::ErrorRate => "rate of provider errors",
        Guard::OutputTokenRatio => "output token ratio",
    }
}

fn cost(trial: &Trial) -> Option<f64> {
    trial.cost.map(tieline_types::UsdPico::approximately)
}

#[expect(clippy::cast_precision_loss, reason = "no answer has 2^53 tokens")]
fn tokens(trial: &Trial) -> Option<f64> {
    trial.output_tokens.map(|tokens| tokens as f64)
}

/// The mean of what an arm's measured trials show.
fn arm(trials: &[Trial], value: &dyn Fn(&Trial) -> Option<f64>) -> Option<f64> {
    let measured = trials.iter().filter(|trial| trial.is_measured());
    mean_of(&measured.filter_map(value).collect::<Vec<_>>())
}

/// What both arms show, of items that were measured in both.
fn pairs(rows: &[Row<'_>], value: &dyn Fn(&Trial) -> Option<f64>) -> Vec<Pair> {
    let pair = |row: &Row<'_>| {
        let (candidate, incumbent) =
            (arm(&row.item.candidate, value)?, arm(&row.item.incumbent, value)?);
        Some(Pair { candidate, incumbent, label: row.label })
    };
    rows.iter().filter_map(pair).collect()
}

fn means(gate: &Gate, rows: &[Row<'_>], value: &dyn Fn(&Trial) -> Option<f64>) -> Measure {
    let pairs = pairs(rows, value);
    let over: Vec<f64> = pairs.iter().map(|pair| pair.candidate).collect();
    let under: Vec<f64> = pairs.iter().map(|pair| pair.incumbent).collect();
    let labels: Vec<usize> = pairs.iter().map(|pair| pair.label).collect();
    let n = pairs.len();
    let Some(ratio) = Ratio::of(&over, &under, &labels) else {
        return Measure { n, ..Measure::default() };
    };
    let bounds = ratio.interval(gate.alpha);
    measured(ratio.ratio, (bounds.lower, bounds.upper), n)
}

fn measured(estimate: f64, (lower, upper): (f64, f64), n: usize) -> Measure {
    Measure { estimate: Some(estimate), lower: Some(lower), upper: Some(upper), n }
}

fn latency(gate: &Gate, rows: &[Row<'_>]) -> Measure {
    let pairs = pairs(rows, &|trial| trial.latency_ms);
    let n = pairs.len();
    quantile_ratio(&pairs, P95, gate.alpha, gate.seed)
        .map_or(Measure { n, ..Measure::default() }, |(estimate, bounds)| {
            measured(estimate, (bounds.lower, bounds.upper), n)
        })
}

/// By items, so that repeats of one do not count as many.
fn first_token(gate: &Gate, rows: &[Row<'_>]) -> Measure {
    let mut times: Vec<f64> =
        rows.iter().filter_map(|row| arm(&row.item.candidate, &|trial| trial.ttft_ms)).collect();
    sort(&mut times);
    let (lower, upper) = quantile_bounds(&times, P95, gate.alpha);
    Measure { estimate: quantile(&times, P95), lower, upper, n: times.len() }
}

fn errors(gate: &Gate, rows: &[Row<'_>]) -> Measure {
    let calls: usize = rows.iter().map(|row| row.item.candidate.len()).sum();
    let trials = || rows.iter().flat_map(|row| &row.item.candidate);
    let failed = trials().filter(|trial| trial.failed).count();
    if calls == 0 {
        return Measure::default();
    }
    let bounds = wilson(failed, calls, gate.alpha);
    measured(failed as f64 / calls as f64, (bounds.lower, bounds.upper), calls)
}

/// Refusals are outcomes like any other: the candidate must not be worse at answering.
fn refusals(gate: &Gate, limit: f64, rows: &[Row<'_>]) -> GuardRuling {
    let answered = |trial: &Trial| {
        let refused = trial.refused.filter(|_| !trial.failed)?;
        Some(if refused { 0.0 } else { 1.0 })
    };
    // A call that failed might have been refused, and is missing here too.
    let concerned = |row: &&Row<'_>| {
        let mut trials = row.item.candidate.iter().chain(&row.item.incumbent);
        trials.any(|trial| trial.refused.is_some() || trial.failed)
    };
    let looked_at: Vec<Row<'_>> = rows.iter().filter(concerned).copied().collect();
    let question = Question::NonInferior(limit);
    let finding = find_by(gate, name(Guard::RefusalDelta), question, &looked_at, &answered);
    let judged = finding.verdict != Verdict::Error;
    GuardRuling {
        guard: Guard::RefusalDelta,
        verdict: if judged { finding.verdict } else { Verdict::Inconclusive },
        reason: finding.reason,
        limit,
        estimate: judged.then_some(-finding.estimate),
        lower: judged.then_some(-finding.interval.upper),
        upper: judged.then_some(-finding.interval.lower),
        n: finding.items,
    }
}
