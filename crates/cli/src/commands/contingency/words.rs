//! What an analysis found, in words that tables and pages share.

use tieline_gateway::contingency::{
    Binding, Contingency, Evidence, FeatureOutcome, Outcome, Reserve, Verdict,
};

use super::Shown;

/// Shares that differ by less are the same.
const SAME: f64 = 1e-5;

/// A share in hundredths: what is not all is never told as all, nor what is something as nothing.
pub(super) fn percent(share: f64) -> String {
    let rounded = (share * 100.0).round();
    match share {
        share if share >= 1.0 - SAME => "100%".to_owned(),
        share if share <= SAME => "0%".to_owned(),
        _ => format!("{:.0}%", rounded.clamp(1.0, 99.0)),
    }
}

/// `T0 80% T1 20%`, and what is not as it should be.
pub(super) fn cell(one: &FeatureOutcome) -> String {
    let tier = |tier: &tieline_gateway::contingency::TierShare| {
        let degraded = if tier.acceptable { "" } else { " degraded" };
        format!("T{} {}{degraded}", tier.tier, percent(tier.share))
    };
    let mut parts: Vec<String> = one.mix.iter().map(tier).collect();
    if one.unserved > SAME {
        parts.push(format!("+{} unserved", percent(one.unserved)));
    }
    if one.routed < one.served - 1e-3 {
        parts.push(format!("({} as routed)", percent(one.routed)));
    }
    parts.join(" ")
}

/// Every finding that somebody should know of, the worst first, each a sentence.
pub(super) fn findings(shown: &Shown) -> Vec<String> {
    let all = || shown.report.contingencies.iter();
    let base = shown.report.base.iter().map(|one| (None, one));
    let each = all().flat_map(|outcome| {
        outcome.features.iter().map(move |one| (Some(&outcome.contingency), one))
    });
    let mut told: Vec<(Option<&Contingency>, &FeatureOutcome)> =
        base.chain(each).filter(|(_, one)| is_told(one)).collect();
    told.sort_by_key(|(_, one)| std::cmp::Reverse(one.verdict));
    told.into_iter().map(|(lost, one)| finding(lost, one)).collect()
}

/// Whether somebody should know: it does not survive, that is not proved, or it serves late.
fn is_told(one: &FeatureOutcome) -> bool {
    one.verdict != Verdict::Secure || is_unproved(one) || ramp(one).is_some()
}

fn is_unproved(one: &FeatureOutcome) -> bool {
    !one.criticality.gives_way() && matches!(one.evidence, Evidence::Unknown(_))
}

fn finding(lost: Option<&Contingency>, one: &FeatureOutcome) -> String {
    let when =
        lost.map_or_else(|| "with everything well".to_owned(), |lost| format!("without {lost}"));
    let how = match (one.verdict, &one.evidence) {
        (Verdict::Secure, Evidence::Unknown(what)) => {
            return format!(
                "{when}, `{}` is not proved to be secure: {}",
                one.feature,
                unknown(what)
            );
        }
        (verdict, _) => match verdict {
            Verdict::NotSecure => "is not secure",
            Verdict::Remedial => "gives way",
            Verdict::Secure => "is secure",
        },
    };
    let why = match &one.binding {
        Binding::Nothing => String::new(),
        binding => format!("; {binding}"),
    };
    let late = ramp(one).map(|late| format!("; {late}")).unwrap_or_default();
    format!("{when}, `{}` {how}: {}{why}{late} [{}]", one.feature, cell(one), one.evidence)
}

fn unknown(what: &str) -> String {
    match what.ends_with("is not firm") {
        true => what.to_owned(),
        false => format!("{what} is not known"),
    }
}

/// How much is served while pools grow, where that is less than all.
pub(super) fn ramp(one: &FeatureOutcome) -> Option<String> {
    let [at_once, soon, late] = one.servable.map(percent);
    let behind = one.servable.iter().any(|share| *share < one.served - SAME);
    behind.then(|| format!("{at_once} at once, {soon} after 15 minutes, {late} after 60"))
}

/// `the worst is ...`
pub(super) fn reserve(reserve: &Reserve) -> String {
    let verdict = if reserve.holds() { "enough" } else { "too little" };
    format!(
        "the most severe ordinary contingency is {}: it carries {} {}, and what is left of firm \
         quotas has {} to spare: {verdict}",
        reserve.contingency,
        grouped(reserve.lost),
        reserve.limit.words(),
        grouped(reserve.spare),
    )
}

/// `600,000`
pub(super) fn grouped(count: f64) -> String {
    let digits = format!("{:.0}", count.max(0.0));
    let lead = digits.len() % 3;
    let begins = |at: usize| at > 0 && at % 3 == lead;
    let group = |(at, digit): (usize, char)| match begins(at) {
        true => format!(",{digit}"),
        false => digit.to_string(),
    };
    digits.chars().enumerate().map(group).collect()
}

/// The last word.
pub(super) fn summary(shown: &Shown) -> String {
    let critical = shown.report.base.iter().filter(|one| !one.criticality.gives_way()).count();
    let list = |names: &[String]| names.join(", ");
    match (shown.insecure.as_slice(), shown.unproved.as_slice()) {
        _ if critical == 0 => "no feature is critical".to_owned(),
        ([], []) => format!("N-1 secure: {critical} of {critical} critical features"),
        ([], unproved) => format!("N-1 secure as far as is known; not proved: {}", list(unproved)),
        (insecure, _) => format!(
            "not N-1 secure: {} of {critical} critical features: {}",
            insecure.len(),
            list(insecure)
        ),
    }
}

/// What changes beside who answers: cost, time and quality.
pub(super) fn change(one: &FeatureOutcome) -> Option<String> {
    let usd = one.usd_per_hour.filter(|usd| usd.pico() != 0).map(|usd| {
        let sign = if usd.pico() > 0 { "+" } else { "-" };
        format!("{sign}${:.2}/h", usd.approximately().abs())
    });
    let first =
        one.first_p95_ms.filter(|ms| ms.abs() >= 1.0).map(|ms| format!("{ms:+.0} ms first"));
    let quality = one.quality.filter(|by| by.abs() >= 5e-4).map(|by| format!("{by:+.3} quality"));
    let all: Vec<String> = usd.into_iter().chain(first).chain(quality).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Whether anything is another than with everything well.
pub(super) fn is_changed(shown: &Shown, outcome: &Outcome, at: usize) -> bool {
    let was = shown.report.base.get(at).map(cell);
    outcome.features.get(at).map(cell) != was
}
