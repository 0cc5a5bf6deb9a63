//! The results of a run, printed.

use serde_json::{Value, json};

use super::{
    bars::{self, added},
    measurement::Figure,
    options::Format,
    plan::{Answers, Candidate, Work},
    results::Results,
};
use crate::table::{Table, cell};

pub(super) fn print(results: &Results, format: Format) {
    if format == Format::Json {
        let mut all = results.to_json();
        if let Some(all) = all.as_object_mut() {
            let bars: Vec<Value> = bars::of(results).iter().map(bars::Bar::to_json).collect();
            all.insert("bars".to_owned(), json!(bars));
        }
        println!("{all:#}");
        return;
    }
    println!("{}\n", results.machine.sentence());
    let tables =
        [standing(results), whole(results), hop(results), streams(results), memory(results)];
    for table in tables.into_iter().chain(before(results)) {
        let text = if format == Format::Markdown { table.markdown() } else { table.text() };
        println!("{text}");
    }
    println!("Requests that failed: {}.", results.failures());
}

fn standing(results: &Results) -> Table {
    let row = |bar: &bars::Bar| {
        let holds = match bar.value {
            None => "not measured",
            Some(_) if bar.holds() => "pass",
            Some(_) => "fail",
        };
        let limit = format!("{:.1} {}", bar.limit, bar.unit);
        vec![bar.what.clone(), cell(bar.value, 2), limit, holds.to_owned()]
    };
    Table {
        title: "Where Tieline stands",
        columns: vec!["bar", "measured", "at most", ""],
        rows: bars::of(results).iter().map(row).collect(),
    }
}

/// The works with such answers, once for each of Tieline's ways to do them.
fn done(results: &Results, answers: Answers) -> Vec<(Work, Candidate)> {
    let works = results.works().into_iter().filter(|work| work.answers == answers);
    let ways = |work: Work| {
        let ours = [Candidate::Same, Candidate::Cross].into_iter();
        ours.filter(move |who| work.candidates().contains(who)).map(move |who| (work, who))
    };
    works.flat_map(ways).collect()
}

/// What a request is and where it goes.
fn title(work: &Work, who: Candidate) -> String {
    let way = if who == Candidate::Same { "same dialect" } else { "cross dialect" };
    let kb = work.prompt_bytes / 1024;
    format!("{}, {way}, {kb} KB prompt", work.client.dialect())
}

/// Tieline's figure, another's, and their ratios: of medians and of minima.
fn beside(
    results: &Results,
    work: &Work,
    [who, other]: [Candidate; 2],
    figure: Figure,
) -> [String; 4] {
    let ours = results.median(work, who, figure);
    let theirs = results.median(work, other, figure);
    let least = results.least(work, who, figure);
    let least_theirs = results.least(work, other, figure);
    let ratio = |ours: Option<f64>, theirs: Option<f64>| Some(ours? / theirs?);
    [
        cell(ours, 1),
        cell(theirs, 1),
        cell(ratio(ours, theirs), 2),
        cell(ratio(least, least_theirs), 2),
    ]
}

/// Tieline's figure and nginx's, in thousands of its unit.
fn thousands(results: &Results, work: &Work, who: Candidate, figure: Figure) -> [String; 2] {
    [who, Candidate::Nginx]
        .map(|who| cell(results.median(work, who, figure).map(|value| value / 1000.0), 2))
}

fn whole(results: &Results) -> Table {
    let row = |(work, who): (Work, Candidate)| {
        let mut row = vec![title(&work, who), work.concurrency.to_string()];
        row.extend(beside(results, &work, [who, Candidate::Nginx], Figure::CpuPerRequestUs));
        row.extend(
            [who, Candidate::Nginx]
                .map(|who| cell(results.median(&work, who, Figure::RequestsPerSecond), 0)),
        );
        row.extend(thousands(results, &work, who, Figure::LatencyP99Us));
        row
    };
    Table {
        title: "Whole replies of 1 KB",
        columns: vec![
            "work",
            "concurrency",
            "CPU us a request",
            "nginx",
            "ratio",
            "ratio of minima",
            "requests/s",
            "nginx",
            "p99 ms",
            "nginx",
        ],
        rows: done(results, Answers::Whole).into_iter().map(row).collect(),
    }
}

