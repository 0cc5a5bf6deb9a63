//! `tieline eval plan`: what a run can show and will cost.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Serialize;
use tieline_config::Config;
use tieline_eval::{
    Arm,
    planning::{Chance, Estimate, Load, MetricPlan, TokenPrice, chances, estimate, tokens},
};

use super::{arms, suite::Suite};
use crate::{
    failure::Failure,
    files::ConfigFile,
    print::{self, FormatOption, counted, or_dash},
    when,
};

/// Tokens of an answer where nobody knows better.
const OUTPUT_TOKENS: u64 = 256;

/// Show what a run can show and will cost, before anything is asked
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Power is how likely a candidate that is as good as the incumbent passes. It depends on the share of
cases that one of them passes and the other does not: 0.05 for deployments that are much alike, 0.2
for different models. With repeats it is a range: nothing is gained where the same cases differ each
time, most where all is chance. Prompts are rendered and counted at four bytes a token.

Examples:
  tieline eval plan suite.yaml --candidate gpt-5.5@azure --incumbent gpt-5.5@openai
  tieline eval plan suite.yaml --candidate gpt-5.5@azure --discordance 0.08 --format json")]
pub(super) struct Plan {
    /// The suite
    #[arg(value_name = "SUITE")]
    suite: PathBuf,
    #[command(flatten)]
    deployments: Deployments,
    /// The share of cases on which the two differ, where it is known
    #[arg(long, value_name = "SHARE")]
    discordance: Option<f64>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    format: FormatOption,
}

/// The deployments of a run.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Deployments {
    /// The deployment that wants to serve
    #[arg(long, value_name = "DEPLOYMENT")]
    pub(super) candidate: Option<String>,
    /// The deployment that serves
    #[arg(long, value_name = "DEPLOYMENT")]
    pub(super) incumbent: Option<String>,
}

impl Deployments {
    pub(super) fn arms(&self) -> BTreeMap<Arm, String> {
        let arms = [(Arm::Candidate, &self.candidate), (Arm::Incumbent, &self.incumbent)];
        arms.into_iter().filter_map(|(arm, named)| Some((arm, named.clone()?))).collect()
    }
}

/// How much is asked.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Scope {
    /// How often each case is asked of each deployment, instead of what the suite says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) repeats: Option<u32>,
    /// Ask the cases that are kept from tuning as well
    #[arg(long)]
    pub(super) holdout: bool,
    /// Tokens that an answer is taken to have when its cost is estimated
    #[arg(long, value_name = "N", default_value_t = OUTPUT_TOKENS)]
    pub(super) output_tokens: u64,
}

/// What a run can show and will cost.
#[derive(Serialize)]
pub(super) struct Planned {
    pub(super) suite: String,
    pub(super) cases: usize,
    pub(super) repeats: u32,
    pub(super) min_power: f64,
    pub(super) metrics: Vec<MetricPlan>,
    pub(super) estimate: Estimate,
}

impl Plan {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load_for_reading()?;
        let suite = Suite::load(&self.suite, self.scope)?;
        let arms = self.deployments.arms();
        let planned = planned(&config, &suite, &arms, self.scope, self.discordance)?;
        self.format.print(&planned, told)
    }
}

/// Plans a run of a suite.
///
/// # Errors
/// Where a deployment does not exist or policy leaves it out, or a case has no request.
pub(super) fn planned(
    config: &Config,
    suite: &Suite,
    arms: &BTreeMap<Arm, String>,
    scope: Scope,
    discordance: Option<f64>,
) -> Result<Planned, Failure> {
    let feature = &suite.read.file.feature;
    let price = |deployment: &String| -> Result<TokenPrice, Failure> {
        arms::admitted(&arms::alone(config, feature, deployment)?, feature, deployment)
    };
    let prices = arms.iter().map(|(arm, deployment)| Ok((*arm, price(deployment)?)));
    let prices = prices.collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let (judges, embeddings) = (suite.read.judge_asks(), suite.read.embeddings());
    let graders = judges.keys().chain(embeddings.keys());
    let graders = graders.map(|name| Ok((name.clone(), price(name)?)));
    let graders = graders.collect::<Result<BTreeMap<_, _>, Failure>>()?;
    embeddings.keys().try_for_each(|name| arms::embeds(config, name))?;
    let mut prompts = Vec::new();
    for case in &suite.read.cases {
        let request = suite.read.request(case).map_err(|why| Failure::Usage {
            message: format!("case {}: {why}", case.id),
            hint: "templates name fields of the case".to_owned(),
        })?;
        prompts.push(tokens(&request));
    }
    let repeats = suite.read.file.run.repeats;
    let load = Load {
        prompts,
        output_tokens: scope.output_tokens,
        judges,
        embeddings,
        canaries: suite.read.canaries(),
        repeats,
        concurrency: suite.read.file.run.concurrency,
    };
    Ok(Planned {
        suite: suite.path.display().to_string(),
        cases: suite.read.cases.len(),
        repeats,
        min_power: suite.read.file.gate.min_power,
        metrics: chances(&suite.read.file.gate, suite.read.cases.len(), repeats, discordance),
        estimate: estimate(&load, &prices, &graders),
    })
}

/// All deployments that a run asks.
pub(super) fn all(suite: &Suite, arms: &BTreeMap<Arm, String>) -> BTreeSet<String> {
    let graders = suite.read.judge_asks().into_keys().chain(suite.read.embeddings().into_keys());
    arms.values().cloned().chain(graders).collect()
}

/// The plan for a terminal.
pub(super) fn told(planned: &Planned) -> String {
    let rows = planned.metrics.iter().flat_map(|metric| {
        metric.at.iter().map(|at| {
            let Chance { discordance, power, power_if_chance, cases_needed, detectable } = at;
            let percent = |power: f64| format!("{:.0} %", power * 100.0);
            let upper = power_if_chance.map(|power| format!(" to {}", percent(power)));
            [
                metric.metric.clone(),
                format!("{:.1}", metric.margin * 100.0),
                format!("{:.0} %", discordance * 100.0),
                percent(*power) + &upper.unwrap_or_default(),
                or_dash(*cases_needed),
                format!("{:.1}", detectable * 100.0),
            ]
        })
    });
    let header =
        ["METRIC", "MARGIN", "IF THEY DIFFER ON", "POWER", "CASES NEEDED", "MARGIN THEY SHOW"];
    let Estimate { asks, judge_asks, output_tokens, total_usd, seconds, .. } = &planned.estimate;
    let cost = match total_usd {
        Some(usd) => format!("about ${usd:.4}"),
        None => "nobody knows how many dollars".to_owned(),
    };
    let judged =
        if *judge_asks > 0 { format!(" and {judge_asks} of judges") } else { String::new() };
    let weak = planned.metrics.iter().flat_map(|metric| &metric.at);
    let best = |at: &Chance| at.power_if_chance.unwrap_or(at.power);
    let weak = weak.clone().all(|at| best(at) < planned.min_power) && weak.count() > 0;
    let warning = if weak {
        format!(
            "\nwith so few cases an equally good candidate passes less often than in {:.0} of 100 \
             runs: expect INCONCLUSIVE",
            planned.min_power * 100.0
        )
    } else {
        String::new()
    };
    format!(
        "{}, {}\n\n{}{warning}\n\n{asks} asks of deployments{judged}: {cost} at {output_tokens} \
         tokens an answer, about {}",
        planned.suite,
        counted(planned.cases, "case"),
        print::table(&header, rows),
        when::lapse(seconds.saturating_mul(1_000_000)),
    )
}
