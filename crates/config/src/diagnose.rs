//! Problems as text for a terminal.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
    SourceSpan,
};

use crate::problem::{Problem, Problems};

/// Columns that text is wrapped at: where people read it is not known here.
const WIDTH: usize = 100;

/// Every problem with its lines of the file, underlined; without colours.
pub(crate) fn report(problems: &Problems) -> String {
    let text = problems.source.text.to_string();
    let source = NamedSource::new(&problems.source.name, text);
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(WIDTH)
        .with_context_lines(1);
    let mut report = String::new();
    for problem in problems.list() {
        let shown = Shown { problem, source: &source };
        if handler.render_report(&mut report, &shown).is_err() {
            // Writing to a string fails only where the source cannot be sliced.
            report.push_str(&problem.message);
            report.push('\n');
        }
    }
    report
}

/// A problem as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    source: &'a NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (self.problem.span.line > 0).then_some(self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span;
        let under = SourceSpan::from((span.start, span.len));
        let label = LabeledSpan::new_with_span(None, under);
        (span.line > 0).then(|| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = _>>)
    }
}
