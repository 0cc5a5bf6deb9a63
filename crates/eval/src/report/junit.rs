//! JUnit XML, for build servers: a test case for each case, and one called `gate`.

use std::fmt::{self, Write as _};

use tieline_gate::Verdict;

use super::{Summary, words};
use crate::{Arm, Row};

/// The candidate's rows as a test suite. A wrong answer is a failure, a provider's trouble an
/// error, and the verdict a test case of its own: whoever wants the gate looks at that one.
#[must_use]
pub fn junit(summary: &Summary, rows: &[Row]) -> String {
    let rows: Vec<&Row> =
        rows.iter().filter(|row| row.arm == Arm::Candidate && !row.again).collect();
    let failures = rows.iter().filter(|row| row.marks.pass == Some(false)).count();
    let errors = rows.iter().filter(|row| row.marks.pass.is_none()).count();
    let gate = summary.ruling.verdict;
    let failed = usize::from(matches!(gate, Verdict::Fail | Verdict::Inconclusive));
    let name = format!(
        "{} × {}",
        summary.run.feature,
        summary.deployment(Arm::Candidate).unwrap_or_default()
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        rows.len() + 1,
        failures + failed,
        errors + usize::from(gate == Verdict::Error)
    );
    // Writing to a text does not fail.
    let _ = write!(
        out,
        "<testsuites name=\"tieline eval\" {counts}>\n<testsuite name=\"{}\" {counts}>\n{}",
        Xml(&name),
        gate_case(summary)
    );
    for row in rows {
        out.push_str(&case(row));
    }
    out.push_str("</testsuite>\n</testsuites>\n");
    out
}

fn gate_case(summary: &Summary) -> String {
    let verdict = summary.ruling.verdict;
    let reasons = summary.ruling.reasons.join("\n");
    let inside = match verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail => element("failure", "gate", &reasons, &reasons),
        Verdict::Inconclusive => element("failure", "inconclusive", &reasons, &reasons),
        Verdict::Error => element("error", "error", &reasons, &reasons),
    };
    let figures = summary.ruling.metrics.iter().map(|metric| {
        let finding = &metric.finding;
        format!(
            "{}: {} against {}, difference {} ({}), {}",
            metric.metric,
            words::points(finding.candidate),
            words::points(finding.incumbent),
            words::signed(finding.estimate),
            words::interval(finding.interval),
            words::verdict(finding.verdict),
        )
    });
    let figures = figures.collect::<Vec<_>>().join("\n");
    format!(
        "<testcase name=\"gate\" classname=\"{}\"><properties><property name=\"verdict\" \
         value=\"{}\"/></properties>{inside}<system-out>{}</system-out></testcase>\n",
        Xml(&summary.run.feature),
        words::verdict(verdict),
        Xml(&figures),
    )
}

fn case(row: &Row) -> String {
    let name = match row.repeat {
        0 => row.case.clone(),
        repeat => format!("{} #{}", row.case, repeat + 1),
    };
    let took = row.answer.as_ref().map_or(0.0, |answer| answer.took.as_secs_f64());
    let said = row.grades.iter().filter(|grade| !grade.pass || grade.error.is_some());
    let said: Vec<String> = said
        .map(|grade| format!("{}: {}", grade.grader, grade.error.as_ref().unwrap_or(&grade.reason)))
        .collect();
    let class = row.error_class().unwrap_or_default();
    let inside = match (&row.trouble, row.marks.pass) {
        (Some(trouble), _) => element("error", "error", &class, &trouble.to_string()),
        (None, None) => element("error", "error", &class, &said.join("\n")),
        (None, Some(false)) => element("failure", "assertion", &class, &said.join("\n")),
        (None, Some(true)) => String::new(),
    };
    format!(
        "<testcase name=\"{}\" classname=\"{}\" time=\"{took:.3}\">{inside}</testcase>\n",
        Xml(&name),
        Xml(&row.deployment),
    )
}

fn element(name: &str, kind: &str, message: &str, text: &str) -> String {
    format!("<{name} type=\"{kind}\" message=\"{}\">{}</{name}>", Xml(message), Xml(text))
}

/// A text within XML. What XML cannot hold is left out.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' => f.write_str("&#10;")?,
                '\t' | ' '.. => f.write_char(char)?,
                _ => {}
            }
        }
        Ok(())
    }
}
