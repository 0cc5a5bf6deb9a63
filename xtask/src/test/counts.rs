//! How many tests ran, read from the last words of each test runner.

use std::fmt;

/// Tests by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Counts {
    /// A single test that ended as the verdict says.
    pub(super) fn one(verdict: &str) -> Self {
        let mut counts = Self::default();
        counts.note(verdict, 1);
        counts
    }

    /// These, or one of the verdict's kind if they do not show the verdict.
    pub(super) fn or_one(self, verdict: &str) -> Self {
        let shown = if verdict == "failed" { self.failed } else { self.passed + self.skipped };
        if shown > 0 {
            return self;
        }
        let mut counts = self;
        counts.add(Self::one(verdict));
        counts
    }

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Counts tests under the word that a runner has for them.
    fn note(&mut self, word: &str, count: u64) {
        match word {
            "passed" | "pass" | "xfailed" => self.passed += count,
            "failed" | "fail" | "error" | "errors" | "cancelled" | "xpassed" => {
                self.failed += count;
            }
            "timed" => self.failed += count,
            "skipped" | "ignored" | "todo" => self.skipped += count,
            _ => {}
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Who ran the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    Nextest,
    Cargo,
    Pytest,
    Node,
}

impl Runner {
    /// What a line of output says of the number of tests, if it is a summary.
    pub(super) fn read(self, line: &str) -> Option<Counts> {
        let plain = without_colours(line);
        let line = plain.trim();
        match self {
            // Summary [   1.204s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped
            Self::Nextest => {
                let (head, tail) = line.split_once("run:")?;
                head.starts_with("Summary [").then(|| in_words(tail))
            }
            // test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out
            Self::Cargo => line.strip_prefix("test result:").map(in_words),
            // ===== 3 passed, 1 skipped in 0.12s =====
            Self::Pytest => {
                let (head, tail) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
                let timed =
                    tail.split([' ', '(']).next()?.strip_suffix('s')?.parse::<f64>().is_ok();
                timed.then(|| in_words(head))
            }
            // ℹ pass 3
            Self::Node => {
                let mut words = line.strip_prefix(['ℹ', '#'])?.split_whitespace();
                let (word, count) = (words.next()?, words.next()?.parse().ok()?);
                let mut counts = Counts::default();
                counts.note(word, count);
                Some(counts)
            }
        }
    }
}

/// Reads `3 passed, 1 failed (2 slow); 4 skipped`.
fn in_words(text: &str) -> Counts {
    let mut counts = Counts::default();
    let words: Vec<&str> = text.split([' ', ',', ';', '(', ')', '.']).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    for pair in words.windows(2) {
        if let [number, word] = pair
            && let Ok(count) = number.parse()
        {
            counts.note(word, count);
        }
    }
    counts
}

/// The line without the escape sequences that colour it.
fn without_colours(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or("", |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_every_runner_are_read() {
        let coloured = "\u{1b}[32m  Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \
                        \u{1b}[1m2\u{1b}[0m passed, \u{1b}[1m0\u{1b}[0m skipped";
        let cancelled = "     Summary [   1.2s] 7/9 tests run: 5 passed (1 slow), 1 failed, \
                         1 timed out, 3 skipped";
        let cargo =
            "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 5 filtered out";
        for (runner, line, wanted) in [
            (Runner::Nextest, coloured, Some((2, 0, 0))),
            (Runner::Nextest, cancelled, Some((5, 2, 3))),
            (Runner::Nextest, "PASS [ 0.1s] a tests::run", None),
            (Runner::Cargo, cargo, Some((3, 1, 2))),
            (Runner::Cargo, "running 3 tests", None),
            (Runner::Pytest, "===== 3 passed, 1 skipped, 2 errors in 0.12s =====", Some((3, 2, 1))),
            (Runner::Pytest, "45 passed in 75.31s (0:01:15)", Some((45, 0, 0))),
            (Runner::Pytest, "a failure in code", None),
            (Runner::Node, "ℹ pass 12", Some((12, 0, 0))),
            (Runner::Node, "# cancelled 1", Some((0, 1, 0))),
            (Runner::Node, "ℹ tests 13", Some((0, 0, 0))),
            (Runner::Node, "✔ chat (12ms)", None),
        ] {
            let wanted = wanted.map(|(passed, failed, skipped)| Counts { passed, failed, skipped });
            assert_eq!(runner.read(line), wanted, "{line}");
        }
    }
}
