//! Importers, through their public door. All sources are made up.

#![cfg(test)]

mod inspect;
mod openai;
mod promptfoo;
mod registry;
mod results;
mod round_trip;

use std::collections::BTreeMap;

use tieline_eval::import::{
    Files, Format, ImportError, Imported, Options, Severity, Source, import,
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
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| "there is no such file".to_owned())
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
