//! `tieline release`: a deployment comes to serve a feature step by step, on proof.

use clap::Subcommand;
use http::StatusCode;
use serde_json::{Value, json};
use tieline_gate::release::ReleaseSettings;
use tieline_gateway::{Evidenced, Move, NewRelease, ReleaseStatus};

use crate::{
    admin::{Admin, Said},
    failure::Failure,
    print::{self, FormatOption, or_dash},
    when,
};

/// Bring a deployment into service step by step, and take it back where it does worse
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tier lists the deployment among its `release_candidates`. A release mirrors a share of the tier's
requests to it first, which nobody sees and which are billed apart (caller `tieline-shadow`), then
lets it answer 1, 5 and 25 % of the conversations, and then serve. Its answers are compared with
those of what serves; where they are shown to be worse by more than the margin, or fewer, it is
rolled back at once. Looking all the time costs no certainty: the proofs are anytime-valid.

Examples:
  tieline release start support-reply gpt-6@openai
  tieline release start support-reply gpt-6@openai --margin 0.02 --steps 5%,50% --shadow 100%
  tieline release status
  tieline release promote support-reply --reason 'checked by hand'
  tieline release rollback support-reply --reason 'complaints'
  tieline audit --limit 10    Show every stage, and who decided")]
pub(crate) struct Release {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Start(Box<Start>),
    Status(Status),
    /// Go on to the next stage now, whatever is proved; what is paused serves
    Promote(Decide),
    /// Take the candidate out now, whatever is proved
    Rollback(Decide),
}

/// Begin a release
#[derive(Debug, clap::Args)]
struct Start {
    /// The feature
    feature: String,
    /// The deployment, one of the tier's `release_candidates`
    #[arg(value_name = "MODEL@PROVIDER")]
    candidate: String,
    /// The tier, where several list the deployment
    #[arg(long)]
    tier: Option<String>,
    /// How much less often its answers may be good, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.03")]
    margin: f64,
    /// How much less often it may answer at all, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.05")]
    answered_margin: f64,
    /// The probability of a wrong proof, of each kind
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.05")]
    alpha: f64,
    /// The share of requests that are mirrored first; 0 leaves that stage out
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "10%")]
    shadow: f64,
    /// The shares of conversations that it answers, stage by stage
    #[arg(long, value_name = "SHARES", value_parser = share, value_delimiter = ',',
          default_value = "1%,5%,25%")]
    steps: Vec<f64>,
    /// Pairs of outcomes that every stage needs before the next
    #[arg(long, value_name = "N", default_value_t = ReleaseSettings::default().pairs_per_stage)]
    pairs: u64,
    /// Pairs of outcomes after which a release without a proof is paused
    #[arg(long, value_name = "N", default_value_t = ReleaseSettings::default().pairs_max)]
    pairs_max: u64,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    format: FormatOption,
}

/// Show releases, and what is proved of them
#[derive(Debug, clap::Args)]
struct Status {
    /// Only those of this feature
    feature: Option<String>,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    format: FormatOption,
}

#[derive(Debug, clap::Args)]
struct Decide {
    /// The release's id, or the feature where one release of it is not over
    release: String,
    /// Why; it goes on record
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    format: FormatOption,
}

/// Reads a share: `0.05` or `5%`.
fn share(text: &str) -> Result<f64, &'static str> {
    let (number, of) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    let share = number.parse::<f64>().ok().map(|number| number / of);
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or("expected a share: 0.05 or 5%")
}

impl Release {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Start(start) => start.run(),
            Action::Status(status) => status.run(),
            Action::Promote(decide) => {
                let reason = decide.reason.clone();
                decide.run(&Move::Promote { reason })
            }
            Action::Rollback(decide) => {
                let reason = decide.reason.clone();
                decide.run(&Move::RollBack { reason })
            }
        }
    }
}

impl Start {
    fn run(self) -> Result<(), Failure> {
        let asked = NewRelease {
            feature: self.feature,
            tier: self.tier,
            candidate: self.candidate,
            settings: ReleaseSettings {
                margin: self.margin,
                answered_margin: self.answered_margin,
                alpha: self.alpha,
                shadow_share: self.shadow,
                steps: self.steps,
                pairs_per_stage: self.pairs,
                pairs_max: self.pairs_max,
            },
        };
        let release = one(self.admin.post("/releases", &json!(asked))?)?;
        self.format.print(&release, |release| table(std::slice::from_ref(release)))
    }
}

