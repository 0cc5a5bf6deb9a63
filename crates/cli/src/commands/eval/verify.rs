//! `tieline eval verify`: whether an attestation holds.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::Serialize;
use tieline_gate::attest::{
    Attestation, ENVELOPE_BYTES_MAX, PublicKey, Refusal, RowsProof, Test, verify,
};

use crate::{
    failure::Failure,
    print::{self, FormatOption, or_dash},
    when::{self, Moment},
};

/// Check an attestation, offline
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An attestation holds if one of the keys signed it, the gate passed, and it is in its time. With
--rows it is also checked to be about these rows and no others.

Examples:
  tieline eval verify attestation.json --key eval.pub
  tieline eval verify attestation.json --key old.pub --key new.pub --at 2026-12-31
  tieline eval verify attestation.json --key eval.pub --rows .tieline/evals/RUN/rows.jsonl

Exit codes: 0 it holds, 1 it is refused.")]
pub(super) struct Verify {
    /// The attestation
    attestation: PathBuf,
    /// A file with a public key that is trusted; repeat for more
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// The time to check it for. Default: now
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// The rows of the run
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    #[command(flatten)]
    format: FormatOption,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Answer {
    valid: bool,
    reason: Option<&'static str>,
    message: Option<String>,
    attestation: Option<Attestation>,
}

/// Why it is refused.
enum No {
    Refused(Refusal),
    OtherRows,
}

impl No {
    const fn name(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.name(),
            Self::OtherRows => "other_rows",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Refused(Refusal::Expired { expires_ms }) => {
                format!("it expired at {}", when::written(*expires_ms))
            }
            Self::Refused(Refusal::NotYetValid { issued_ms }) => {
                format!("it holds from {} on", when::written(*issued_ms))
            }
            Self::Refused(refusal) => refusal.to_string(),
            Self::OtherRows => "it was made for other rows".to_owned(),
        }
    }
}

impl Verify {
    pub(super) fn run(self) -> Result<(), Failure> {
        let keys = self.keys.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
        let now = when::wall_now();
        let at_ms = self.at.map_or_else(|| when::unix_ms(now), |at| at.unix_ms(now));
        let rows = self.rows.as_deref().map(proof).transpose()?;
        let verified = verify(&bounded(&self.attestation)?, &keys, at_ms).map_err(No::Refused);
        let verified = verified.and_then(|attestation| match rows {
            Some(rows) if rows != attestation.evidence.rows => Err(No::OtherRows),
            _ => Ok(attestation),
        });
        match verified {
            Ok(attestation) => {
                let attestation = Some(attestation);
                let answer = Answer { valid: true, reason: None, message: None, attestation };
                self.format.print(&answer, |answer| {
                    answer.attestation.as_ref().map(table).unwrap_or_default()
                })
            }
            Err(no) => self.refused(&no),
        }
    }

    fn refused(&self, no: &No) -> Result<(), Failure> {
        let words = no.words();
        if self.format.format == print::Format::Json {
            print::json(&Answer {
                valid: false,
                reason: Some(no.name()),
                message: Some(words.clone()),
                attestation: None,
            })?;
        }
        Err(Failure::Check(format!("{} is refused: {words}", self.attestation.display())))
    }
}

/// What stands for the rows in a file.
fn proof(path: &Path) -> Result<RowsProof, Failure> {
    let rows = fs::read(path).map_err(Failure::os(format!("read {}", path.display())))?;
    Ok(RowsProof::of_lines(&rows))
}

fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let text = String::from_utf8_lossy(&bounded(path)?).into_owned();
    PublicKey::from_pem(&text).map_err(|error| Failure::Usage {
        message: format!("{}: {error}", path.display()),
        hint: "`tieline eval keygen` prints one to stdout".to_owned(),
    })
}

/// A file, up to one byte more than an attestation may have.
fn bounded(path: &Path) -> Result<Vec<u8>, Failure> {
    let most = u64::try_from(ENVELOPE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(Failure::os(format!("read {}", path.display())))?;
    Ok(bytes)
}

fn table(attestation: &Attestation) -> String {
    let evidence = &attestation.evidence;
    let tier = evidence.tier.as_ref().map(|tier| format!(", tier {tier}")).unwrap_or_default();
    let head = format!(
        "valid until {}: {} serves {}{tier}\nrun {}, {}, {}, signed by {}",
        when::written(evidence.expires_ms),
        evidence.deployment,
        evidence.feature,
        evidence.run,
        print::counted(evidence.findings.items, "item"),
        print::counted(evidence.rows.count, "row"),
        attestation.key,
    );
    let header = ["TEST", "ITEMS", "ESTIMATE", "LOWER", "UPPER", "THRESHOLD"];
    let tests = evidence.findings.tests.iter().filter(|test| test.required);
    format!("{head}\n\n{}", print::table(&header, tests.map(row)))
}

fn row(test: &Test) -> Vec<String> {
    let number = |number: Option<f64>| or_dash(number.map(|number| format!("{number:.4}")));
    vec![
        test.name.clone(),
        test.items.to_string(),
        number(test.estimate),
        number(test.lower),
        number(test.upper),
        number(test.threshold),
    ]
}
