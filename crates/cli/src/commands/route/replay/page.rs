//! What a replay found, as one file for browsers: no script, nothing from elsewhere.

mod bars;
mod colours;
mod flow;
mod spans;

use tieline_gateway::replay::{Changed, Evidence, FeatureReplay, Known, Side, Times};

use super::{
    Shown,
    figures::{change, count, half, money, most, share},
    table::remarks,
};
use crate::{
    html::{Page, Text, table},
    when,
};
use colours::Colours;

/// The most rows of a list that a reader follows.
const ROWS_MAX: usize = 12;

/// The whole page.
pub(super) fn page(shown: &Shown) -> String {
    let (since, until) = (minute(shown.since_ms), minute(shown.until_ms));
    let found = &shown.found;
    let body = match found.requests {
        0 => "<section><h2>Nothing to replay</h2><p>The ledger has no requests of this time.</p>\
              </section>"
            .to_owned(),
        _ => body(shown),
    };
    let with = Text(&shown.with).to_string();
    let page = Page {
        brand: "route replay",
        title: &format!("Route replay: {}", shown.with),
        heading: &format!("What <code>{with}</code> would have changed"),
        lead: &format!(
            "{} requests from {since} to {until} UTC, decided again under another configuration. \
             Nothing was sent.",
            count(found.requests)
        ),
        style: "",
        body: &body,
    };
    page.to_string()
}

fn body(shown: &Shown) -> String {
    let found = &shown.found;
    let colours = Colours::of_all(found);
    let features: String = found.features.iter().map(|one| feature(one, &colours)).collect();
    let overview = (found.features.len() > 1).then(|| {
        let rows = found.features.iter().map(|one| {
            let Changed { before, after, .. } = &one.changed;
            (&*one.feature, before.money, after.money)
        });
        format!("<section><h2>Cost by feature</h2>{}</section>", bars::rows(rows))
    });
    let Changed { before, after, .. } = &found.total;
    let legend = bars::legend(&before.money, &after.money);
    [
        tiles(&found.total),
        warnings(shown),
        format!("<section><h2>Cost by day</h2>{legend}{}</section>", bars::days(&found.days)),
        overview.unwrap_or_default(),
        features,
        evidence(&found.deployments),
        notes(shown),
    ]
    .concat()
}

/// The figures that people look for first.
fn tiles(total: &Changed) -> String {
    let Changed { before, after, .. } = total;
    let tile = |name: &str, value: &str, words: &str| {
        let (value, words) = (Text(value), Text(words));
        format!("<div class=\"tile\"><h3>{name}</h3><b>{value}</b><p>{words}</p></div>")
    };
    let difference = bars::difference(&before.money, &after.money);
    let cost = match difference {
        Some(difference) => format!("was {}: {difference}", money(&before.money)),
        None => format!("was {}", money(&before.money)),
    };
    let cost = match total.dropped {
        0 => cost,
        dropped => format!("{cost}, also for {} answers fewer", count(dropped)),
    };
    let moved = format!("{} requests get another answer", count(total.moved));
    let lost = total.after.refused + total.after.unanswered;
    let answered = match (total.dropped, total.gained) {
        (0, 0) => format!("{} without an answer, as before", count(lost)),
        (dropped, gained) => format!("{} dropped, {} gained", count(dropped), count(gained)),
    };
    let lapse =
        |times: Option<Times>| times.map_or_else(|| half(None), |times| when::lapse(times.p50_us));
    let unknown = after.first.filter(|times| times.unknown > 0);
    let unknown = unknown.map_or_else(String::new, |times| {
        format!("; known of {} of {}", count(times.known), count(times.known + times.unknown))
    });
    let first = format!(
        "was {}; 95 of 100 within {} (was {}){unknown}",
        lapse(before.first),
        most(after.first),
        most(before.first)
    );
    format!(
        "<section class=\"tiles\">{}{}{}{}</section>",
        tile("Cost", &money(&after.money), &cost),
        tile("Moved", &share(total.moved, total.requests), &moved),
        tile("Answered", &share(after.answered, total.requests), &answered),
        tile("First content, half within", &lapse(after.first), &first),
    )
}

/// What somebody should look at before they go on.
fn warnings(shown: &Shown) -> String {
    let found = &shown.found;
    let Changed { dropped, lost, after, .. } = &found.total;
    let refused = match after.refused {
        0 => String::new(),
        refused => format!("; policy refuses {}", count(refused)),
    };
    let dropped = (*dropped > 0)
        .then(|| format!("{} requests would no longer be answered{refused}.", count(*dropped)));
    let lost = (*lost > 0)
        .then(|| format!("{} requests lose the deployment that answered them.", count(*lost)));
    let lacks = after.money.lacks();
    let lacks = (lacks > 0).then(|| {
        let words = "calls have no whole price as replayed: the cost is a lower bound.";
        format!("{} {words}", count(lacks))
    });
    let assumed = found.deployments.iter().filter(|one| one.assumed).map(|one| {
        format!("Nothing called {} in this time: that it answers is assumed.", one.deployment)
    });
    let all = dropped.into_iter().chain(lost).chain(lacks).chain(assumed);
    let items: String = all.map(|text| format!("<li>{}</li>", Text(&text))).collect();
    if items.is_empty() { items } else { format!("<ul class=\"warnings\">{items}</ul>") }
}

