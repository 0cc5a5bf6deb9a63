//! `tieline eval attest`: a run that passed, signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tieline_config::Config;
use tieline_eval::{Arm, Disk, Row, Suite, SuiteFile, gating, run::RunFile};
use tieline_gate::{
    Ruling, Verdict,
    attest::{
        DeploymentIdentity, Digest, Envelope, Evidence, Findings, RowsProof, SigningKey, Statement,
    },
};

use super::runs::Runs;
use crate::{failure::Failure, print, when};

/// Sign what a run that passed has shown
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only a run whose gate passes is signed; with any other verdict nothing is written. The attestation
is bound to the deployment as the configuration has it, to the suite and its judges as they were
run, and to the rows.

Examples:
  tieline eval attest --key eval.key > attestation.json
  tieline eval attest RUN --key eval.key --valid-for 14d --tier frontier

Exit codes: 0 signed, 1 the gate did not pass or the run cannot be attested.")]
pub(super) struct Attest {
    /// The run, by its id or folder. Default: the newest
    run: Option<String>,
    /// The file with the private key, as `tieline eval keygen` makes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// How long it holds
    #[arg(long, value_name = "DURATION", value_parser = when::duration, default_value = "30d")]
    valid_for: Duration,
    /// The only tier that it holds for. Default: every tier of the feature
    #[arg(long)]
    tier: Option<String>,
    /// The suite, where it is no longer where the run found it
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    #[command(flatten)]
    runs: Runs,
}

impl Attest {
    pub(super) fn run(self) -> Result<(), Failure> {
        let key = signing_key(&self.key)?;
        let folder = self.runs.find(self.run.as_deref())?;
        let (run, rows) = tieline_eval::run::read(&folder)?;
        let ruling = passed(&run, &rows)?;
        let suite_digest = digest_of(&run)?;
        let suite = self.suite(&run)?;
        let config = self.runs.config.load_for_reading()?;
        let parameters = Digest::of_json(&Value::Object(suite.prompt.parameters.clone()));
        let identity = |arm| identity(&config, &run, &rows, arm, parameters);
        let issued_ms = when::unix_ms(when::wall_now());
        let lifetime_ms = u64::try_from(self.valid_for.as_millis()).unwrap_or(u64::MAX);
        let incumbent = run.arms.contains_key(&Arm::Incumbent).then(|| identity(Arm::Incumbent));
        let (deployment, identity) = identity(Arm::Candidate)?;
        let evidence = Evidence {
            feature: run.feature.clone(),
            tier: self.tier,
            run: run.id.clone(),
            deployment,
            identity,
            incumbent: incumbent.transpose()?.map(|(_, identity)| identity.digest()),
            suite: suite_digest,
            judges: judges(&suite)?,
            rows: proof(&folder.join("rows.jsonl"))?,
            findings: Findings::of(&ruling),
            issued_ms,
            expires_ms: issued_ms.saturating_add(lifetime_ms),
        };
        let signed = Envelope::sign(&Statement::of(evidence), &key);
        print::json(&signed.map_err(unfit)?)
    }

    /// The suite of the run, if it is still the one that was run.
    fn suite(&self, run: &RunFile) -> Result<SuiteFile, Failure> {
        let path = self.suite.clone().unwrap_or_else(|| PathBuf::from(&run.suite));
        let read = Suite::read(&path, &Disk).map_err(|problems| Failure::Usage {
            message: format!("the suite has mistakes\n{problems}"),
            hint: "name the suite of the run with --suite".to_owned(),
        })?;
        match read.digest == run.suite_digest {
            true => Ok(read.file),
            false => Err(unfit(format!("{} has changed since it was run", path.display()))),
        }
    }
}

/// A run that cannot be attested, whatever it has shown.
fn unfit(why: impl Display) -> Failure {
    Failure::Check(format!("nothing is signed: {why}"))
}

fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::os(format!("read {}", path.display())))?;
    SigningKey::from_pem(&text).map_err(|error| Failure::Usage {
        message: format!("{}: {error}", path.display()),
        hint: "`tieline eval keygen --out FILE` makes one".to_owned(),
    })
}

/// The ruling on a run, if it is a pass.
fn passed(run: &RunFile, rows: &[Row]) -> Result<Ruling, Failure> {
    let ruling = gating::rule(run, rows)?;
    match ruling.verdict {
        Verdict::Pass => Ok(ruling),
        _ => Err(unfit(format!("the gate did not pass: {}", ruling.reasons.join("; ")))),
    }
}

fn digest_of(run: &RunFile) -> Result<Digest, Failure> {
    run.suite_digest.parse().map_err(|_| unfit("its rows are another tool's"))
}

/// The digests of the judges as the suite has them.
fn judges(suite: &SuiteFile) -> Result<BTreeMap<String, Digest>, Failure> {
    let digests = suite.judges.iter().map(|(name, judge)| {
        let value = serde_json::to_value(judge).map_err(unfit)?;
        Ok((name.clone(), Digest::of_json(&value)))
    });
    digests.collect()
}

fn proof(path: &Path) -> Result<RowsProof, Failure> {
    let rows = fs::read(path).map_err(Failure::os(format!("read {}", path.display())))?;
    Ok(RowsProof::of_lines(&rows))
}

/// The id of an arm's deployment, and what exactly was asked.
fn identity(
    config: &Config,
    run: &RunFile,
    rows: &[Row],
    arm: Arm,
    parameters: Digest,
) -> Result<(String, DeploymentIdentity), Failure> {
    let id = run.arms.get(&arm).ok_or_else(|| unfit(format!("it has no {arm}")))?;
    let deployment = config.deployment(id).ok_or_else(|| unfit(format!("there is no {id}")))?;
    Ok((
        id.clone(),
        tieline_gateway::identity(config, deployment, resolved(rows, arm)?, parameters),
    ))
}

/// The one model that all answers of an arm say they came from.
fn resolved(rows: &[Row], arm: Arm) -> Result<Option<String>, Failure> {
    let answers = rows.iter().filter(|row| row.arm == arm).filter_map(|row| row.answer.as_ref());
    let models: BTreeSet<&str> = answers.map(|answer| answer.model.as_str()).collect();
    let mut named = models.into_iter().filter(|model| !model.is_empty());
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.to_owned())),
        (Some(one), Some(other)) => {
            Err(unfit(format!("answers of the {arm} came from {one} and from {other}")))
        }
    }
}
