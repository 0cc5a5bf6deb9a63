//! `tieline cost reprice`: what recorded calls cost by the prices that are known now.

use std::{collections::BTreeMap, path::Path, time::SystemTime};

use serde_json::{Value, json};
use tieline_config::Config;
use tieline_gateway::{Repricer, reprice_on_record};
use tieline_ledger::{CallId, Calls, PricedCall, Repricing};
use tieline_types::{Cost, UsdPico};

use super::By;
use crate::{
    admin::user_name,
    failure::Failure,
    files::Database,
    print::{self, FormatOption, counted},
    when::{self, Moment},
};

/// What the state of a call is called that was recorded without a cost.
const UNRECORDED: &str = "unrecorded";

/// Price recorded calls again, by the prices that are known now
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each call is priced by the prices of its own day, as the configuration and the price lists have them
now: a list that came late, a price that was corrected. Without --apply nothing is written. With it,
what changed is written beside the amount that was recorded first, and the change goes on record
(`tieline audit`). Budgets stay as they were settled.

Examples:
  tieline cost reprice --since 7d
  tieline cost reprice --since 2026-11-01 --until 2026-12-01 --by deployment --format json
  tieline cost reprice --since 2026-11-01 --apply")]
pub(crate) struct Reprice {
    /// Requests since then: how long ago (24h) or a time (2026-11-01)
    #[arg(long, value_name = "TIME")]
    since: Moment,
    /// Requests before then, written in the same ways
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// What to add up by
    #[arg(long, value_enum, default_value = "feature")]
    by: By,
    /// Write the new costs into the ledger
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

/// Whose calls are looked at.
struct Span<'p> {
    path: &'p Path,
    since_ms: u64,
    until_ms: u64,
}

impl Reprice {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let now = when::wall_now();
        let config = self.database.config()?;
        let path = self.database.path()?;
        // What arrives from now on is priced by today's prices already.
        let until_ms = self.until.map_or_else(|| when::unix_ms(now), |until| until.unix_ms(now));
        let span = Span { path: &path, since_ms: self.since.unix_ms(now), until_ms };
        let mut report = Report::default();
        span.walk(&config, |calls| {
            calls.iter().for_each(|one| report.take_in(self.by, one));
            Ok(())
        })?;
        if self.apply && report.all.changed > 0 {
            span.apply(&config, &report, now)?;
        }
        let value = json!({
            "by": print::value_name(&self.by),
            "since_ms": span.since_ms,
            "until_ms": span.until_ms,
            "applied": self.apply,
            "total": report.all.shown(),
            "groups": report.groups.iter().map(|(name, sum)| sum.named(name)).collect::<Vec<_>>(),
            "states": report.states,
            "kept": report.kept,
        });
        self.format.print(&value, |_| report.table(self.by, self.apply))
    }
}

/// A call with what it costs now.
struct Repriced {
    call: PricedCall,
    /// The same as recorded, where nothing better is known.
    now: Option<Cost>,
    /// Its deployment is no longer in the configuration.
    kept: bool,
}

impl Repriced {
    fn new(call: PricedCall, repricer: &mut Repricer<'_>) -> Result<Self, Failure> {
        let Some(usage) = &call.usage else {
            let now = call.cost;
            return Ok(Self { call, now, kept: false });
        };
        let tier = call.service_tier.as_ref();
        let cost = repricer.cost(&call.deployment, call.started_ms, tier, usage)?;
        let (now, kept) = (cost.or(call.cost), cost.is_none());
        Ok(Self { call, now, kept })
    }

    /// What is to be written, where that is something else than is recorded.
    fn change(&self) -> Option<(CallId, Cost)> {
        self.now.filter(|_| self.now != self.call.cost).map(|cost| (self.call.id, cost))
    }
}

