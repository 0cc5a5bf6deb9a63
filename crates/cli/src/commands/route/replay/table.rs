//! What a replay found, for terminals.

use tieline_gateway::replay::{Changed, FeatureReplay, Known, LeftOut, Money};

use super::{
    Shown,
    figures::{change, count, half, money, most, share},
};
use crate::{
    print::{self, counted},
    when,
};

/// The name of all features together.
const ALL: &str = "all";

pub(super) fn table(shown: &Shown) -> String {
    let found = &shown.found;
    if found.requests == 0 {
        return format!("{}: there is nothing to replay", head(shown));
    }
    let parts = [
        Some(head(shown)),
        Some(verdicts(shown)),
        Some(answers(&found.features)),
        Some(costs(shown)),
        Some(times(shown)),
        closed(&found.features),
        Some(remarks(shown).join("\n")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn head(shown: &Shown) -> String {
    let (since, until) = (when::written(shown.since_ms), when::written(shown.until_ms));
    let requests = match shown.found.requests {
        1 => "1 request".to_owned(),
        requests => format!("{} requests", count(requests)),
    };
    format!("{requests} from {since} to {until}, with {}", shown.with)
}

/// Each feature with its name, then all of them where there are several.
fn rows(shown: &Shown) -> impl Iterator<Item = (String, &Changed)> {
    let features = &shown.found.features;
    let each = features.iter().map(|one| (named(one), &one.changed));
    let all = (features.len() > 1).then(|| (ALL.to_owned(), &shown.found.total));
    each.chain(all)
}

fn named(feature: &FeatureReplay) -> String {
    match feature.known {
        Known::Both => feature.feature.to_string(),
        Known::Now => format!("{} (not in the other)", feature.feature),
        Known::Other => format!("{} (new)", feature.feature),
        Known::Neither => format!("{} (in neither)", feature.feature),
    }
}

fn verdicts(shown: &Shown) -> String {
    let row = |(name, of): (String, &Changed)| {
        let counts = [of.same, of.moved, of.lost, of.dropped, of.gained, of.after.refused];
        let counts = [of.requests].into_iter().chain(counts).map(count);
        [name].into_iter().chain(counts).collect::<Vec<_>>()
    };
    let header = ["FEATURE", "REQUESTS", "SAME", "MOVED", "LOST", "DROPPED", "GAINED", "REFUSED"];
    print::table(&header, rows(shown).map(row))
}

fn answers(features: &[FeatureReplay]) -> String {
    let rows = features.iter().flat_map(|feature| {
        let Changed { requests, answers, .. } = &feature.changed;
        answers.iter().enumerate().map(|(at, one)| {
            let name = if at == 0 { feature.feature.to_string() } else { String::new() };
            vec![
                name,
                one.by.to_string(),
                share(one.before, *requests),
                share(one.after, *requests),
                money(&one.before_cost),
                money(&one.after_cost),
            ]
        })
    });
    let header = ["FEATURE", "ANSWERED BY", "BEFORE", "AFTER", "COST BEFORE", "COST AFTER"];
    print::table(&header, rows)
}

fn costs(shown: &Shown) -> String {
    let lacks = |money: &Money| match money.lacks() {
        0 => "-".to_owned(),
        lacks => count(lacks),
    };
    let row = |(name, of): (String, &Changed)| {
        let (before, after) = (&of.before.money, &of.after.money);
        vec![
            name,
            money(before),
            money(after),
            change(before, after),
            lacks(before),
            lacks(after),
            money(&of.beside),
        ]
    };
    let header =
        ["FEATURE", "COST BEFORE", "COST AFTER", "CHANGE", "LACKS BEFORE", "LACKS AFTER", "BESIDE"];
    print::table(&header, rows(shown).map(row))
}

fn times(shown: &Shown) -> String {
    let row = |(name, of): (String, &Changed)| {
        vec![
            name,
            half(of.before.first),
            half(of.after.first),
            most(of.before.first),
            most(of.after.first),
            half(of.before.whole),
            half(of.after.whole),
        ]
    };
    let header = ["FEATURE", "FIRST P50", "AFTER", "FIRST P95", "AFTER", "WHOLE P50", "AFTER"];
    print::table(&header, rows(shown).map(row))
}

/// Why deployments are closed to the requests that they answered.
fn closed(features: &[FeatureReplay]) -> Option<String> {
    let rows = features.iter().flat_map(|feature| {
        feature.changed.closed.iter().map(|one| {
            let names = [&feature.feature, &one.deployment, &one.rule].map(ToString::to_string);
            names.into_iter().chain([count(one.requests)]).collect::<Vec<_>>()
        })
    });
    let rows: Vec<_> = rows.collect();
    let header = ["FEATURE", "NO LONGER OPEN", "RULE", "REQUESTS"];
    (!rows.is_empty()).then(|| print::table(&header, rows))
}

/// What to know of the figures.
pub(super) fn remarks(shown: &Shown) -> Vec<String> {
    let found = &shown.found;
    let check = found.check.map(|check| {
        format!(
            "replayed the same way, the present configuration answers {} of {} requests as was \
             recorded ({})",
            count(check.agrees),
            count(check.of),
            share(check.agrees, check.of)
        )
    });
    let LeftOut { probes, refused } = found.left_out;
    let left_out = (probes + refused > 0).then(|| {
        format!(
            "left out: {} of Tieline's own and {} refused for their callers' own faults",
            many(probes, "probe"),
            many(refused, "request")
        )
    });
    let assumed = found.deployments.iter().filter(|one| one.assumed);
    let assumed = assumed.map(|one| {
        format!("nothing called {} in this time: that it answers is assumed", one.deployment)
    });
    let idle = found.idle.iter().map(|one| match one.known {
        Known::Now => format!("{} had no requests and is not in the other", one.feature),
        _ => format!("{} is new and had no requests", one.feature),
    });
    let notes = found.notes.iter().cloned();
    check.into_iter().chain(left_out).chain(assumed).chain(idle).chain(notes).collect()
}

fn many(number: u64, noun: &str) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), noun)
}
