//! Reports for build servers: JUnit's XML, a suite for each drill and a case for each expectation.
//!
//! <https://github.com/testmoapp/junitxml>

use std::fmt::Write as _;

use crate::Report;

/// The reports of some drills as one document.
#[must_use]
pub fn junit(reports: &[Report]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for report in reports {
        let failures = report.checks.iter().filter(|check| !check.passed).count();
        // Writing to a text cannot fail.
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">",
            escaped(&report.drill),
            report.checks.len()
        );
        for check in &report.checks {
            let (name, class) = (escaped(&check.expected), escaped(&report.drill));
            let _ = write!(xml, "    <testcase classname=\"{class}\" name=\"{name}\"");
            let _ = match check.passed {
                true => writeln!(xml, "/>"),
                false => writeln!(
                    xml,
                    ">\n      <failure message=\"{}\">line {} of the scenario</failure>\n    \
                     </testcase>",
                    escaped(&check.observed),
                    check.line
                ),
            };
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no place for other control characters.
            one if one.is_control() && !matches!(one, '\n' | '\t') => out.push(' '),
            one => out.push(one),
        }
    }
    out
}
