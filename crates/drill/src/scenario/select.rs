//! Which deployments a fault strikes, or an expectation is about.

use std::collections::BTreeSet;

use tieline_gateway::contingency::{Kind, Node};
use tieline_yaml::{Node as Written, Notes};

/// The labels that are told by their domain of failure.
const KINDS: [(&str, Kind); 9] = [
    ("provider", Kind::Provider),
    ("deployment", Kind::Deployment),
    ("modelAtProvider", Kind::ModelAtProvider),
    ("region", Kind::Region),
    ("seller", Kind::Seller),
    ("cloud", Kind::Cloud),
    ("edge", Kind::Edge),
    ("model", Kind::Model),
    ("family", Kind::Family),
];

/// What a kind of domain is called in scenarios.
pub(crate) fn label(kind: Kind) -> &'static str {
    KINDS.iter().find(|(_, one)| *one == kind).map_or("", |(name, _)| name)
}

/// Deployments by their domains of failure: those that every label fits. No label fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Kinds of domains, each with the names that will do.
    pub labels: Vec<(Kind, Vec<String>)>,
}

impl Select {
    /// Reads a mapping of labels to a name or a list of names.
    pub(crate) fn read(written: &Written, notes: &mut Notes) -> Option<Self> {
        let known = KINDS.map(|(name, _)| name);
        let fields = notes.fields(written, "`select`", &known)?;
        let mut labels = Vec::new();
        for (name, _, node) in fields.entries() {
            let kind = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
            let names = match &node.value {
                tieline_yaml::Value::List(items) => items.iter().collect(),
                _ => vec![node],
            };
            let names = names.into_iter().map(|node| notes.text(node, name).map(str::to_owned));
            labels.push((kind?, names.collect::<Option<Vec<_>>>()?));
        }
        Some(Self { labels })
    }

    /// Whether a deployment is one of them.
    #[must_use]
    pub fn has(&self, node: &Node) -> bool {
        let is = |kind: Kind, name: &str| match kind {
            Kind::Deployment => *node.id == *name,
            _ => node.domains.iter().any(|(one, other)| *one == kind && **other == *name),
        };
        self.labels.iter().all(|(kind, names)| names.iter().any(|name| is(*kind, name)))
    }

    /// The positions of those that it names; where there are none, the names that would do.
    pub(crate) fn of(&self, nodes: &[Node]) -> Result<BTreeSet<usize>, BTreeSet<String>> {
        let all = nodes.iter().enumerate().filter(|(_, node)| self.has(node));
        let found: BTreeSet<usize> = all.map(|(at, _)| at).collect();
        if found.is_empty() { Err(self.names(nodes)) } else { Ok(found) }
    }

    /// The names that there are of the kinds of domains that it asks for.
    fn names(&self, nodes: &[Node]) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (kind, _) in &self.labels {
            for node in nodes {
                let domains = node.domains.iter().filter(|(one, _)| one == kind);
                names.extend(domains.map(|(_, name)| name.to_string()));
                names.extend((*kind == Kind::Deployment).then(|| node.id.to_string()));
            }
        }
        names
    }
}

impl std::fmt::Display for Select {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.labels.is_empty() {
            return f.write_str("everything");
        }
        for (at, (kind, names)) in self.labels.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", kind.as_str().replace('_', " "), names.join(" or "))?;
        }
        Ok(())
    }
}