impl Span<'_> {
    /// Prices all calls, batch by batch.
    fn walk(
        &self,
        config: &Config,
        mut each: impl FnMut(Vec<Repriced>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut repricer = Repricer::new(config)?;
        let mut calls = Calls::open(self.path, self.since_ms, self.until_ms)?;
        while let Some(batch) = calls.next_batch()? {
            let priced = batch.into_iter().map(|call| Repriced::new(call, &mut repricer));
            each(priced.collect::<Result<_, _>>()?)?;
        }
        Ok(())
    }

    /// Writes what changes, each batch at once; the first one puts the change on record.
    fn apply(&self, config: &Config, report: &Report, now: SystemTime) -> Result<(), Failure> {
        let (since, until) = (when::written(self.since_ms), when::written(self.until_ms));
        let cost = |usd: UsdPico| format!("${usd} in {}", counted(report.all.calls, "call"));
        let record = reprice_on_record(
            when::unix_ms(now),
            user_name().as_deref(),
            format!("costs from {since} until {until}"),
            (cost(report.all.before), cost(report.all.after)),
        );
        let mut on_record = Some(record);
        let mut ledger = Repricing::open(self.path)?;
        self.walk(config, |calls| {
            let changes: Vec<_> = calls.iter().filter_map(Repriced::change).collect();
            if changes.is_empty() {
                return Ok(());
            }
            ledger.write(&changes, when::unix_ms(now), on_record.take().as_ref())?;
            Ok(())
        })
    }
}

/// What calls cost together, as recorded and now.
#[derive(Default)]
struct Sum {
    calls: usize,
    changed: usize,
    before: UsdPico,
    after: UsdPico,
}

impl Sum {
    fn take_in(&mut self, one: &Repriced) {
        let usd = |cost: Option<Cost>| cost.map_or(UsdPico::ZERO, |cost| cost.usd);
        self.calls += 1;
        self.changed += usize::from(one.change().is_some());
        self.before = self.before.plus(usd(one.call.cost));
        self.after = self.after.plus(usd(one.now));
    }

    fn difference(&self) -> UsdPico {
        self.after.minus(self.before)
    }

    fn shown(&self) -> Value {
        json!({
            "calls": self.calls,
            "changed": self.changed,
            "recorded_usd": self.before,
            "now_usd": self.after,
            "difference_usd": self.difference(),
        })
    }

    fn named(&self, name: &str) -> Value {
        let mut shown = self.shown();
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("name".to_owned(), name.into());
        }
        shown
    }
}

/// How many calls are in a state.
#[derive(Default, serde::Serialize)]
struct States {
    recorded: usize,
    now: usize,
}

#[derive(Default)]
struct Report {
    all: Sum,
    groups: BTreeMap<String, Sum>,
    states: BTreeMap<&'static str, States>,
    /// Calls that stay as recorded, by the deployment that is no longer there.
    kept: BTreeMap<String, usize>,
}

impl Report {
    fn take_in(&mut self, by: By, one: &Repriced) {
        self.all.take_in(one);
        self.groups.entry(by.name_of(&one.call)).or_default().take_in(one);
        let state = |cost: Option<Cost>| cost.map_or(UNRECORDED, |cost| cost.state.as_str());
        self.states.entry(state(one.call.cost)).or_default().recorded += 1;
        self.states.entry(state(one.now)).or_default().now += 1;
        if one.kept {
            *self.kept.entry(one.call.deployment.clone()).or_default() += 1;
        }
    }

    fn table(&self, by: By, applied: bool) -> String {
        if self.all.calls == 0 {
            return "no calls in this time".to_owned();
        }
        let groups = self.groups.iter().map(|(name, sum)| {
            let Sum { calls, changed, before, after } = sum;
            [
                name.clone(),
                calls.to_string(),
                changed.to_string(),
                before.to_string(),
                after.to_string(),
                sum.difference().to_string(),
            ]
        });
        let header = [by.title(), "CALLS", "CHANGED", "RECORDED", "NOW", "DIFFERENCE"];
        let states = self.states.iter().map(|(state, count)| {
            [(*state).to_owned(), count.recorded.to_string(), count.now.to_string()]
        });
        let kept = self.kept.iter().map(|(deployment, calls)| {
            let calls = counted(*calls, "call");
            format!("{calls} of {deployment} as recorded: the configuration has no such deployment")
        });
        let Sum { changed, before, after, .. } = &self.all;
        let done = match (applied, *changed) {
            (_, 0) => "nothing changes".to_owned(),
            (true, _) => format!("{} written", counted(*changed, "change")),
            (false, _) => {
                format!("{} not written: --apply does that", counted(*changed, "change"))
            }
        };
        let parts =
            [print::table(&header, groups), print::table(&["STATE", "RECORDED", "NOW"], states)];
        let rest = format!("recorded ${before}, now ${after}: {done}");
        parts
            .into_iter()
            .chain([kept.chain([rest]).collect::<Vec<_>>().join("\n")])
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}
