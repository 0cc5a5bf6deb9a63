//! `tieline route`: where requests go, and why.

mod replay;

use clap::Subcommand;
use serde_json::json;
use tieline_config::Config;
use tieline_gateway::{BurnStatus, Explained, Explanation, Price, Question, explain};
use tieline_policy::Caller;
use tieline_types::{Fact, Modality, PlannedStep};

use crate::{
    decided,
    failure::Failure,
    files::ConfigFile,
    harness::evidence,
    print::{self, FormatOption, or_dash},
    standings,
    when::{self, Moment},
};

/// Who calls where there are no keys.
const LOCAL: &str = "local";

/// Show where requests go, and why, and where they would have gone
#[derive(Debug, clap::Args)]
pub(crate) struct Route {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Explain(Explain),
    Replay(replay::Replay),
}

impl Route {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Explain(explain) => explain.run(),
            Action::Replay(replay) => replay.run(),
        }
    }
}

/// Show every deployment of a feature, in or out by which rule, and what is tried in which order
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks the configuration alone: no gateway runs, and everything counts as well.

Examples:
  tieline route explain --feature support-reply
  tieline route explain --feature support-reply --facts
  tieline route explain --feature support-reply --without provider=azure-sweden
  tieline route explain --feature support-reply --burning support-first-token
  tieline route explain --feature support-reply --tag tenant=acme --tag plan=free
  tieline route explain --feature support-reply --modality image --modality document
  tieline route explain --feature support-reply --at 2027-02-01T00:00:00Z --format json")]
struct Explain {
    /// The feature, or the model that stands for one
    #[arg(long)]
    feature: String,
    /// What the client says of the request, as in x-tieline-tags; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<String>,
    /// What it carries beside text: audio, document, image, video, or unknown for what Tieline does
    /// not know; may be repeated
    #[arg(long = "modality", value_name = "KIND")]
    modalities: Vec<Modality>,
    /// Who calls: the id of an API key, or `local`
    #[arg(long, value_name = "ID", default_value = LOCAL)]
    caller: String,
    /// The name that the caller's keys were made under, where policies ask for it
    #[arg(long, value_name = "NAME")]
    caller_name: Option<String>,
    /// Take a provider for lost: `provider=NAME`; may be repeated
    #[arg(long, value_name = "provider=NAME", value_parser = provider)]
    without: Vec<String>,
    /// Suppose that this objective burns, for the feature's `on_burn`; may be repeated
    #[arg(long, value_name = "SLO")]
    burning: Vec<String>,
    /// When: how long ago (1h) or a time (2026-04-28T17:34:00Z). Default: now
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// How many tokens its prompt has, where tiers weigh what a request costs
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    input_tokens: u64,
    /// Show what is known of each deployment as well, and who says so
    #[arg(long)]
    facts: bool,
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    format: FormatOption,
}

/// Reads `key=value`.
fn pair(text: &str) -> Result<String, &'static str> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|_| text.to_owned()).ok_or("expected `key=value`")
}

/// Reads `provider=NAME`.
fn provider(text: &str) -> Result<String, &'static str> {
    let name = text.strip_prefix("provider=").filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or("expected `provider=NAME`")
}

impl Explain {
    /// Who calls: keys are the ledger's, so their features are not known here.
    fn caller(&self) -> Caller<'_> {
        let local = (self.caller == LOCAL).then_some(LOCAL);
        let name = self.caller_name.as_deref().or(local);
        Caller { name, ..Caller::from(&*self.caller) }
    }

    /// Whether the feature has a rule about each objective that is supposed to burn.
    fn known_rules(&self, config: &Config) -> Result<(), Failure> {
        let rules = config.feature(&self.feature).into_iter().flat_map(|one| &one.on_burn);
        let ruled: Vec<&String> = rules.map(|rule| &rule.slo).collect();
        match self.burning.iter().find(|slo| !ruled.contains(slo)) {
            None => Ok(()),
            Some(slo) => Err(Failure::Usage {
                message: format!("`{}` has no rule about an objective `{slo}`", self.feature),
                hint: "its rules are in `on_burn`".to_owned(),
            }),
        }
    }

    fn run(self) -> Result<(), Failure> {
        let config = self.config.load_for_reading()?;
        if let Some(unknown) = self.without.iter().find(|name| config.provider(name).is_none()) {
            return Err(unknown_name("provider", unknown));
        }
        self.known_rules(&config)?;
        let now = when::wall_now();
        let question = Question {
            feature: &self.feature,
            caller: self.caller(),
            tags: &self.tags,
            modalities: self.modalities.iter().copied().collect(),
            at_ms: self.at.map_or_else(|| when::unix_ms(now), |at| at.unix_ms(now)),
            input_tokens: self.input_tokens,
        };
        let evidence = evidence(&config)?.with_burning(&config, &self.feature, &self.burning);
        let explained = explain(&config, evidence, question, &self.without)?;
        let explained = explained.ok_or_else(|| unknown_name("feature", &self.feature))?;
        self.format.print(&explained, |explained| told(explained, self.facts))
    }
}

