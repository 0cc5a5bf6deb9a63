//! Tests of the configuration through its public doors.

#![cfg(test)]

mod documents;
mod policies;
mod problems;
mod secrets;
mod starters;
mod values;
mod yaml;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use tieline_config::{Config, Problems, World, parse};

/// A machine made of two tables.
#[derive(Default)]
struct FakeWorld {
    files: BTreeMap<&'static str, &'static str>,
    variables: BTreeMap<&'static str, &'static str>,
}

impl FakeWorld {
    fn with_variables(variables: &[(&'static str, &'static str)]) -> Self {
        Self { variables: variables.iter().copied().collect(), ..Self::default() }
    }
}

impl World for FakeWorld {
    fn read(&self, path: &Path) -> io::Result<String> {
        let text = path.to_str().and_then(|path| self.files.get(path));
        text.map(ToString::to_string).ok_or_else(|| io::Error::other("no such file"))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let files = self.files.keys().map(PathBuf::from);
        let found: Vec<PathBuf> = files.filter(|file| file.parent() == Some(path)).collect();
        if found.is_empty() { Err(io::Error::other("no such folder")) } else { Ok(found) }
    }

    fn env(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(ToString::to_string)
    }
}

/// A machine with a key, a certificate and a key file.
fn world() -> FakeWorld {
    FakeWorld {
        files: BTreeMap::from([
            ("/etc/tieline/cert.pem", "-----BEGIN CERTIFICATE-----\n"),
            ("/etc/tieline/key.pem", "-----BEGIN PRIVATE KEY-----\n"),
            ("/etc/tieline/not.pem", "hello"),
            ("/etc/tieline/empty", " \n"),
            ("/etc/tieline/evals/suite.yaml", ""),
            ("/etc/tieline/evals/other.yaml", ""),
            ("/etc/tieline/eval.pub", "-----BEGIN PUBLIC KEY-----\n"),
            ("/etc/tieline/attestations/b.json", "{}"),
            ("/etc/tieline/attestations/a.json", "[]"),
            ("/etc/tieline/slos/f.yaml", "slos of f"),
            ("/etc/tieline/slos/g.yaml", "slos of g"),
            ("/etc/tieline/prices/openai.yaml", ""),
            ("/etc/tieline/prices/azure.yaml", ""),
            ("/etc/tieline/prices/README", ""),
            ("/run/secrets/anthropic", "file-secret\n"),
            ("/etc/tieline/policies/b.cedar", "b"),
            ("/etc/tieline/policies/a.cedar", "a"),
            ("/etc/tieline/policies/notes.txt", "c"),
        ]),
        variables: BTreeMap::from([
            ("KEY", "env-secret"),
            ("LONG_KEY", "env-secret-of-some-length"),
            ("OPENAI_API_KEY", "k"),
            ("EMPTY", ""),
            ("SPACED", "a b"),
        ]),
    }
}

fn read(text: &str) -> Result<Config, Problems> {
    parse("tieline.yaml", text, Path::new("/etc/tieline"), &world())
}

/// A good file's configuration.
fn good(text: &str) -> Config {
    read(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A bad file's problems as text.
fn bad(text: &str) -> String {
    read(text).expect_err("the file has mistakes").to_string()
}

/// A file with two providers, one model and `rest`.
fn with(rest: &str) -> String {
    format!(
        "version: 1\n\
         providers:\n  \
           a: {{ kind: openai, api_key: {{ env: KEY }} }}\n  \
           b: {{ kind: bedrock, region: us-east-2 }}\n\
         models:\n  \
           m: [a, b]\n{rest}"
    )
}
