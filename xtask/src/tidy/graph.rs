//! The dependency graph that `cargo metadata` tells: layers, bans, licences, and its size.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;

use super::{
    finding::Finding,
    layers::{self, Dependency, Member},
    licence, line_of,
};
use crate::{
    error::TaskError,
    run::{cargo, output},
    workspace::{Workspace, metadata},
};

/// Where bans and licences are listed.
const POLICY_FILE: &str = "deny.toml";
/// The most packages that `Cargo.lock` may hold.
const LOCKED_PACKAGES_MAX: usize = 495;
/// Each linked package as `name v1.2.3 ...|licence`. `cargo metadata` would be easier to read, but
/// it also tells optional dependencies that are off.
const TREE: [&str; 8] =
    ["tree", "--workspace", "--edges", "normal", "--prefix", "none", "--format", "{p}|{l}"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Declared>,
}

#[derive(Deserialize)]
struct Declared {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

pub(super) fn check(workspace: &Workspace) -> Result<Vec<Finding>, TaskError> {
    let answer = metadata(&["--no-deps"])?;
    let program = "cargo metadata".to_owned();
    let members: Metadata =
        serde_json::from_value(answer).map_err(|source| TaskError::Answer { program, source })?;
    let tree = output(cargo().current_dir(&workspace.root).args(TREE))?;
    let policy = workspace.text(Path::new(POLICY_FILE))?;
    let lock = workspace.text(Path::new("Cargo.lock"))?;
    let mut findings = Vec::new();
    for package in &members.packages {
        findings.extend(layers::check(&member(workspace, package)?));
    }
    findings.extend(foreign(&String::from_utf8_lossy(&tree), &policy));
    findings.extend(too_many(&lock));
    Ok(findings)
}

fn member(workspace: &Workspace, package: &Package) -> Result<Member, TaskError> {
    let path = Path::new(&package.manifest_path);
    let manifest = path.strip_prefix(&workspace.root).unwrap_or(path);
    let dependencies = package.dependencies.iter().map(|declared| Dependency {
        name: declared.name.clone(),
        own: declared.path.is_some(),
        dev: declared.kind.as_deref() == Some("dev"),
    });
    Ok(Member {
        name: package.name.clone(),
        manifest: manifest.display().to_string(),
        manifest_text: workspace.text(manifest)?,
        dependencies: dependencies.collect(),
    })
}

/// Bans and licences of everything that is linked into the workspace's crates on the host.
fn foreign(tree: &str, policy: &str) -> Vec<Finding> {
    let bans = bans(policy);
    let allowed = allowed_licences(policy);
    let mut findings = Vec::new();
    for Linked { name, version, licence } in linked(tree) {
        if let Some(ban) = bans.iter().find(|ban| ban.covers(name, version)) {
            let what = format!("{name} {version} is linked and banned: {}", ban.reason);
            findings.push(Finding::at(POLICY_FILE, ban.line, what));
        }
        if !licence::accepts(licence, &allowed) {
            let what = format!(
                "{name} {version} has the licence `{licence}`; allow it after reading it, or do \
                 without the crate"
            );
            findings.push(Finding::at(POLICY_FILE, line_of(policy, "allow = ["), what));
        }
    }
    findings
}

/// A package that is linked into one of the workspace's crates.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Linked<'a> {
    name: &'a str,
    version: &'a str,
    /// Empty where the package names none.
    licence: &'a str,
}

/// The packages of `cargo tree`, each once. Lines of packages told before end in a star.
fn linked(tree: &str) -> BTreeSet<Linked<'_>> {
    let package = |line| {
        let (package, licence) = str::split_once(line, '|')?;
        let (name, rest) = package.split_once(" v")?;
        let version = rest.split(' ').next()?;
        Some(Linked { name, version, licence: licence.trim_end_matches("(*)").trim() })
    };
    tree.lines().filter_map(package).collect()
}