/// What the feature does while its objectives burn.
fn rules(rules: &[BurnStatus]) -> Option<String> {
    let rows = rules.iter().map(|rule| {
        let holds = if rule.holds { "supposed" } else { "no" };
        vec![rule.slo.clone(), rule.above.to_string(), rule.then.clone(), holds.to_owned()]
    });
    let header = ["WHILE IT BURNS", "ABOVE", "THEN", "HERE"];
    (!rules.is_empty()).then(|| print::table(&header, rows))
}

fn unknown_name(what: &str, name: &str) -> Failure {
    Failure::Usage {
        message: format!("there is no {what} `{name}`"),
        hint: format!("the configuration lists every {what}"),
    }
}

fn told(explained: &Explanation, facts: bool) -> String {
    let parts = [
        Some(head(explained)),
        Some(deployments(&explained.deployments)),
        candidates(explained),
        decided::is_weighed(&explained.candidates)
            .then(|| decided::candidates(&explained.candidates)),
        rules(&explained.on_burn),
        Some(plan(&explained.plan)),
        facts.then(|| known(&explained.deployments)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn head(explained: &Explanation) -> String {
    let class = explained.data_class.map(|class| format!("its data is {class}"));
    let residency = (!explained.residency.is_empty())
        .then(|| format!("may be processed in {}", explained.residency.join(", ")));
    let said: Vec<String> = class.into_iter().chain(residency).collect();
    match said.is_empty() {
        true => format!("feature {}", explained.feature),
        false => format!("feature {}: {}", explained.feature, said.join(", ")),
    }
}

fn deployments(deployments: &[Explained]) -> String {
    let rows = deployments.iter().flat_map(|one| {
        one.reasons.iter().enumerate().map(|(at, reason)| {
            let first = |text: &str| if at == 0 { text.to_owned() } else { String::new() };
            let id = first(&one.deployment);
            vec![id, first(one.verdict), reason.words.clone(), reason.rule.to_string()]
        })
    });
    print::table(&["DEPLOYMENT", "VERDICT", "WHY", "RULE"], rows)
}

/// What evals and releases say of the candidates.
fn candidates(explained: &Explanation) -> Option<String> {
    let all = explained.standings.iter().map(|one| json!(one));
    standings::table(&all.collect::<Vec<_>>())
}

fn plan(steps: &[PlannedStep]) -> String {
    match steps {
        [] => "nothing is left to try: requests are refused with 403".to_owned(),
        steps => decided::plan(steps),
    }
}

fn known(deployments: &[Explained]) -> String {
    let rows = deployments.iter().flat_map(|one| {
        let facts = one.facts.iter().map(|(name, Fact { value, source, expires_ms })| {
            let until = or_dash(expires_ms.map(when::written));
            [name.to_string(), value.to_string(), until, source.to_string()]
        });
        let id = std::iter::once(one.deployment.clone()).chain(std::iter::repeat(String::new()));
        let rows = facts.chain([price(one.price)]).zip(id);
        rows.map(|(rest, id)| [id].into_iter().chain(rest).collect::<Vec<_>>())
    });
    print::table(&["DEPLOYMENT", "FACT", "VALUE", "UNTIL", "SOURCE"], rows)
}

/// What a million tokens cost, as a row of facts.
fn price(price: Option<Price>) -> [String; 4] {
    let value = match price {
        Some(Price { input, output }) => {
            format!("${} in, ${} out a million", or_dash(input), or_dash(output))
        }
        None => "unknown".to_owned(),
    };
    ["price".to_owned(), value, "-".to_owned(), "price lists and configuration".to_owned()]
}
