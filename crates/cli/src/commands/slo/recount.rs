//! Counting objectives from the requests themselves.

use std::{collections::BTreeMap, io::IsTerminal as _, path::Path, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tieline_config::Config;
use tieline_ledger::{Pages, SloMinute, recount_slo};
use tieline_slo::{Event, Moment, Slo};
use tieline_types::{CallRecord, EVAL_CALLER, OWN_CALLER, SHADOW_CALLER};

use super::measured::{MINUTE_MS, Wanted, key, reach};
use crate::{failure::Failure, print};

/// Requests that ended in the window may have begun this long before it.
const LONGEST_MS: u64 = 3_600_000;
/// Callers that are Tieline's own.
const OWN: [&str; 3] = [OWN_CALLER, EVAL_CALLER, SHADOW_CALLER];

/// Counts objectives from the requests on record, up to the last minute that is over, and writes
/// the counts in the place of those that there were. What is known only when it happens, the grades
/// of answers and the ends of jobs, is on no record and keeps the counts that it has.
///
/// # Errors
/// When the ledger cannot be read or takes nothing.
pub(super) fn recount(
    config: &Config,
    path: &Path,
    slos: &[Slo],
    wanted: Wanted<'_>,
) -> Result<(), Failure> {
    let slos: Vec<&Slo> =
        slos.iter().filter(|slo| slo.indicator.moment() == Moment::Closed).collect();
    let Some(back) = slos.iter().map(|slo| reach(slo, wanted)).max() else {
        return Ok(());
    };
    let end = wanted.minute + 1;
    let since_ms = (end.saturating_sub(back) * MINUTE_MS).saturating_sub(LONGEST_MS);
    let mut pages = Pages::open(path, since_ms, end * MINUTE_MS)?;
    let mut tallies = vec![BTreeMap::new(); slos.len()];
    let progress = progress(&pages)?;
    loop {
        let page = pages.next_page()?;
        if page.is_empty() {
            break;
        }
        for call in page.iter().filter(|call| is_a_clients(call)) {
            for (slo, tally) in slos.iter().zip(&mut tallies) {
                count(config, slo, call, tally);
            }
        }
        progress.inc(u64::try_from(page.len()).unwrap_or(u64::MAX));
    }
    progress.finish_and_clear();
    for (slo, tally) in slos.iter().zip(tallies) {
        let counts: Vec<SloMinute> = tally.into_values().collect();
        recount_slo(path, &key(slo), end.saturating_sub(reach(slo, wanted))..end, &counts)?;
    }
    let names: Vec<&str> = slos.iter().map(|slo| &*slo.name).collect();
    print::remark(&format!("counted {} from the requests on record", names.join(", ")));
    Ok(())
}

/// Jobs are answered after their client was told to come back: they count by how late they are.
/// What was part of a drill does not count.
fn is_a_clients(call: &CallRecord) -> bool {
    !OWN.contains(&&*call.caller) && !call.id.starts_with("job_") && call.drill().is_none()
}

fn count(config: &Config, slo: &Slo, call: &CallRecord, tally: &mut BTreeMap<u64, SloMinute>) {
    if call.feature != slo.feature {
        return;
    }
    let tiers = config.feature(&slo.feature).map(|feature| &feature.tiers);
    let tier = tiers.zip(call.tier.as_deref());
    let tier = tier.and_then(|(tiers, name)| tiers.iter().position(|one| one.name == *name));
    let mut event = Event::new(call, tier);
    event.longest_gap = call.longest_gap_us.map(Duration::from_micros);
    if let Some(good) = slo.indicator.judge(&event) {
        let minute = call.started_ms.saturating_add(call.duration_us / 1000) / MINUTE_MS;
        let sum = tally.entry(minute).or_insert(SloMinute { minute, good: 0, bad: 0 });
        sum.good += u64::from(good);
        sum.bad += u64::from(!good);
    }
}

/// A bar on a terminal, and nothing elsewhere.
fn progress(pages: &Pages) -> Result<ProgressBar, Failure> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let target = ProgressDrawTarget::stderr();
    let bar = ProgressBar::with_draw_target(Some(pages.count()?), target);
    let style = "counting {bar:40} {human_pos} of {human_len} requests, {eta} left";
    Ok(match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    })
}
