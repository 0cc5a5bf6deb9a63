//! Rules for the text of single files.

use std::path::Path;

use super::finding::Finding;

/// The most lines of a Rust file, not counting its tests.
const LINES_MAX: usize = 600;
/// The most characters of a line of Rust.
const COLUMNS_MAX: usize = 100;
/// What the end of the line after a marker of unfinished work would be is an issue's business.
/// Written in halves, so that this file does not hold them.
const MARKERS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
];
/// Files that people write.
const TEXTS: [&str; 11] = ["rs", "md", "toml", "yaml", "yml", "py", "js", "mjs", "ts", "sh", "sql"];

pub(super) fn is_text(file: &Path) -> bool {
    extension(file).is_some_and(|extension| TEXTS.contains(&extension))
}

pub(super) fn check(file: &Path, text: &str) -> Vec<Finding> {
    let mut findings = unfinished(file, text);
    if extension(file) == Some("rs") {
        findings.extend(too_wide(file, text));
        findings.extend(too_long(file, text));
        findings.extend(untold(file, text));
    }
    findings
}

fn extension(file: &Path) -> Option<&str> {
    file.extension().and_then(|extension| extension.to_str())
}

fn unfinished(file: &Path, text: &str) -> Vec<Finding> {
    let marked = |(index, line): (usize, &str)| {
        let marker = MARKERS.into_iter().find(|marker| has_word(line, marker))?;
        let what = format!("`{marker}` marks unfinished work; finish it or open an issue");
        Some(Finding::at(file, index + 1, what))
    };
    text.lines().enumerate().filter_map(marked).collect()
}

/// Whether a line holds a word that is not a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(joins) && (word.ends_with('!') || !after.is_some_and(joins))
    })
}

fn too_wide(file: &Path, text: &str) -> Vec<Finding> {
    let wide = |(index, line): (usize, &str)| {
        let columns = line.chars().count();
        let what = format!("{columns} columns; break the line at {COLUMNS_MAX}");
        (columns > COLUMNS_MAX).then(|| Finding::at(file, index + 1, what))
    };
    text.lines().enumerate().filter_map(wide).collect()
}

fn too_long(file: &Path, text: &str) -> Option<Finding> {
    let lines = lines_without_tests(file, text);
    (lines > LINES_MAX).then(|| {
        let what = format!("{lines} lines without tests, more than {LINES_MAX}; split the file");
        Finding::at(file, LINES_MAX + 1, what)
    })
}

/// The lines up to the first module of tests; none of a file that holds only tests.
fn lines_without_tests(file: &Path, text: &str) -> usize {
    let is_test = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
    if file.iter().any(is_test) {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let opens_tests = |pair: &[&str]| {
        matches!(pair, [gate, module]
        if gate.trim() == "#[cfg(test)]" && module.trim_start().starts_with("mod ")
            && module.ends_with('{'))
    };
    lines.windows(2).position(opens_tests).unwrap_or(lines.len())
}

fn untold(file: &Path, text: &str) -> Option<Finding> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let missing = !first.starts_with("//!");
    missing.then(|| Finding::at(file, 1, "begin with `//!`: what this file is for"))
}

#[cfg(test)]
mod tests {
    use super::{super::finding::told, *};

    fn said(file: &str, text: &str) -> Vec<String> {
        told(check(Path::new(file), text))
    }

    #[test]
    fn a_good_file_has_no_findings() {
        let tests = "#[cfg(test)]\nmod tests {\n".to_owned() + &"// line\n".repeat(700) + "}\n";
        let code = "//! Good.\n".to_owned() + &"// line\n".repeat(590) + &tests;
        assert!(said("crates/a/src/lib.rs", &code).is_empty());
        assert!(said("crates/a/tests/it/main.rs", &("//! T.\n".repeat(700))).is_empty());
        assert!(said("notes.md", &"a wide line of prose ".repeat(20)).is_empty());
    }

    #[test]
    fn each_rule_is_told_with_its_line() {
        let wide = format!("//! Wide.\n// {}\n", "é".repeat(98));
        assert_eq!(said("a.rs", &wide), ["a.rs:2: 101 columns; break the line at 100"]);
        let long = "//! Long.\n".to_owned() + &"// line\n".repeat(600);
        assert!(said("a.rs", &long)[0].starts_with("a.rs:601: 601 lines without tests"));
        let used_early = "//! Long.\n#[cfg(test)]\nuse a::b;\n".to_owned() + &"// l\n".repeat(600);
        assert_eq!(said("a.rs", &used_early).len(), 1);
        assert!(said("a.rs", "\nfn main() {}\n")[0].starts_with("a.rs:1: begin with `//!`"));
    }

    #[test]
    fn markers_of_unfinished_work_are_told_as_whole_words() {
        for marker in MARKERS {
            assert_eq!(said("a.md", &format!("one\n// {marker}: later\n")).len(), 1, "{marker}");
            assert!(said("a.md", &format!("one\nA{marker}\n")).is_empty(), "{marker}");
        }
    }
}