/// A line of `deny.toml` that bans a crate.
struct Ban {
    name: String,
    /// Versions from this one on are allowed; none bans them all.
    below: Option<String>,
    reason: String,
    line: usize,
}

impl Ban {
    fn covers(&self, name: &str, version: &str) -> bool {
        let old = |bound: &String| numbers(version) < numbers(bound);
        self.name == name && self.below.as_ref().is_none_or(old)
    }
}

/// The bans of the policy: lines such as `{ crate = "hyper:<1", reason = "..." },`.
fn bans(policy: &str) -> Vec<Ban> {
    let ban = |(index, line): (usize, &str)| {
        let spec = quoted_after(line, "crate = ")?;
        let (name, below) = spec.split_once(":<").map_or((spec, None), |(n, v)| (n, Some(v)));
        Some(Ban {
            name: name.to_owned(),
            below: below.map(str::to_owned),
            reason: quoted_after(line, "reason = ")?.to_owned(),
            line: index + 1,
        })
    };
    policy.lines().enumerate().filter_map(ban).collect()
}

/// The licences between `allow = [` and the bracket that closes it.
fn allowed_licences(policy: &str) -> Vec<&str> {
    let list = policy.split("allow = [").nth(1).and_then(|rest| rest.split(']').next());
    let items = list.unwrap_or_default().split(',').map(|item| item.trim().trim_matches('"'));
    items.filter(|item| !item.is_empty()).collect()
}

fn quoted_after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_once(key)?.1.strip_prefix('"')?.split('"').next()
}

/// The numbers of a version before any `-` or `+`.
fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain.split('.').filter_map(|number| number.parse().ok()).collect()
}

fn too_many(lock: &str) -> Option<Finding> {
    let count = lock.lines().filter(|line| *line == "[[package]]").count();
    (count > LOCKED_PACKAGES_MAX).then(|| {
        let what = format!(
            "{count} packages are locked, more than {LOCKED_PACKAGES_MAX}; drop a dependency or \
             turn off its default features"
        );
        Finding::at("Cargo.lock", 1, what)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::finding::told, *};

    const POLICY: &str = "[licenses]\nallow = [\n  \"MIT\",\n  \"ISC\",\n]\n[bans]\ndeny = [\n  \
                          { crate = \"ring\", reason = \"no ring\" },\n  \
                          { crate = \"hyper:<1\", reason = \"old\" },\n]\n";

    #[test]
    fn bans_and_licences_of_linked_packages_are_told() {
        for (line, wanted) in [
            ("serde v1.0.0|MIT", None),
            ("serde_derive v1.0.0 (proc-macro)|MIT OR GPL-3.0", None),
            ("hyper v1.0.0|ISC", None),
            ("", None),
            ("ring v0.17.0|ISC", Some("deny.toml:8: ring 0.17.0 is linked and banned: no ring")),
            ("hyper v0.14.9|MIT", Some("deny.toml:9: hyper 0.14.9 is linked and banned: old")),
            ("copy v1.0.0|GPL-3.0", Some("deny.toml:2: copy 1.0.0 has the licence `GPL-3.0`")),
            ("bare v1.0.0|", Some("deny.toml:2: bare 1.0.0 has the licence ``")),
        ] {
            let tree = format!("{line}\nitoa v1.0.0|MIT\n{line} (*)\n");
            let said = told(foreign(&tree, POLICY));
            assert_eq!(said.len(), usize::from(wanted.is_some()), "{line}: {said:?}");
            assert!(
                said.iter().zip(wanted).all(|(said, start)| said.starts_with(start)),
                "{said:?}"
            );
        }
    }

    #[test]
    fn the_size_of_the_lock_file_is_bounded() {
        let lock = |count| "[[package]]\nname = \"x\"\n".repeat(count);
        assert!(too_many(&lock(LOCKED_PACKAGES_MAX)).is_none());
        assert!(too_many(&lock(LOCKED_PACKAGES_MAX + 1)).is_some());
    }
}
