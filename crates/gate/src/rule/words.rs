//! Findings in plain words.

use super::finding::against;
use crate::{
    bound::Method,
    gate::Question,
    ruling::{Finding, Verdict},
};

/// One sentence on why a question was answered so.
pub(super) fn reason(name: &str, finding: &Finding) -> String {
    match finding.verdict {
        Verdict::Error => match finding.question {
            Question::NonInferior(_) => {
                format!("{name}: no item has a score in both arms")
            }
            Question::AtLeast(_) => format!("{name}: no item of the candidate has a score"),
        },
        Verdict::Pass => format!("{name}: {}; {}", passed(finding), evidence(finding)),
        Verdict::Fail => format!("{name}: {}; {}", failed(finding), evidence(finding)),
        Verdict::Inconclusive => {
            format!("{name}: {}; {}", open(finding), evidence(finding))
        }
    }
}

fn passed(finding: &Finding) -> String {
    match finding.question {
        Question::NonInferior(_) if finding.superior => "better than the incumbent".to_owned(),
        Question::NonInferior(margin) if finding.tolerable => {
            format!("worse than the incumbent, but by less than {}", points(margin))
        }
        Question::NonInferior(margin) => format!("at most {} worse", points(margin)),
        Question::AtLeast(rate) => format!("above {}", percent(rate)),
    }
}

fn failed(finding: &Finding) -> String {
    match finding.question {
        Question::NonInferior(margin) => format!("worse by more than {}", points(margin)),
        Question::AtLeast(rate) => format!("below {}", percent(rate)),
    }
}

fn open(finding: &Finding) -> String {
    let asked = match finding.question {
        Question::NonInferior(margin) => {
            format!("whether it is worse by {} cannot be told", points(margin))
        }
        Question::AtLeast(rate) => format!("whether it is above {} cannot be told", percent(rate)),
    };
    format!("{asked}, {}", remedy(finding))
}

/// What would settle it.
fn remedy(finding: &Finding) -> String {
    let without = against(finding.interval, finding.question.threshold());
    if let Some(missing) = finding.missing.filter(|_| without != Verdict::Inconclusive) {
        let count = missing.candidate + missing.incumbent;
        return format!("as {count} scores are missing and would decide it; run those again");
    }
    match finding.items_missing {
        None => "and more items would rather show it worse".to_owned(),
        Some(0) => "though there are items enough; this is chance, or too few clusters".to_owned(),
        Some(more) => format!("about {more} more items would tell"),
    }
}

fn evidence(finding: &Finding) -> String {
    let (estimate, interval) = (finding.estimate, finding.interval);
    let range = match finding.question {
        Question::NonInferior(_) => format!(
            "difference {} ({} to {})",
            signed(estimate),
            signed(interval.lower),
            signed(interval.upper)
        ),
        Question::AtLeast(_) => format!(
            "rate {} ({} to {})",
            percent(estimate),
            percent(interval.lower),
            percent(interval.upper)
        ),
    };
    let clusters = finding.clusters.map(|count| format!(" in {count} clusters"));
    let widened = if finding.widened { ", widened for little evidence" } else { "" };
    format!(
        "{range}, {} items{}, {}{widened}",
        finding.items,
        clusters.unwrap_or_default(),
        method(finding.method)
    )
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Tango => "Tango's interval",
        Method::Wilson => "Wilson's interval",
        Method::T => "Student's t",
        Method::ClusteredT => "clustered t",
        Method::None => "too few for any interval",
    }
}

/// A difference of rates, in percentage points.
fn points(share: f64) -> String {
    format!("{:.1} points", share * 100.0)
}

fn signed(share: f64) -> String {
    format!("{:+.1}", share * 100.0)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
