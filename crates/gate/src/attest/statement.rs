//! The statement of in-toto that is signed: a test result with Tieline's evidence.

use serde::{Deserialize, Serialize};

use super::{digest::Digest, evidence::Evidence};
use crate::ruling::Verdict;

/// The type of in-toto's statements, version 1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of in-toto's predicate for test results.
pub const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Something, by its digest, and what was found out about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The deployment; its digest is that of its identity.
    pub subject: Vec<Descriptor>,
    /// [`PREDICATE_TYPE`].
    pub predicate_type: String,
    /// What was found out.
    pub predicate: Predicate,
}

/// Something by its name and digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// What it is called here.
    pub name: String,
    /// Its digest.
    pub digest: DigestSet,
}

/// A digest by its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestSet {
    /// SHA-256.
    pub sha256: Digest,
}

/// A test result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    /// How it ended.
    pub result: Outcome,
    /// What it was tested with: the suite, and the judges.
    pub configuration: Vec<Descriptor>,
    /// The required parts of the gate that passed.
    pub passed_tests: Vec<String>,
    /// Those that were inconclusive.
    pub warned_tests: Vec<String>,
    /// Those that failed, or could not be judged.
    pub failed_tests: Vec<String>,
    /// What in-toto has no field for.
    pub tieline: Evidence,
}

/// How a test ended, in in-toto's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// The gate passed.
    Passed,
    /// It was inconclusive.
    Warned,
    /// It failed, or could not judge.
    Failed,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Passed,
            Verdict::Inconclusive => Self::Warned,
            Verdict::Fail | Verdict::Error => Self::Failed,
        }
    }
}

impl Statement {
    /// The one statement that the evidence allows: all the rest of it follows.
    #[must_use]
    pub fn of(evidence: Evidence) -> Self {
        let described = |name: String, sha256| Descriptor { name, digest: DigestSet { sha256 } };
        let judges = evidence.judges.iter();
        let judges = judges.map(|(name, digest)| described(format!("judge:{name}"), *digest));
        let suite = described("suite".to_owned(), evidence.suite);
        let findings = &evidence.findings;
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![described(evidence.deployment.clone(), evidence.identity.digest())],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Predicate {
                result: findings.verdict.into(),
                configuration: [suite].into_iter().chain(judges).collect(),
                passed_tests: findings.names(&[Verdict::Pass]),
                warned_tests: findings.names(&[Verdict::Inconclusive]),
                failed_tests: findings.names(&[Verdict::Fail, Verdict::Error]),
                tieline: evidence,
            },
        }
    }
}
