//! Cases from files: JSONL and CSV.

use serde_json::{Map, Value};

use super::{Dataset, problem::Problem};

/// The largest file of cases.
const BYTES_MAX: usize = 256 << 20;
/// The most cases of a suite.
pub(crate) const CASES_MAX: usize = 200_000;
/// Lines that are told to be wrong, before the rest is not looked at.
const WRONG_MAX: usize = 100;

/// The fields of one case, and the line where it begins.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Map<String, Value>,
}

/// Reads all records of a file, and all that is wrong with its lines.
pub(super) fn read(name: &str, bytes: &[u8]) -> (Vec<Record>, Vec<Problem>) {
    let mut reading = Reading { name, records: Vec::new(), problems: Vec::new() };
    if bytes.len() > BYTES_MAX {
        reading.wrong(0, format!("expected at most {} MiB", BYTES_MAX >> 20));
    } else {
        match std::str::from_utf8(bytes) {
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                reading.wrong(line, "this is not UTF-8".to_owned());
            }
            Ok(text) => reading.all(text.strip_prefix('\u{feff}').unwrap_or(text)),
        }
    }
    (reading.records, reading.problems)
}

struct Reading<'a> {
    name: &'a str,
    records: Vec<Record>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn all(&mut self, text: &str) {
        let ending = self.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        match ending.as_deref() {
            Some("jsonl" | "ndjson") => self.jsonl(text),
            Some("csv") => self.csv(text),
            _ => self.wrong(0, "expected a file that ends in `.jsonl` or `.csv`".to_owned()),
        }
        if self.records.is_empty() && self.problems.is_empty() {
            self.wrong(0, "there is no case in it".to_owned());
        }
    }

    fn wrong(&mut self, line: usize, what: String) {
        let file = self.name.to_owned();
        self.problems.push(Problem { file, line, column: 0, what, hint: None });
    }

    /// Keeps a record; false where enough is known.
    fn keep(&mut self, line: usize, record: Result<Map<String, Value>, String>) -> bool {
        match record {
            Ok(fields) if self.records.len() < CASES_MAX => {
                self.records.push(Record { line, fields });
                return true;
            }
            Ok(_) => self.wrong(line, format!("expected at most {CASES_MAX} cases")),
            Err(what) => {
                self.wrong(line, what);
                return self.problems.len() < WRONG_MAX;
            }
        }
        false
    }

    fn jsonl(&mut self, text: &str) {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let record = serde_json::from_str(line).map_err(|error| {
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or(&said);
                format!("expected a JSON object: {said} in column {}", error.column())
            });
            if !self.keep(number, record) {
                return;
            }
        }
    }

    fn csv(&mut self, text: &str) {
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return self.wrong(1, error.to_string()),
        };
        let mut names: Vec<&str> = header.iter().map(str::trim).collect();
        let all: Vec<&str> = names.clone();
        names.sort_unstable();
        if names.first().is_none_or(|name| name.is_empty()) {
            return self.wrong(1, "expected a name for every column".to_owned());
        }
        if let Some([name, _]) = names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return self.wrong(1, format!("two columns are called `{name}`"));
        }
        for record in reader.records() {
            let (line, record) = match record {
                Ok(record) => (line_of(record.position()), Ok(row(&all, &record))),
                Err(error) => (line_of(error.position()), Err(said(&error))),
            };
            if !self.keep(line, record) {
                return;
            }
        }
    }
}

fn row(names: &[&str], record: &csv::StringRecord) -> Map<String, Value> {
    let named = names.iter().zip(record);
    named.map(|(name, cell)| ((*name).to_owned(), Value::from(cell))).collect()
}

fn line_of(position: Option<&csv::Position>) -> usize {
    position.map_or(0, |at| usize::try_from(at.line()).unwrap_or(usize::MAX))
}

fn said(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("expected {expected_len} columns, got {len}")
        }
        _ => error.to_string(),
    }
}

/// What the fields of a record say of its case.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    pub(super) id: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) slices: std::collections::BTreeMap<String, String>,
}

/// Finds the id, cluster and slices of a record.
///
/// # Errors
/// The field that is named for it is not there, or no text.
pub(super) fn named(dataset: &Dataset, record: &Record) -> Result<Named, String> {
    let field = |name: &String, needed: bool| match record.fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(yes)) => Ok(Some(yes.to_string())),
        None | Some(Value::Null | Value::String(_)) if !needed => Ok(None),
        None | Some(Value::Null | Value::String(_)) => Err(format!("expected a field `{name}`")),
        Some(_) => Err(format!("expected `{name}` to be a text, a number, true or false")),
    };
    let mut slices = std::collections::BTreeMap::new();
    for name in &dataset.slices {
        slices.extend(field(name, false)?.map(|value| (name.clone(), value)));
    }
    let optional = |name: &Option<String>, needed| match name {
        Some(name) => field(name, needed),
        None => Ok(None),
    };
    Ok(Named {
        id: optional(&dataset.id, true)?,
        cluster: optional(&dataset.cluster, false)?,
        slices,
    })
}
