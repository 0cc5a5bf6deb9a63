//! What is shown while the demonstration runs: a screen that redraws itself, or plain lines.

use std::{io, net::SocketAddr, time::Duration};

use console::{Term, style, truncate_str};

use super::{
    Plan,
    health::Health,
    tally::{FeatureTally, Tally},
};
use crate::{
    failure::Failure,
    print::{self, or_dash},
};

/// How often a plain line says how far things are.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// The latest events that the screen shows.
const EVENTS_SHOWN: usize = 8;

/// Where progress is shown.
pub(crate) struct Screen {
    length: Duration,
    way: Way,
    /// Events that have been shown as lines.
    told: usize,
}

enum Way {
    /// Redrawn in place; knows how many lines to go back.
    Live { term: Term, drawn: usize },
    /// Line by line; knows when the last one was.
    Lines { last: Duration },
    /// Not at all.
    Quiet,
}

impl Screen {
    /// Says how to join in, and gets ready to show progress.
    pub(crate) fn open(plan: Plan, gateway: SocketAddr) -> Result<Self, Failure> {
        let term = Term::buffered_stdout();
        let way = if plan.quiet {
            Way::Quiet
        } else if term.is_term() {
            Way::Live { term, drawn: 0 }
        } else {
            Way::Lines { last: Duration::ZERO }
        };
        if !plan.quiet {
            print::line(&invitation(gateway))?;
        }
        Ok(Self { length: plan.length, way, told: 0 })
    }

    /// Shows how things are, `at` that time since the traffic began.
    pub(crate) fn show(
        &mut self,
        at: Duration,
        tally: &Tally,
        health: &Health,
    ) -> Result<(), Failure> {
        match &mut self.way {
            Way::Quiet => Ok(()),
            Way::Live { term, drawn } => {
                let text = picture(at, self.length, tally, health);
                redraw(term, drawn, &text).map_err(Failure::os("write to the terminal"))
            }
            Way::Lines { last } => {
                for (at, event) in tally.events.iter().skip(self.told) {
                    print::line(&event_line(*at, event))?;
                }
                self.told = tally.events.len();
                if at.saturating_sub(*last) < LINE_EVERY {
                    return Ok(());
                }
                *last = at;
                print::line(&progress(at, tally))
            }
        }
    }

    /// Leaves the last picture as it is.
    pub(crate) fn close(self) -> Result<(), Failure> {
        match self.way {
            Way::Quiet => Ok(()),
            Way::Live { .. } | Way::Lines { .. } => print::line(""),
        }
    }
}

/// How to send one's own requests.
fn invitation(gateway: SocketAddr) -> String {
    format!(
        r#"Tieline listens on http://{gateway} for as long as this runs. Join in:

curl http://{gateway}/v1/chat/completions -H 'content-type: application/json' \
  -d '{{"model": "support-reply", "messages": [{{"role": "user", "content": "Hello"}}]}}'

from openai import OpenAI
client = OpenAI(base_url="http://{gateway}/v1", api_key="any")
messages = [{{"role": "user", "content": "Hello"}}]
print(client.chat.completions.create(model="support-reply", messages=messages))
"#
    )
}

/// Puts `text` in the place of what was drawn before, within the height of the terminal.
fn redraw(term: &Term, drawn: &mut usize, text: &str) -> io::Result<()> {
    let (rows, columns) = term.size();
    term.move_cursor_up(*drawn)?;
    *drawn = 0;
    for line in text.lines().take(usize::from(rows.saturating_sub(1))) {
        term.clear_line()?;
        term.write_line(&truncate_str(line, usize::from(columns), "…"))?;
        *drawn += 1;
    }
    term.clear_to_end_of_screen()?;
    term.flush()
}

fn picture(at: Duration, length: Duration, tally: &Tally, health: &Health) -> String {
    let mut text = format!("{} of {} s\n", at.as_secs(), length.as_secs());
    for feature in &tally.features {
        text.push_str(&format!("\n{}\n", headline(feature)));
        text.push_str(&ladder(feature, health));
        text.push('\n');
    }
    text.push('\n');
    let hidden = tally.events.len().saturating_sub(EVENTS_SHOWN);
    for (at, event) in tally.events.iter().skip(hidden) {
        text.push_str(&event_line(*at, event));
        text.push('\n');
    }
    text
}

fn headline(feature: &FeatureTally) -> String {
    let lost = format!("{} lost", feature.lost);
    let lost = if feature.lost == 0 { style(lost).green() } else { style(lost).red().bold() };
    format!(
        "{}  {} requests, {} served, {} degraded, {lost}, first token p50 {} ms",
        style(&feature.ladder.feature).bold(),
        feature.requests,
        feature.served,
        feature.degraded,
        or_dash(feature.first_token.percentile(50)),
    )
}

/// A feature's tiers, with a row for each deployment.
fn ladder(feature: &FeatureTally, health: &Health) -> String {
    let answers = |by: &str| feature.answered_by.get(by).copied().unwrap_or(0).to_string();
    let mut rows = Vec::new();
    for rung in &feature.ladder.tiers {
        if rung.deployments.is_empty() {
            let name = rung.name.clone();
            rows.push(vec![name.clone(), "-".into(), "-".into(), answers(&name), "-".into()]);
        }
        for (id, first) in rung.deployments.iter().zip((0..).map(|at| at == 0)) {
            let known = health.deployment(id);
            rows.push(vec![
                if first { rung.name.clone() } else { String::new() },
                id.clone(),
                or_dash(known.map(|known| known.state)),
                answers(id),
                or_dash(known.map(|known| known.failed)),
            ]);
        }
    }
    print::table(&["  TIER", "DEPLOYMENT", "BREAKER", "ANSWERS", "FAILED CALLS"], indented(rows))
}

fn indented(rows: Vec<Vec<String>>) -> impl Iterator<Item = Vec<String>> {
    rows.into_iter().map(|mut row| {
        if let Some(first) = row.first_mut() {
            first.insert_str(0, "  ");
        }
        row
    })
}

fn event_line(at: Duration, event: &str) -> String {
    format!("{:>6.1} s  {event}", at.as_secs_f64())
}

/// One line about everything.
fn progress(at: Duration, tally: &Tally) -> String {
    let counts = tally.features.iter().map(|feature| {
        let FeatureTally { ladder, requests, lost, .. } = feature;
        format!("{}: {requests} requests, {lost} lost", ladder.feature)
    });
    event_line(at, &counts.collect::<Vec<_>>().join("; "))
}