impl Status {
    fn run(self) -> Result<(), Failure> {
        let mut releases = all(&self.admin)?;
        releases.retain(|one| self.feature.as_ref().is_none_or(|name| *name == one.feature));
        self.format.print(&releases, |releases| match releases.is_empty() {
            true => "no releases".to_owned(),
            false => table(releases),
        })
    }
}

impl Decide {
    fn run(self, to: &Move) -> Result<(), Failure> {
        let id = self.id(to)?;
        let release = one(self.admin.put(&format!("/releases/{id}"), &json!(to))?)?;
        self.format.print(&release, |release| table(std::slice::from_ref(release)))
    }

    /// The id of the release that is meant.
    fn id(&self, to: &Move) -> Result<String, Failure> {
        if self.release.starts_with("rel_") {
            return Ok(self.release.clone());
        }
        let goes_back = matches!(to, Move::RollBack { .. });
        let is_open = |one: &ReleaseStatus| match one.stage.as_str() {
            "rolled_back" => false,
            "serving" => goes_back,
            _ => true,
        };
        let mut releases = all(&self.admin)?;
        releases.retain(|one| one.feature == self.release && is_open(one));
        match releases.as_slice() {
            [only] => Ok(only.id.clone()),
            [] => Err(Failure::Usage {
                message: format!("`{}` has no release that could be moved so", self.release),
                hint: "`tieline release status` lists them".to_owned(),
            }),
            several => {
                let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
                Err(Failure::Usage {
                    message: format!("several releases of `{}` are not over", self.release),
                    hint: format!("name one of them: {}", ids.join(", ")),
                })
            }
        }
    }
}

fn all(admin: &Admin) -> Result<Vec<ReleaseStatus>, Failure> {
    read(admin.get("/releases")?)
}

fn one(said: Said) -> Result<ReleaseStatus, Failure> {
    read(said)
}

fn read<T: serde::de::DeserializeOwned>(said: Said) -> Result<T, Failure> {
    let told = said.body.get("error").and_then(Value::as_str).map(str::to_owned);
    if said.status == StatusCode::OK
        && let Ok(read) = serde_json::from_value(said.body)
    {
        return Ok(read);
    }
    let message = told.unwrap_or_else(|| "the gateway's answer is not understood".to_owned());
    let hint = "`tieline release status` and `tieline status` show how it stands".to_owned();
    match said.status {
        // What is refused for its evals or by policy is a check that failed.
        StatusCode::CONFLICT => Err(Failure::Check(message)),
        _ => Err(Failure::Usage { message, hint }),
    }
}

fn table(releases: &[ReleaseStatus]) -> String {
    let header = [
        "RELEASE",
        "FEATURE",
        "TIER",
        "CANDIDATE",
        "STAGE",
        "SINCE",
        "PAIRS",
        "ANSWERS",
        "ANSWERED",
        "PROOF",
        "WHY",
    ];
    print::table(&header, releases.iter().map(row))
}

fn row(one: &ReleaseStatus) -> Vec<String> {
    let stage = match one.stage.as_str() {
        "canary" => format!("canary {} %", percent(one.share)),
        stage => stage.replace('_', " "),
    };
    vec![
        one.id.clone(),
        one.feature.clone(),
        one.tier.clone(),
        one.candidate.clone(),
        stage,
        when::written(one.changed_ms),
        one.answered.pairs.to_string(),
        difference(&one.quality),
        difference(&one.answered),
        format!(
            "{} % serve, {} % back",
            percent(one.quality.towards_serving.min(one.answered.towards_serving)),
            percent(one.quality.towards_rollback.max(one.answered.towards_rollback)),
        ),
        one.reason.clone(),
    ]
}

/// `-1.2 points (-3.0 to +0.6)`.
fn difference(shown: &Evidenced) -> String {
    let points = |share: f64| format!("{:+.1}", share * 100.0);
    or_dash(shown.difference.map(|mean| {
        let bounds = shown.lower.zip(shown.upper);
        let bounds =
            bounds.map(|(lower, upper)| format!(" ({} to {})", points(lower), points(upper)));
        format!("{} points{}", points(mean), bounds.unwrap_or_default())
    }))
}

fn percent(share: f64) -> String {
    let percent = format!("{:.1}", share * 100.0);
    percent.strip_suffix(".0").unwrap_or(&percent).to_owned()
}
