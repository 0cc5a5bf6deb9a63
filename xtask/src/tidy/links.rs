//! Links between the Markdown files of the project, with the headings they point at.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use super::finding::Finding;
use crate::{error::TaskError, workspace::Workspace};

/// How targets begin that lie outside the project.
const OUTSIDE: [&str; 3] = ["http://", "https://", "mailto:"];

pub(super) fn check(workspace: &Workspace, files: &[PathBuf]) -> Result<Vec<Finding>, TaskError> {
    let mut pages = BTreeMap::new();
    for file in files.iter().filter(|file| is_markdown(file)) {
        pages.insert(file.as_path(), workspace.text(file)?);
    }
    let exists = |path: &Path| files.iter().any(|file| file.starts_with(path));
    let mut findings = Vec::new();
    for (file, text) in &pages {
        for link in links(text) {
            if let Some(what) = broken(file, &link.target, &pages, &exists) {
                findings.push(Finding::at(file, link.line, what));
            }
        }
    }
    Ok(findings)
}

fn is_markdown(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// What is wrong with a link of `file`, if anything.
fn broken(
    file: &Path,
    target: &str,
    pages: &BTreeMap<&Path, String>,
    exists: &dyn Fn(&Path) -> bool,
) -> Option<String> {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = file.parent().unwrap_or(Path::new(""));
    let page = if path.is_empty() { Some(file.to_owned()) } else { within(&folder.join(path)) };
    let Some(page) = page.filter(|page| page.as_os_str().is_empty() || exists(page)) else {
        return Some(format!("the link to `{path}` leads nowhere; correct or remove it"));
    };
    let text = pages.get(page.as_path()).filter(|_| !heading.is_empty())?;
    let found = headings(text).iter().any(|known| known == heading);
    (!found).then(|| format!("`{}` has no heading `#{heading}`; correct it", page.display()))
}

/// The path without `.` and `..`; none if it leaves the project.
fn within(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir => clean.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

struct Link {
    target: String,
    line: usize,
}

/// Links `[text](target)` and `[name]: target` outside code that stay in the project.
fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, prose) in prose(text) {
        let inline = prose.match_indices("](").filter_map(|(at, open)| {
            let rest = prose.get(at + open.len()..)?;
            rest.split([')', ' ']).next()
        });
        let defined = prose.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        let targets = inline.chain(defined.map(|(_, target)| target.trim()));
        let inside = targets.filter(|target| {
            !target.is_empty() && !OUTSIDE.iter().any(|start| target.starts_with(start))
        });
        found.extend(inside.map(|target| Link { target: target.to_owned(), line }));
    }
    found
}

/// Numbered lines outside fenced code, without their code spans.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            lines.push((index + 1, line.split('`').step_by(2).collect()));
        }
    }
    lines
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor = anchor(title.trim());
        let numbered = (1..).map(|count| format!("{anchor}-{count}"));
        let mut names = std::iter::once(anchor.clone()).chain(numbered);
        anchors.extend(names.find(|name| !anchors.contains(name)));
    }
    anchors
}

fn anchor(title: &str) -> String {
    let kept = |letter: char| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ => letter.is_alphanumeric().then_some(letter),
    };
    title.to_lowercase().chars().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_resolve_to_files_and_headings() {
        let page = "# One page\n## `code` & more\n## Twice\n## Twice\n```\n# not a heading\n```\n";
        let pages = BTreeMap::from([(Path::new("docs/page.md"), page.to_owned())]);
        let exists = |path: &Path| Path::new("docs/page.md").starts_with(path);
        for (target, good) in [
            ("page.md", true),
            ("../docs/page.md", true),
            ("../docs", true),
            ("..", true),
            ("#one-page", true),
            ("page.md#code--more", true),
            ("page.md#twice-1", true),
            ("page.md#twice-2", false),
            ("#not-a-heading", false),
            ("other.md", false),
            ("../../elsewhere.md", false),
            ("/docs/page.md", false),
        ] {
            let said = broken(Path::new("docs/page.md"), target, &pages, &exists);
            assert_eq!(said.is_none(), good, "{target}: {said:?}");
        }
    }

    #[test]
    fn links_are_found_outside_code() {
        let text = "[a](one.md) and [b](two.md#x \"title\")\n```\n[c](three.md)\n```\n\
                    `[d](four.md)` [e](https://example.com)\n[f]: five.md\n![g](six.png)\n";
        let found: Vec<(String, usize)> =
            links(text).into_iter().map(|link| (link.target, link.line)).collect();
        let wanted = [("one.md", 1), ("two.md#x", 1), ("five.md", 6), ("six.png", 7)];
        assert_eq!(found, wanted.map(|(target, line)| (target.to_owned(), line)));
    }
}
