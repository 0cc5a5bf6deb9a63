//! Hard invariants: no statistics, but what happens once may be a flake.

use crate::{
    gate::Gate,
    rate::clopper_pearson,
    rows::{Row, Rows},
    ruling::{InvariantRuling, Verdict},
};

/// So often an item has to break an invariant for the gate to fail.
const REPRODUCED: usize = 2;
/// One break among so many answers is a flake.
const TRIES: usize = 3;

/// What one item's answers say of an invariant.
enum Kept {
    Always,
    /// Once, of three times at least.
    Flaky,
    /// Broken once, and not asked often enough to call it a flake.
    Unconfirmed,
    Broken,
    /// No answer could be looked at.
    Unchecked,
}

pub(super) fn judge(gate: &Gate, metric: &str, rows: &Rows<'_>) -> InvariantRuling {
    let mut ruling = InvariantRuling {
        metric: metric.to_owned(),
        verdict: Verdict::Pass,
        reason: String::new(),
        items: 0,
        unchecked: Vec::new(),
        broken: Vec::new(),
        unconfirmed: Vec::new(),
        flaky: Vec::new(),
        upper_bound: 1.0,
    };
    let concerned = rows.concerned_by(metric);
    for row in concerned.iter().filter(|row| !gate.quarantine.contains(&row.item.id)) {
        let kept = kept(row, metric);
        ruling.items += usize::from(!matches!(kept, Kept::Unchecked));
        let list = match kept {
            Kept::Always => continue,
            Kept::Flaky => &mut ruling.flaky,
            Kept::Unconfirmed => &mut ruling.unconfirmed,
            Kept::Broken => &mut ruling.broken,
            Kept::Unchecked => &mut ruling.unchecked,
        };
        list.push(row.item.id.clone());
    }
    let breaks = ruling.broken.len() + ruling.unconfirmed.len() + ruling.flaky.len();
    ruling.upper_bound = clopper_pearson(breaks, ruling.items, gate.alpha).upper;
    (ruling.verdict, ruling.reason) = decide(&ruling);
    ruling
}

fn kept(row: &Row<'_>, metric: &str) -> Kept {
    let scores: Vec<f64> =
        row.item.candidate.iter().filter_map(|trial| trial.score(metric)).collect();
    let breaks = scores.iter().filter(|score| **score < 1.0).count();
    match breaks {
        _ if scores.is_empty() => Kept::Unchecked,
        0 => Kept::Always,
        REPRODUCED.. => Kept::Broken,
        _ if scores.len() >= TRIES => Kept::Flaky,
        _ => Kept::Unconfirmed,
    }
}

fn decide(ruling: &InvariantRuling) -> (Verdict, String) {
    let metric = &ruling.metric;
    if let Some(first) = ruling.broken.first() {
        let count = ruling.broken.len();
        let reason = format!("{metric}: broken again and again by {count} items, {first} first");
        return (Verdict::Fail, reason);
    }
    if ruling.items == 0 {
        return (Verdict::Error, format!("{metric}: no answer of the candidate could be checked"));
    }
    if let Some(first) = ruling.unconfirmed.first() {
        let count = ruling.unconfirmed.len();
        let reason = format!(
            "{metric}: broken once by {count} items, {first} first; ask those {TRIES} times"
        );
        return (Verdict::Inconclusive, reason);
    }
    if let Some(first) = ruling.unchecked.first() {
        let count = ruling.unchecked.len();
        let reason = format!(
            "{metric}: {count} items had no answer to check, {first} first; run them again"
        );
        return (Verdict::Inconclusive, reason);
    }
    let upper = ruling.upper_bound * 100.0;
    let flaky = match ruling.flaky.len() {
        0 => String::new(),
        count => format!(", {count} flaky"),
    };
    let reason = format!(
        "{metric}: kept by {} items{flaky}; at most {upper:.1} % of all would break it",
        ruling.items
    );
    (Verdict::Pass, reason)
}
