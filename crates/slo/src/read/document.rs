//! The frame that all documents have.

use std::fmt;

use tieline_yaml::{At, Fields, Node, Notes, Value};

/// The version of OpenSLO.
const OPENSLO: &str = "openslo/v1";
/// Sloth's format for alert windows, which OpenSLO has none for.
const SLOTH: &str = "sloth.slok.dev/v1";
/// The longest name, in bytes: it is part of names of rules.
const NAME_BYTES_MAX: usize = 128;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Slo,
    Sli,
    AlertPolicy,
    AlertCondition,
    AlertWindows,
    /// It describes a feature for people, and means nothing here.
    Service,
}

/// Every kind that has a meaning, by its name and version.
const KINDS: [(&str, &str, Kind); 6] = [
    ("SLO", OPENSLO, Kind::Slo),
    ("SLI", OPENSLO, Kind::Sli),
    ("AlertPolicy", OPENSLO, Kind::AlertPolicy),
    ("AlertCondition", OPENSLO, Kind::AlertCondition),
    ("AlertWindows", SLOTH, Kind::AlertWindows),
    ("Service", OPENSLO, Kind::Service),
];

/// Kinds of OpenSLO that Tieline does not take, and what to do.
const REFUSED: [(&str, &str); 2] = [
    ("DataSource", "take it out: a metric source of type Tieline needs none"),
    ("AlertNotificationTarget", "take it out: tieline.yaml says who is told, in `alerts`"),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = KINDS.iter().find(|(_, _, kind)| kind == self);
        f.write_str(named.map_or("", |(name, ..)| name))
    }
}

/// A document whose frame is as it should be.
pub(super) struct Document<'n> {
    pub(super) file: &'n str,
    pub(super) kind: Kind,
    pub(super) name: &'n str,
    pub(super) name_at: At,
    /// Keys and texts, with the places of both.
    pub(super) annotations: Vec<(&'n str, At, &'n Node)>,
    pub(super) spec: &'n Node,
}

impl<'n> Document<'n> {
    /// Reads a frame; none where the document cannot be used, which is told.
    pub(super) fn read(file: &'n str, node: &'n Node, notes: &mut Notes) -> Option<Self> {
        notes.turn_to(file);
        let known = ["apiVersion", "kind", "metadata", "spec"];
        let fields = notes.fields(node, "a document", &known)?;
        let kind = kind(&fields, notes)?;
        let metadata = notes.required(&fields, "the document", "metadata", "metadata:")?;
        let known = ["name", "displayName", "labels", "annotations"];
        let metadata = notes.fields(metadata, "`metadata`", &known)?;
        let name_node = notes.required(&metadata, "`metadata`", "name", "name: served")?;
        let name = name_of(name_node, notes)?;
        let annotations = annotations(&metadata, notes);
        let spec = notes.required(&fields, "the document", "spec", "spec:")?;
        Some(Self { file, kind, name, name_at: name_node.at, annotations, spec })
    }
}

fn kind(fields: &Fields<'_>, notes: &mut Notes) -> Option<Kind> {
    let version = notes.required(fields, "the document", "apiVersion", "apiVersion: openslo/v1");
    let node = notes.required(fields, "the document", "kind", "kind: SLO");
    let (version_node, node) = (version?, node?);
    let text = notes.text(node, "`kind`")?;
    if let Some((_, help)) = REFUSED.iter().find(|(refused, _)| *refused == text) {
        notes.tell(node.at, format!("Tieline has no use for a {text}"), *help);
        return None;
    }
    let names: Vec<&str> = KINDS.iter().map(|(name, ..)| *name).collect();
    let place = notes.one_of(node, "`kind`", &names)?;
    let (_, wanted, kind) = KINDS.get(place)?;
    let version = notes.text(version_node, "`apiVersion`")?;
    if version != *wanted {
        let message = format!("`apiVersion` of a {kind} is not `{version}`");
        notes.tell(version_node.at, message, format!("write `{wanted}`"));
    }
    Some(*kind)
}

/// A name that can be part of the names of rules and files.
fn name_of<'n>(node: &'n Node, notes: &mut Notes) -> Option<&'n str> {
    let name = notes.text(node, "`name`")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.bytes().all(plain) && name.len() <= NAME_BYTES_MAX {
        return Some(name);
    }
    let help = format!("use letters, digits, `-`, `_` and `.`, {NAME_BYTES_MAX} of them at most");
    notes.tell(node.at, format!("`{name}` cannot be a name"), help);
    None
}

fn annotations<'n>(metadata: &Fields<'n>, notes: &mut Notes) -> Vec<(&'n str, At, &'n Node)> {
    let node = metadata.get("annotations").filter(|node| !matches!(node.value, Value::Null));
    let fields = node.and_then(|node| notes.any_fields(node, "`annotations`"));
    fields.map_or_else(Vec::new, |fields| fields.entries().collect())
}
