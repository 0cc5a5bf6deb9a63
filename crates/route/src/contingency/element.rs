//! What can be lost: the elements of the failure-domain graph.

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde::Serialize;

use super::Topology;

/// The kinds of elements, what fails most often first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An account at a vendor with its credential.
    Provider,
    /// One deployment.
    Deployment,
    /// All deployments of one model at one provider.
    ModelAtProvider,
    /// A region of a cloud.
    Region,
    /// Whoever sells and operates: all accounts there.
    Seller,
    /// A cloud or vendor platform.
    Cloud,
    /// The network in front of an API that several of them share.
    Edge,
    /// One model, wherever it is served.
    Model,
    /// All models of one family, wherever they are served.
    Family,
}

impl Kind {
    /// The kinds that deployments have domains of, and their own; in the order in which elements
    /// are told.
    const ALL: [Self; 9] = [
        Self::Provider,
        Self::Deployment,
        Self::ModelAtProvider,
        Self::Region,
        Self::Seller,
        Self::Cloud,
        Self::Edge,
        Self::Model,
        Self::Family,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Deployment => "deployment",
            Self::ModelAtProvider => "model_at_provider",
            Self::Region => "region",
            Self::Seller => "seller",
            Self::Cloud => "cloud",
            Self::Edge => "edge",
            Self::Model => "model",
            Self::Family => "family",
        }
    }

    /// How likely the loss of one is.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Provider
            | Self::Deployment
            | Self::ModelAtProvider
            | Self::Region
            | Self::Seller => Class::Ordinary,
            Self::Cloud | Self::Edge | Self::Model | Self::Family => Class::Exceptional,
        }
    }
}

/// How likely a contingency is (the classes of Regulation (EU) 2017/1485, article 33).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It happens in any year: a configuration should stand it.
    Ordinary,
    /// One cause takes away what seemed independent.
    Exceptional,
    /// Two at once: told, and not demanded.
    OutOfRange,
}

impl Class {
    /// Its name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Exceptional => "exceptional",
            Self::OutOfRange => "out of range",
        }
    }
}

/// Something of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// What kind.
    pub kind: Kind,
    /// Its name, unique within its kind.
    pub name: Arc<str>,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str().replace('_', " "), self.name)
    }
}

/// One or several elements that are lost together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contingency {
    /// What is lost; two where two independent elements are.
    pub lost: Vec<Named>,
    /// What else comes to the same.
    pub also: Vec<Named>,
    /// How likely it is.
    pub class: Class,
    /// The deployments that are gone, by position.
    #[serde(skip)]
    pub nodes: BTreeSet<usize>,
}

impl fmt::Display for Contingency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost: Vec<String> = self.lost.iter().map(ToString::to_string).collect();
        f.write_str(&lost.join(" + "))
    }
}

/// Every single element that takes something away, each once: elements of the same deployments
/// are one contingency, called by the name of what fails most often.
#[must_use]
pub fn singles(topology: &Topology) -> Vec<Contingency> {
    let mut all: Vec<Contingency> = Vec::new();
    for kind in Kind::ALL {
        for name in names(topology, kind) {
            let nodes: BTreeSet<usize> = (0..topology.nodes.len())
                .filter(|at| topology.nodes.get(*at).is_some_and(|node| node.up))
                .filter(|at| names_of(topology, *at, kind).any(|one| one == name))
                .collect();
            let named = Named { kind, name };
            match all.iter_mut().find(|one| one.nodes == nodes) {
                _ if nodes.is_empty() => {}
                Some(same) => same.also.push(named),
                None => all.push(Contingency {
                    lost: vec![named],
                    also: Vec::new(),
                    class: kind.class(),
                    nodes,
                }),
            }
        }
    }
    all.sort_by_key(|one| one.class);
    all
}

/// Every two ordinary elements of which neither holds the other.
#[must_use]
pub fn pairs(singles: &[Contingency]) -> Vec<Contingency> {
    let ordinary: Vec<&Contingency> =
        singles.iter().filter(|one| one.class == Class::Ordinary).collect();
    let mut pairs: Vec<Contingency> = Vec::new();
    for (at, one) in ordinary.iter().enumerate() {
        for other in ordinary.iter().skip(at + 1) {
            let nested = one.nodes.is_subset(&other.nodes) || other.nodes.is_subset(&one.nodes);
            let nodes: BTreeSet<usize> = one.nodes.union(&other.nodes).copied().collect();
            let known = singles.iter().chain(&pairs).any(|known| known.nodes == nodes);
            if !nested && !known {
                let lost = one.lost.iter().chain(&other.lost).cloned().collect();
                pairs.push(Contingency { lost, also: vec![], class: Class::OutOfRange, nodes });
            }
        }
    }
    pairs
}

/// All names of one kind.
fn names(topology: &Topology, kind: Kind) -> BTreeSet<Arc<str>> {
    (0..topology.nodes.len()).flat_map(|at| names_of(topology, at, kind)).collect()
}

/// What a deployment belongs to, of one kind.
fn names_of(topology: &Topology, at: usize, kind: Kind) -> impl Iterator<Item = Arc<str>> {
    let node = topology.nodes.get(at);
    let own = node.filter(|_| kind == Kind::Deployment).map(|node| Arc::clone(&node.id));
    let shared = node.into_iter().flat_map(|node| &node.domains);
    let shared = shared.filter(move |(one, _)| *one == kind).map(|(_, name)| Arc::clone(name));
    own.into_iter().chain(shared)
}
