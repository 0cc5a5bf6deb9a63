//! The results of a run, printed.

use super::{
    LATENCIES,
    results::{Bar, Figure, Program, Results},
};
use crate::{
    bench::{measurement::median, options::Format},
    table::{Table, cell},
};

pub(super) fn print(results: &Results, format: Format) {
    if format == Format::Json {
        println!("{:#}", results.to_json());
        return;
    }
    println!("{}\n", results.machine.sentence());
    let Results { cases, concurrency, .. } = results;
    println!("{cases} items, {concurrency} under way at any time.\n");
    let figures = [
        ("Items a second, without start-up", Figure::ItemsPerSecond, 0),
        ("Items a second, from start to end", Figure::ItemsPerSecondWithStart, 0),
        ("CPU ms an item, without start-up", Figure::CpuMsPerItem, 2),
        ("Seconds from start to end with one item", Figure::StartSeconds, 2),
    ];
    let tables = figures.map(|(title, figure, decimals)| table(results, title, figure, decimals));
    for table in std::iter::once(standing(results)).chain(tables) {
        let text = if format == Format::Markdown { table.markdown() } else { table.text() };
        println!("{text}");
    }
}

fn standing(results: &Results) -> Table {
    let bar = results.bar();
    let holds = match bar.value {
        None => "not measured",
        Some(_) if bar.holds() => "pass",
        Some(_) => "fail",
    };
    let limit = format!("{:.1} {}", Bar::LIMIT, Bar::UNIT);
    let row = vec![Bar::WHAT.to_owned(), cell(bar.value, 1), limit, holds.to_owned()];
    Table {
        title: "Where Tieline stands",
        columns: vec!["bar", "measured", "at least", ""],
        rows: vec![row],
    }
}

/// A figure of both programs over each provider, with the ratios of rounds.
fn table(results: &Results, title: &'static str, figure: Figure, decimals: usize) -> Table {
    let row = |latency: &'static str| {
        let of = |program| cell(results.median(latency, program, figure), decimals);
        let ratios = results.ratios(latency, figure);
        let least = ratios.iter().copied().min_by(f64::total_cmp);
        let most = ratios.iter().copied().max_by(f64::total_cmp);
        vec![
            format!("provider answers after {latency}"),
            of(Program::Tieline),
            of(Program::Promptfoo),
            cell(median(ratios), 2),
            cell(least, 2),
            cell(most, 2),
        ]
    };
    Table {
        title,
        columns: vec!["work", "tieline", "promptfoo", "ratio", "least", "most"],
        rows: LATENCIES.map(row).to_vec(),
    }
}
