//! Definitions of objectives: OpenSLO v1 documents, as far as they make sense for features.
//!
//! <https://github.com/OpenSLO/OpenSLO>. Everything that is not understood is told and nothing is
//! left out silently: an objective that means less than it says is worse than none.

mod alert;
mod document;
mod indicator;
mod slo;

use std::collections::BTreeMap;

use tieline_yaml::{self as yaml, Notes, Problems};

use crate::{BurnRule, Indicator, Slo};
use alert::Custom;
use document::{Document, Kind};
pub use indicator::indicator_of;

/// How large a file may be, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Where nothing better is known.
const GUIDE: &str = "docs/reference/slo.md shows what a definition looks like";

/// A file's name and what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The name that problems call it by.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// Reads the objectives of one file, in its order.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(file: &str, text: &str) -> Result<Vec<Slo>, Problems> {
    read_all(&[Text { name: file, text }], None)
}

/// Reads the objectives of several files that may refer to each other's documents, in their order.
/// Where a feature is given, all of them must be its.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read_all(files: &[Text<'_>], feature: Option<&str>) -> Result<Vec<Slo>, Problems> {
    let mut notes = Notes::default();
    let nodes: Vec<_> = files.iter().map(|file| (file.name, parse(*file, &mut notes))).collect();
    let documents: Vec<Document<'_>> = nodes
        .iter()
        .flat_map(|(file, nodes)| nodes.iter().map(move |node| (*file, node)))
        .filter_map(|(file, node)| Document::read(file, node, &mut notes))
        .collect();
    let shelf = Shelf::fill(&documents, &mut notes);
    let mut slos: Vec<Slo> = Vec::new();
    for document in documents.iter().filter(|document| document.kind == Kind::Slo) {
        notes.turn_to(document.file);
        let Some(slo) = slo::read(document, &shelf, feature, &mut notes) else { continue };
        if slos.iter().any(|other| other.name == slo.name && other.feature == slo.feature) {
            let message = format!("`{}` has another objective `{}`", slo.feature, slo.name);
            notes.tell(document.name_at, message, "give it a name of its own");
        }
        slos.push(slo);
    }
    if slos.is_empty() && notes.is_empty() {
        notes.turn_to(files.first().map_or("", |file| file.name));
        notes.tell((0, 0), "no document of kind SLO", GUIDE);
    }
    notes.or(slos)
}

fn parse(file: Text<'_>, notes: &mut Notes) -> Vec<yaml::Node> {
    notes.turn_to(file.name);
    if file.text.len() > FILE_BYTES_MAX {
        notes.tell((0, 0), format!("it is larger than {FILE_BYTES_MAX} bytes"), "split it");
        return Vec::new();
    }
    yaml::read(file.text).unwrap_or_else(|(at, message)| {
        notes.tell(at, message, GUIDE);
        Vec::new()
    })
}

/// What documents of other kinds hold for objectives to refer to. Where one of them is wrong, which
/// has been told, there is none in its place.
#[derive(Default)]
struct Shelf {
    indicators: BTreeMap<String, Option<Indicator>>,
    conditions: BTreeMap<String, Option<BurnRule>>,
    policies: BTreeMap<String, Option<BurnRule>>,
    windows: BTreeMap<String, Option<Custom>>,
}

impl Shelf {
    fn fill(documents: &[Document<'_>], notes: &mut Notes) -> Self {
        let mut shelf = Self::default();
        let of = |kind| documents.iter().filter(move |document| document.kind == kind);
        for document in of(Kind::Sli) {
            notes.turn_to(document.file);
            let found = indicator::read(document.spec, notes);
            keep(&mut shelf.indicators, document, found, notes);
        }
        for document in of(Kind::AlertCondition) {
            notes.turn_to(document.file);
            let found = alert::condition(document.spec, notes);
            keep(&mut shelf.conditions, document, found, notes);
        }
        for document in of(Kind::AlertPolicy) {
            notes.turn_to(document.file);
            let found = alert::policy(document.spec, &shelf.conditions, notes);
            keep(&mut shelf.policies, document, found, notes);
        }
        for document in of(Kind::AlertWindows) {
            notes.turn_to(document.file);
            let found = alert::windows(document.spec, notes);
            keep(&mut shelf.windows, document, found, notes);
        }
        shelf
    }
}

fn keep<T>(
    shelf: &mut BTreeMap<String, Option<T>>,
    document: &Document<'_>,
    found: Option<T>,
    notes: &mut Notes,
) {
    if shelf.insert(document.name.to_owned(), found).is_some() {
        let message = format!("another {} is called `{}`", document.kind, document.name);
        notes.tell(document.name_at, message, "give it a name of its own");
    }
}

/// What a document refers to by name; none where it is not there or is wrong, which is told.
fn referred<'s, T>(
    shelf: &'s BTreeMap<String, Option<T>>,
    kind: Kind,
    name: &str,
    at: yaml::At,
    notes: &mut Notes,
) -> Option<&'s T> {
    let Some(found) = shelf.get(name) else {
        let message = format!("there is no {kind} `{name}`");
        let help = match yaml::nearest(name, shelf.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add a document of kind {kind} with that name to the file"),
        };
        notes.tell(at, message, help);
        return None;
    };
    found.as_ref()
}
