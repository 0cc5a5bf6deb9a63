//! Tables for terminals and for Markdown.

use std::iter;

/// A table with a title.
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Aligned columns: the first to the left, the others to the right.
    pub(crate) fn text(&self) -> String {
        let head: Vec<String> = self.columns.iter().map(|&column| column.to_owned()).collect();
        let lines: Vec<&Vec<String>> = iter::once(&head).chain(&self.rows).collect();
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        for line in lines {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let cell = match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
                text.push_str(&cell);
            }
            text.push('\n');
        }
        text
    }

    pub(crate) fn markdown(&self) -> String {
        let rule =
            self.columns.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "--:" });
        let head = self.columns.join(" | ");
        let rule = rule.collect::<Vec<_>>().join("|");
        let mut text = format!("### {}\n\n| {head} |\n|{rule}|\n", self.title);
        for row in &self.rows {
            text.push_str(&format!("| {} |\n", row.join(" | ")));
        }
        text
    }
}

/// A figure with so many decimals, or a dash.
pub(crate) fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_written_both_ways() {
        let table = Table {
            title: "Memory",
            columns: vec!["what", "MB"],
            rows: vec![
                vec!["idle".to_owned(), cell(Some(9.26), 1)],
                vec!["open streams".to_owned(), cell(None, 1)],
            ],
        };
        let text = "Memory\nwhat           MB\nidle          9.3\nopen streams    -\n";
        assert_eq!(table.text(), text);
        let markdown =
            "### Memory\n\n| what | MB |\n|---|--:|\n| idle | 9.3 |\n| open streams | - |\n";
        assert_eq!(table.markdown(), markdown);
    }
}
