//! A folder of suites, keys and attestations, and a harness that knows the suites by their bytes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use tempfile::TempDir;
use tieline_config::Config;
use tieline_gate::{
    Verdict,
    attest::{Digest, Envelope, Evidence, Findings, RowsProof, SigningKey, Statement},
};
use tieline_gateway::{Answered, Harness};

use crate::house::OneKey;

/// When every house begins, milliseconds since the Unix epoch.
pub(crate) const BEGAN_MS: u64 = 1_777_397_640_000;
pub(crate) const DAY_MS: u64 = 86_400_000;

/// How good an answer is.
pub(crate) type Grading = Box<dyn Fn(&Answered<'_>) -> Option<f64> + Send + Sync>;

/// Suites are what their files hold; answers are graded as the test says.
pub(crate) struct Bench(Mutex<Grading>);

impl Bench {
    pub(crate) fn new() -> Arc<Self> {
        Self::grading(|_| None)
    }

    pub(crate) fn grading(
        grade: impl Fn(&Answered<'_>) -> Option<f64> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Box::new(grade))))
    }
}

impl Harness for Bench {
    fn digest(&self, suite: &Path) -> Result<Digest, String> {
        fs::read(suite).map(|bytes| Digest::of(&bytes)).map_err(|error| error.to_string())
    }

    fn grade(&self, _: &Path, answer: &Answered<'_>) -> Option<f64> {
        (self.0.lock().unwrap())(answer)
    }
}

/// Where suites, keys and attestations are.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    /// With a suite `suite.yaml` and a public key `eval.pub`.
    pub(crate) fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(lab.path("attestations")).unwrap();
        lab.write("suite.yaml", "the first suite");
        lab.write("eval.pub", &key(1).public().to_pem());
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The configuration with the attestations that there are now.
    pub(crate) fn config(&self, text: &str) -> Config {
        let evals = "evals: { attestations: \"attestations/*.json\", keys: [eval.pub] }";
        let text = format!("{}\n{evals}\n", text.trim_end());
        match tieline_config::parse("tieline.yaml", &text, self.folder.path(), &OneKey) {
            Ok(config) => config,
            Err(problems) => panic!("{problems}"),
        }
    }

    /// Writes an attestation that the suite as it is now was passed.
    pub(crate) fn attest(&self, config: &Config, name: &str, about: &About) {
        self.attest_with(config, name, about, &key(1));
    }

    pub(crate) fn attest_with(&self, config: &Config, name: &str, about: &About, key: &SigningKey) {
        let deployment = config.deployment(about.deployment).unwrap();
        let parameters = Digest::of(b"{}");
        let evidence = Evidence {
            feature: about.feature.to_owned(),
            tier: about.tier.map(str::to_owned),
            run: "run-1".to_owned(),
            deployment: about.deployment.to_owned(),
            identity: tieline_gateway::identity(config, deployment, None, parameters),
            incumbent: None,
            suite: Digest::of(&fs::read(self.path("suite.yaml")).unwrap()),
            judges: BTreeMap::new(),
            rows: RowsProof::of_lines(b""),
            findings: Findings {
                verdict: Verdict::Pass,
                alpha: 0.05,
                items: 200,
                tests: Vec::new(),
            },
            issued_ms: about.issued_ms,
            expires_ms: about.expires_ms,
        };
        let envelope = Envelope::sign(&Statement::of(evidence), key).unwrap();
        let text = serde_json::to_string(&envelope).unwrap();
        self.write(&format!("attestations/{name}.json"), &text);
    }
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

/// What an attestation is about.
pub(crate) struct About {
    pub(crate) feature: &'static str,
    pub(crate) tier: Option<&'static str>,
    pub(crate) deployment: &'static str,
    pub(crate) issued_ms: u64,
    pub(crate) expires_ms: u64,
}

impl About {
    /// For thirty days from the beginning of every house.
    pub(crate) const fn new(feature: &'static str, deployment: &'static str) -> Self {
        let expires_ms = BEGAN_MS + 30 * DAY_MS;
        Self { feature, tier: None, deployment, issued_ms: BEGAN_MS, expires_ms }
    }

    pub(crate) const fn days(self, days: u64) -> Self {
        Self { expires_ms: self.issued_ms + days * DAY_MS, ..self }
    }
}
