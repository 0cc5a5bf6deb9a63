//! Decision records: `docs/decisions/NNN-slug.md`, numbered from 001 without gaps.

use std::path::{Path, PathBuf};

use super::finding::Finding;

const FOLDER: &str = "docs/decisions";

pub(super) fn check(files: &[PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut expected = 1;
    // Paths come in order, so that the numbers do.
    for file in files.iter().filter(|file| file.parent() == Some(Path::new(FOLDER))) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if name == "README.md" {
            continue;
        }
        match number(&name) {
            None => findings.push(Finding::at(file, 1, "name it NNN-slug.md, such as 001-slug.md")),
            Some(found) if found != expected => {
                let what = format!("this is number {found} where {expected:03} comes; renumber it");
                findings.push(Finding::at(file, 1, what));
                expected = found + 1;
            }
            Some(_) => expected += 1,
        }
    }
    findings
}

fn number(name: &str) -> Option<u32> {
    let (digits, slug) = name.strip_suffix(".md")?.split_once('-')?;
    let plain = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain && !slug.is_empty() { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::told, *};

    #[test]
    fn numbers_have_no_gaps() {
        for (names, wanted) in [
            (&["001-a.md", "002-b.md", "README.md"][..], &[][..]),
            (&["001-a.md", "003-c.md", "004-d.md"], &["003-c.md:1: this is number 3 where 002"]),
            (&["001-a.md", "001-b.md"], &["001-b.md:1: this is number 1 where 002"]),
            (&["001-a.md", "second.md"], &["second.md:1: name it"]),
        ] {
            let files: Vec<PathBuf> =
                names.iter().map(|name| Path::new(FOLDER).join(name)).collect();
            let said = told(check(&files));
            assert_eq!(said.len(), wanted.len(), "{names:?}: {said:?}");
            for (said, wanted) in said.iter().zip(wanted) {
                assert!(said.starts_with(&format!("{FOLDER}/{wanted}")), "{said}");
            }
        }
    }
}