/// A feature's own section.
fn feature(feature: &FeatureReplay, colours: &Colours) -> String {
    let of = &feature.changed;
    let known = match feature.known {
        Known::Both => "",
        Known::Now => "<span class=\"chip bad\">not in the other configuration</span>",
        Known::Other => "<span class=\"chip\">new</span>",
        Known::Neither => "<span class=\"chip\">in neither configuration</span>",
    };
    let chips = [
        ("", "same", of.same),
        ("moved", "moved", of.moved),
        ("bad", "lose their deployment", of.lost),
        ("bad", "no longer answered", of.dropped),
        ("good", "answered at last", of.gained),
    ];
    let chips = chips.into_iter().filter(|(.., requests)| *requests > 0);
    let chips = chips.map(|(class, name, requests)| {
        format!("<span class=\"chip {class}\">{} {name}</span>", count(requests))
    });
    format!(
        "<section class=\"feature\"><h2>{} <small>{} requests</small></h2><p>{known}{}</p>{}{}{}\
         </section>",
        Text(&feature.feature),
        count(of.requests),
        chips.collect::<String>(),
        flow::flow(of, colours) + &spans::spans(of),
        figures(of),
        closed(of),
    )
}

/// Cost and times, before and after.
fn figures(of: &Changed) -> String {
    let (before, after) = (&of.before, &of.after);
    let plain = |text: String| Text(&text).to_string();
    let row = |name: &str, before: String, after: String, change: String| {
        vec![name.to_owned(), plain(before), plain(after), plain(change)]
    };
    let none = String::new;
    let time = |name: &str, show: fn(Option<Times>) -> String, [was, is]: [Option<Times>; 2]| {
        row(name, show(was), show(is), none())
    };
    let (first, whole) = ([before.first, after.first], [before.whole, after.whole]);
    let cost = change(&before.money, &after.money);
    let counted = |name: &str, before: u64, after: u64| {
        (before + after > 0).then(|| row(name, count(before), count(after), none()))
    };
    let beside = (of.beside.calls() > 0)
        .then(|| row("Cost of calls beside, not replayed", money(&of.beside), none(), none()));
    let lacks = |side: &Side| side.money.lacks();
    let rows = [
        Some(row("Cost of answers", money(&before.money), money(&after.money), cost)),
        counted("Calls without a whole price", lacks(before), lacks(after)),
        beside,
        counted("Refused by policy", before.refused, after.refused),
        counted("Not answered", before.unanswered, after.unanswered),
        Some(time("First content, half within", half, first)),
        Some(time("First content, 95 of 100 within", most, first)),
        Some(time("Whole answer, half within", half, whole)),
        Some(time("Whole answer, 95 of 100 within", most, whole)),
    ];
    table(1, &["", "recorded", "replayed", "change"], rows.into_iter().flatten())
}

/// Why deployments are no longer open.
fn closed(of: &Changed) -> String {
    if of.closed.is_empty() {
        return String::new();
    }
    let rows = of.closed.iter().take(ROWS_MAX).map(|one| {
        let names = [&one.deployment, &one.rule].map(|name| Text(name).to_string());
        names.into_iter().chain([count(one.requests)]).collect()
    });
    table(2, &["No longer open", "by", "requests"], rows)
}

/// What is known of each deployment.
fn evidence(deployments: &[Evidence]) -> String {
    let rows = deployments.iter().map(|one| {
        let known = match one.assumed {
            true => "nothing: assumed to be well",
            false => "taken from the record",
        };
        vec![
            Text(&one.deployment).to_string(),
            count(one.calls),
            count(one.failed),
            share(one.failed, one.calls),
            known.to_owned(),
        ]
    });
    let header = ["Deployment", "calls", "failed", "share", "health then"];
    format!("<section><h2>What is known of deployments</h2>{}</section>", table(1, &header, rows))
}

fn notes(shown: &Shown) -> String {
    let items = remarks(shown).into_iter().map(|text| format!("<li>{}</li>", Text(&text)));
    let items: String = items.collect();
    format!("<section><h2>How far this can be believed</h2><ul>{items}</ul></section>")
}

/// A time to the minute, as people write it.
fn minute(unix_ms: u64) -> String {
    when::written(unix_ms).chars().take(16).collect::<String>().replace('T', " ")
}
