//! Fragments of the changelog: `changelog.d/NNN_slug.KIND.md`, one a change that users notice.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::{error::TaskError, workspace::Workspace};

const FOLDER: &str = "changelog.d";
const KINDS: [&str; 4] = ["breaking", "feature", "fix", "security"];
/// Files of the folder that are no fragments.
const OTHERS: [&str; 2] = ["README.md", ".gitkeep"];

pub(super) fn check(workspace: &Workspace, files: &[PathBuf]) -> Result<Vec<Finding>, TaskError> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.starts_with(FOLDER)) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if OTHERS.contains(&name.as_ref()) {
            continue;
        }
        findings.extend(wrong(file, &name, &workspace.text(file)?));
    }
    Ok(findings)
}

fn wrong(file: &Path, name: &str, text: &str) -> Option<Finding> {
    if !well_named(name) {
        let kinds = KINDS.join("|");
        let what =
            format!("name it NNN_slug.{{{kinds}}}.md, such as 002_fallback-tiers.feature.md");
        return Some(Finding::at(file, 1, what));
    }
    let empty = text.trim().is_empty();
    empty.then(|| Finding::at(file, 1, "say what changes for the user, in a sentence or two"))
}

fn well_named(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let [stem, kind, "md"] = parts.as_slice() else { return false };
    let Some((number, slug)) = stem.split_once('_') else { return false };
    let slug_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    KINDS.contains(kind)
        && number.len() >= 3
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !slug.is_empty()
        && slug.bytes().all(slug_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_well_named_and_say_something() {
        for (name, text, good) in [
            ("002_fallback-tiers.feature.md", "Features fall back.", true),
            ("1234_x.security.md", "Fixed.", true),
            ("002_fallback.feature.md", " \n", false),
            ("2_fallback.feature.md", "Text.", false),
            ("002-fallback.feature.md", "Text.", false),
            ("002_Fallback.feature.md", "Text.", false),
            ("002_fallback.chore.md", "Text.", false),
            ("002_fallback.md", "Text.", false),
            ("notes.txt", "Text.", false),
        ] {
            assert_eq!(wrong(Path::new(name), name, text).is_none(), good, "{name}");
        }
    }
}