fn hop(results: &Results) -> Table {
    let alone = |answers| {
        let works = done(results, answers).into_iter();
        works.filter(|(work, _)| work.shows_added_time())
    };
    let row = |(work, who): (Work, Candidate)| {
        let (what, figures) = match work.answers {
            Answers::Whole => ("whole reply", [Figure::LatencyP50Us, Figure::LatencyP99Us]),
            _ => ("first token", [Figure::FirstTokenP50Us, Figure::FirstTokenP99Us]),
        };
        let mut row = vec![format!("{}, {what}", title(&work, who))];
        for figure in figures {
            let of = |who| cell(added(results, &work, who, figure), 0);
            row.extend([who, Candidate::Nginx].map(of));
        }
        row
    };
    Table {
        title: "Time that the hop adds to going direct: one request at a time, eight streams",
        columns: vec!["work", "p50 us", "nginx", "p99 us", "nginx"],
        rows: alone(Answers::Whole).chain(alone(Answers::Streams)).map(row).collect(),
    }
}

fn streams(results: &Results) -> Table {
    let row = |(work, who): (Work, Candidate)| {
        let mut row = vec![title(&work, who), work.concurrency.to_string()];
        row.extend(beside(results, &work, [who, Candidate::Nginx], Figure::CpuPerChunkUs));
        row.extend(thousands(results, &work, who, Figure::FirstTokenP50Us));
        row.extend(thousands(results, &work, who, Figure::FirstTokenP99Us));
        row
    };
    let many =
        done(results, Answers::Streams).into_iter().filter(|(work, _)| !work.shows_added_time());
    Table {
        title: "Streams of 100 chunks",
        columns: vec![
            "work",
            "streams",
            "CPU us a chunk",
            "nginx",
            "ratio",
            "ratio of minima",
            "first token p50 ms",
            "nginx",
            "p99 ms",
            "nginx",
        ],
        rows: many.map(row).collect(),
    }
}

/// What it costs beside an earlier Tieline, where one was measured.
fn before(results: &Results) -> Option<Table> {
    let pair = [Candidate::Same, Candidate::Before];
    let row = |work: &Work| {
        let (what, figure) = match work.answers {
            Answers::Whole => ("whole reply", Figure::CpuPerRequestUs),
            _ => ("chunk", Figure::CpuPerChunkUs),
        };
        results.median(work, Candidate::Before, figure)?;
        let title = format!("{}, {what}", title(work, Candidate::Same));
        let mut row = vec![title, work.concurrency.to_string()];
        row.extend(beside(results, work, pair, figure));
        Some(row)
    };
    let rows: Vec<_> = results.works().iter().filter_map(row).collect();
    (!rows.is_empty()).then_some(Table {
        title: "CPU beside the program before",
        columns: vec!["work", "concurrency", "us", "before", "ratio", "ratio of minima"],
        rows,
    })
}

fn memory(results: &Results) -> Table {
    let both = [Candidate::Same, Candidate::Nginx];
    let mut rows = vec![vec!["idle".to_owned()]];
    rows.iter_mut().for_each(|row| row.extend(both.map(|who| cell(results.idle_mb(who), 1))));
    for (work, _) in done(results, Answers::OpenStreams) {
        let figure = |who, figure, decimals| cell(results.median(&work, who, figure), decimals);
        let open = both.map(|who| figure(who, Figure::OpenStreams, 0)).join(" and ");
        let mut row = vec![format!("{open} open streams")];
        row.extend(both.map(|who| figure(who, Figure::PssMb, 1)));
        rows.push(row);
    }
    Table {
        title: "Memory in MB (proportional set size)",
        columns: vec!["when", "tieline", "nginx"],
        rows,
    }
}
