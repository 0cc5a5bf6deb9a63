//! Answers of earlier runs, in files by the digest of what was asked.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tieline_gate::attest::Digest;

use crate::Answer;

/// The SHA-256 of a request, in hexadecimal.
#[must_use]
pub fn digest(request: &Value) -> String {
    Digest::of_json(request).to_string()
}

/// A folder of answers.
#[derive(Clone, Debug)]
pub struct Cache(PathBuf);

impl Cache {
    /// The cache in a folder of runs.
    #[must_use]
    pub fn of(runs: &Path) -> Self {
        Self(runs.join("cache"))
    }

    /// The answer that a deployment gave to a request, given by its digest, for the so-many-th
    /// time. What cannot be read is not there.
    pub(crate) fn find(&self, deployment: &str, request: &str, repeat: u32) -> Option<Answer> {
        let text = fs::read(self.path(deployment, request, repeat)).ok()?;
        let answer: Answer = serde_json::from_slice(&text).ok()?;
        Some(Answer { cached: true, ..answer })
    }

    /// Keeps an answer. It is there whole or not at all.
    ///
    /// # Errors
    /// When the folder takes no more.
    pub(crate) fn keep(
        &self,
        deployment: &str,
        request: &str,
        repeat: u32,
        answer: &Answer,
    ) -> io::Result<()> {
        let path = self.path(deployment, request, repeat);
        fs::create_dir_all(path.parent().unwrap_or(&self.0))?;
        let begun = path.with_extension("begun");
        fs::write(&begun, serde_json::to_vec(answer)?)?;
        fs::rename(begun, path)
    }

    fn path(&self, deployment: &str, request: &str, repeat: u32) -> PathBuf {
        let key = format!("{deployment}\n{request}\n{repeat}");
        let name = Digest::of(key.as_bytes()).to_string();
        let (folder, rest) = name.split_at(2);
        self.0.join(folder).join(format!("{rest}.json"))
    }
}
