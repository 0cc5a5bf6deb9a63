//! `tieline contingency`: which features survive the loss of any one element.

mod drills;
mod page;
mod table;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;
use tieline_config::Config;
use tieline_gateway::{
    Evidence, GatewayError,
    contingency::{Depth, Known, Report, Topology, analyse, topology},
};
use tieline_ledger::FeaturePeak;

use crate::{admin::Admin, failure::Failure, harness::evidence, print, when};

/// Demand is that of so many days.
const DAYS: u64 = 28;
const DAY_MS: u64 = 86_400_000;
/// Exit code where demand or quotas are not known.
const INCONCLUSIVE: u8 = 3;
/// States in which a deployment answers.
const WELL: [&str; 2] = ["closed", "ramping"];

/// Show which features survive the loss of any one provider, region, cloud or model
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes each element away in turn and shares out what is left, by the quotas and demand of the
configuration; demand that is not declared is that of the ledger. T0 is a feature's first tier.
Exit code 1 where a critical feature does not survive every ordinary contingency, 3 where that
cannot be told for want of demand or of quotas that are owed.

Examples:
  tieline contingency
  tieline contingency --live
  tieline contingency --growth 1.5 --feature support-reply
  tieline contingency --n 2 --format json
  tieline contingency --format html > contingency.html
  tieline contingency --emit-drills drills")]
pub(crate) struct Contingency {
    /// How many independent elements are lost at once: 1 or 2. Pairs have no say in the exit code
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=2)
    )]
    n: u8,
    /// Begin with what is out at the moment, as the running gateway tells
    #[arg(long)]
    live: bool,
    /// Show this feature only; it competes with the others all the same
    #[arg(long, value_name = "FEATURE")]
    feature: Option<String>,
    /// How many times of what the ledger saw is asked for; what is declared stays as it is
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = growth)]
    growth: f64,
    /// Write a drill for each contingency into this folder
    #[arg(long, value_name = "FOLDER")]
    emit_drills: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    #[command(flatten)]
    admin: Admin,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs; stable.
    Json,
    /// A page with pictures, for a browser; it needs no network.
    Html,
}

fn growth(text: &str) -> Result<f64, &'static str> {
    let growth = text.parse().ok().filter(|growth: &f64| growth.is_finite() && *growth > 0.0);
    growth.ok_or("expected a number above zero, such as 1.2")
}

/// What is shown.
#[derive(Serialize)]
struct Shown {
    /// How many elements are lost at once, at most.
    n: u8,
    /// Whether it begins with what is out at the moment.
    live: bool,
    /// The deployments that are out already.
    down: BTreeSet<String>,
    /// What features ask for.
    demand: Vec<Demand>,
    #[serde(flatten)]
    report: Report,
    /// Critical features that do not survive every ordinary contingency.
    insecure: Vec<String>,
    /// Critical features of which that cannot be told.
    unproved: Vec<String>,
    #[serde(skip)]
    topology: Topology,
}

/// What a feature asks for at its peak.
#[derive(Serialize)]
struct Demand {
    feature: String,
    criticality: &'static str,
    /// `declared`, `ledger` or `unknown`.
    source: &'static str,
    requests_per_minute: Option<f64>,
    input_tokens_per_minute: Option<f64>,
    output_tokens_per_minute: Option<f64>,
}

