//! Importers, through their public door. All sources are made up.

#![cfg(test)]

mod agreement;
mod examples;
mod inspect;
mod openai;
mod promptfoo;
mod registry;
mod requests;
mod results;
mod round_trip;
mod rows;

use std::{collections::BTreeMap, io, path::Path};

use tieline_eval::{
    Files, Suite, SuiteFile,
    import::{Format, ImportError, Imported, Options, Severity, Source, import},
};

/// Files in memory.
#[derive(Default)]
struct Folder(BTreeMap<String, Vec<u8>>);

impl Folder {
    fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into())
    }
}

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "there is no such file");
        self.0.get(&*path.to_string_lossy()).cloned().ok_or_else(gone)
    }
}

fn options() -> Options {
    Options { feature: "reply".to_owned(), judge: None }
}

fn read(name: &str, bytes: &[u8], folder: &Folder) -> Result<Imported, ImportError> {
    import(&Source { name, bytes }, &[], None, folder, &options())
}

/// What is lost, each with its place.
fn lost(imported: &Imported) -> Vec<String> {
    let lost = imported.findings.iter().filter(|finding| finding.severity == Severity::Lost);
    lost.map(|one| format!("{}:{}:{} {}", one.file, one.line, one.column, one.what)).collect()
}

/// The suite, written, read again and checked, over the files that were written with it.
fn checked(suite: &SuiteFile, files: &[(String, String)]) -> Suite {
    let suite = ("reply.yaml".to_owned(), suite.to_yaml().unwrap());
    let files = files.iter().cloned().chain([suite]);
    let folder = Folder(files.map(|(name, text)| (name, text.into_bytes())).collect());
    let read = Suite::read(Path::new("reply.yaml"), &folder);
    read.unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn what_is_nothing_known_is_refused() {
    for (name, text) in [("a.yaml", "a: 1"), ("a.json", "[1, 2]"), ("a.txt", ""), ("b", "x: [")] {
        let error = read(name, text.as_bytes(), &Folder::default()).unwrap_err();
        assert!(matches!(error, ImportError::Unknown { .. }), "{name}: {error}");
    }
    let source = Source { name: "b.yaml", bytes: b"prompts:\n - 'a\nb: [" };
    let error =
        import(&source, &[], Some(Format::Promptfoo), &Folder::default(), &options()).unwrap_err();
    assert!(error.to_string().starts_with("b.yaml:"), "{error}");
}
