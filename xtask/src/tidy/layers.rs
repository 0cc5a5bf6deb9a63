//! The layers of `ARCHITECTURE.md`: a crate sees only those below it.

use super::{finding::Finding, line_of};

/// Every crate and its layer. A crate depends on layers below its own and on nothing beside it.
const LAYERS: [(&str, u8); 20] = [
    ("tieline-types", 0),
    ("tieline-yaml", 0),
    ("tieline-dialect", 1),
    ("tieline-config", 1),
    ("tieline-policy", 1),
    ("tieline-route", 1),
    ("tieline-catalog", 1),
    ("tieline-slo", 1),
    ("tieline-gate", 1),
    ("tieline-identity", 1),
    ("tieline-ledger", 1),
    ("tieline-inventory", 1),
    ("tieline-upstream", 2),
    ("tieline-sim", 2),
    ("tieline-finops", 2),
    ("tieline-gateway", 3),
    ("tieline-eval", 3),
    ("tieline-drill", 4),
    ("tieline-cli", 5),
    // Stands beside the house: it runs the other crates' programs and links none of them.
    ("xtask", 0),
];

/// Dependencies that live behind the wall of one crate; some read files of people's own.
const WALLS: [(&str, &str); 14] = [
    ("rusqlite", "tieline-ledger"),
    ("tokio-postgres", "tieline-ledger"),
    ("redis", "tieline-ledger"),
    ("serde-saphyr", "tieline-config"),
    ("serde-saphyr", "tieline-catalog"),
    ("serde-saphyr", "tieline-eval"),
    ("serde-saphyr", "tieline-yaml"),
    ("schemars", "tieline-config"),
    ("schemars", "tieline-eval"),
    ("aws-config", "tieline-identity"),
    ("aws-sigv4", "tieline-identity"),
    ("cedar-policy", "tieline-policy"),
    ("statrs", "tieline-gate"),
    ("microlp", "tieline-route"),
];

/// Crates without I/O, and what they therefore do not depend on.
const PURE: [&str; 6] = [
    "tieline-dialect",
    "tieline-policy",
    "tieline-route",
    "tieline-catalog",
    "tieline-slo",
    "tieline-gate",
];
const IMPURE: [&str; 4] = ["tokio", "hyper", "hyper-util", "rusqlite"];

/// A crate of the workspace as its manifest tells it.
pub(super) struct Member {
    pub(super) name: String,
    /// The manifest's path from the root.
    pub(super) manifest: String,
    pub(super) manifest_text: String,
    pub(super) dependencies: Vec<Dependency>,
}

/// A line under one of the manifest's dependency tables.
pub(super) struct Dependency {
    pub(super) name: String,
    /// Whether it is another crate of the workspace.
    pub(super) own: bool,
    /// Whether only tests use it.
    pub(super) dev: bool,
}

pub(super) fn check(member: &Member) -> Vec<Finding> {
    let Some(layer) = layer_of(&member.name) else {
        let what = format!("{} has no layer; give it one in tidy and ARCHITECTURE.md", member.name);
        return vec![Finding::at(&member.manifest, line_of(&member.manifest_text, "name"), what)];
    };
    let wrong = |dependency: &Dependency| {
        let what = wrong_arrow(member, layer, dependency)
            .or_else(|| broken_wall(member, dependency))
            .or_else(|| impurity(member, dependency))?;
        let line = line_of(&member.manifest_text, &dependency.name);
        Some(Finding::at(&member.manifest, line, what))
    };
    member.dependencies.iter().filter_map(wrong).collect()
}

fn layer_of(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn wrong_arrow(member: &Member, layer: u8, dependency: &Dependency) -> Option<String> {
    if !dependency.own {
        return None;
    }
    let below = layer_of(&dependency.name).is_some_and(|other| other < layer);
    (!below).then(|| {
        format!(
            "{} (layer {layer}) sees {}, which is not below it; pass plain data through types",
            member.name, dependency.name
        )
    })
}

fn broken_wall(member: &Member, dependency: &Dependency) -> Option<String> {
    let owners = || WALLS.iter().filter(|(name, _)| *name == dependency.name);
    let (name, owner) = owners().next()?;
    let foreign = owners().all(|(_, owner)| *owner != member.name);
    (foreign && !dependency.dev)
        .then(|| format!("{name} lives behind {owner}; use it through that crate"))
}

fn impurity(member: &Member, dependency: &Dependency) -> Option<String> {
    let pure = PURE.contains(&member.name.as_str());
    let impure = IMPURE.contains(&dependency.name.as_str());
    (pure && impure && !dependency.dev)
        .then(|| format!("{} does no I/O; {} does not belong in it", member.name, dependency.name))
}

#[cfg(test)]
mod tests {
    use super::{super::finding::told, *};

    fn member(name: &str, dependency: &str, dev: bool) -> Member {
        Member {
            name: name.to_owned(),
            manifest: "crates/x/Cargo.toml".to_owned(),
            manifest_text: format!("[package]\nname = \"{name}\"\n\n{dependency} = \"1\"\n"),
            dependencies: vec![Dependency {
                name: dependency.to_owned(),
                own: dependency.starts_with("tieline-"),
                dev,
            }],
        }
    }

    #[test]
    fn arrows_go_down_walls_hold_and_pure_crates_stay_pure() {
        for (name, dependency, dev, wanted) in [
            ("tieline-upstream", "tieline-config", false, None),
            ("tieline-upstream", "tieline-identity", false, None),
            ("tieline-gateway", "tieline-sim", true, None),
            ("tieline-ledger", "rusqlite", false, None),
            ("tieline-route", "tokio", true, None),
            ("tieline-config", "serde", false, None),
            ("tieline-upstream", "tieline-sim", false, Some("which is not below it")),
            ("tieline-config", "tieline-dialect", false, Some("which is not below it")),
            ("tieline-types", "tieline-cli", false, Some("which is not below it")),
            ("tieline-gateway", "rusqlite", false, Some("lives behind tieline-ledger")),
            ("tieline-dialect", "tokio", false, Some("does no I/O")),
        ] {
            let said = told(check(&member(name, dependency, dev)));
            match wanted {
                None => assert!(said.is_empty(), "{name} -> {dependency}: {said:?}"),
                Some(part) => {
                    assert_eq!(said.len(), 1, "{name} -> {dependency}");
                    assert!(said[0].starts_with("crates/x/Cargo.toml:4: "), "{said:?}");
                    assert!(said[0].contains(part), "{said:?}");
                }
            }
        }
    }

    #[test]
    fn a_crate_without_a_layer_is_told() {
        let said = told(check(&member("tieline-extra", "serde", false)));
        assert!(said[0].starts_with("crates/x/Cargo.toml:2: tieline-extra has no layer"));
    }
}