impl Contingency {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let config = self.admin.config().load_for_reading()?;
        if let Some(feature) = self.feature.as_ref().filter(|name| config.feature(name).is_none()) {
            return Err(Failure::Usage {
                message: format!("there is no feature `{feature}`"),
                hint: "the configuration lists every feature".to_owned(),
            });
        }
        let shown = self.shown(&config)?;
        if let Some(folder) = &self.emit_drills {
            let written = drills::write(&shown, folder, &self.admin.config().path)?;
            print::remark(&format!("{} in {}", print::counted(written, "drill"), folder.display()));
        }
        match self.format {
            Form::Table => print::line(&table::table(&shown))?,
            Form::Json => print::json(&shown)?,
            Form::Html => print::line(page::page(&shown).trim_end())?,
        }
        match (shown.insecure.is_empty(), shown.unproved.is_empty()) {
            (false, _) => Err(Failure::Ruled(Failure::CHECK)),
            (true, false) => Err(Failure::Ruled(INCONCLUSIVE)),
            (true, true) => Ok(()),
        }
    }

    fn shown(&self, config: &Config) -> Result<Shown, Failure> {
        let now_ms = when::unix_ms(when::wall_now());
        let (peaks, first_contents) = recorded(config, now_ms)?;
        let down = if self.live { down(&self.admin.get("/status")?.body) } else { BTreeSet::new() };
        let known = Known {
            peaks: &peaks,
            growth: self.growth,
            first_contents: &first_contents,
            down: &down,
        };
        let topology = topology(config, evidence(config)?, now_ms, known)?;
        let depth = if self.n > 1 { Depth::Two } else { Depth::One };
        let mut report = analysed(&topology, depth)?;
        if let Some(feature) = &self.feature {
            narrow(&mut report, feature);
        }
        let names = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect();
        Ok(Shown {
            n: self.n,
            live: self.live,
            down,
            demand: demand(config, &topology),
            insecure: names(report.insecure()),
            unproved: names(report.unproved()),
            report,
            topology,
        })
    }
}

/// The critical features of a configuration that do not survive every ordinary contingency, by
/// what it declares alone, and how many critical features there are; none where it declares no
/// demand.
///
/// # Errors
/// Every mistake in the policies, in the user's own prices and in keys of attestations.
pub(super) fn declared(
    config: &Config,
    evidence: Evidence,
    now_ms: u64,
) -> Result<Option<(Vec<String>, usize)>, Failure> {
    if config.features.iter().all(|feature| feature.demand.is_none()) {
        return Ok(None);
    }
    let (first_contents, down) = (BTreeMap::new(), BTreeSet::new());
    let known = Known { peaks: &[], growth: 1.0, first_contents: &first_contents, down: &down };
    let report = analysed(&topology(config, evidence, now_ms, known)?, Depth::One)?;
    let critical = report.base.iter().filter(|one| !one.criticality.gives_way()).count();
    Ok(Some((report.insecure().into_iter().map(str::to_owned).collect(), critical)))
}

fn analysed(topology: &Topology, depth: Depth) -> Result<Report, Failure> {
    analyse(topology, depth).map_err(|source| GatewayError::from(source).into())
}

/// What the ledger knows of demand and times; nothing where there is none yet.
type Recorded = (Vec<FeaturePeak>, BTreeMap<String, Duration>);

fn recorded(config: &Config, now_ms: u64) -> Result<Recorded, Failure> {
    let path = &config.ledger.path;
    if !path.exists() {
        return Ok(Recorded::default());
    }
    let since_ms = now_ms.saturating_sub(DAYS * DAY_MS);
    let peaks = tieline_ledger::peaks(path, since_ms, now_ms)?;
    Ok((peaks, tieline_ledger::first_contents(path, since_ms, now_ms)?))
}

/// The deployments that a status tells to be out.
fn down(status: &Value) -> BTreeSet<String> {
    let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
    let all = status.get("deployments").and_then(Value::as_array).into_iter().flatten();
    let out = all.filter(|one| text(one, "state").is_none_or(|state| !WELL.contains(&&*state)));
    out.filter_map(|one| text(one, "id")).collect()
}

/// Leaves one feature in a report.
fn narrow(report: &mut Report, feature: &str) {
    report.base.retain(|one| *one.feature == *feature);
    for one in &mut report.contingencies {
        one.features.retain(|one| *one.feature == *feature);
        let worst = one.features.iter().map(|one| one.verdict).max();
        one.verdict = worst.unwrap_or(one.verdict);
    }
}

fn demand(config: &Config, topology: &Topology) -> Vec<Demand> {
    let one = |load: &tieline_gateway::contingency::FeatureLoad| {
        let declared = config.feature(&load.feature).is_some_and(|one| one.demand.is_some());
        Demand {
            feature: load.feature.to_string(),
            criticality: load.criticality.as_str(),
            source: match (declared, load.need) {
                (true, _) => "declared",
                (false, Some(_)) => "ledger",
                (false, None) => "unknown",
            },
            requests_per_minute: load.need.map(|need| need.requests_per_minute),
            input_tokens_per_minute: load.need.and_then(|need| need.input_tokens_per_minute),
            output_tokens_per_minute: load.need.and_then(|need| need.output_tokens_per_minute),
        }
    };
    topology.loads.iter().map(one).collect()
}
