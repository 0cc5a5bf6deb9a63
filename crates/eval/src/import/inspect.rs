//! Logs of Inspect: JSON, or an archive of JSON with an entry for each sample. Format:
//! inspect.aisi.org.uk/eval-logs.html, as Inspect 0.3 writes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Cursor, Read as _},
};

use serde::Deserialize;
use serde_json::Value;
use zip::{ZipArchive, result::ZipError};

use super::{
    ImportError, Imported, Source,
    node::{Place, written},
    report::Report,
    results::{ImportedResult, share},
};

/// How many entries an archive may have.
const ENTRIES_MAX: usize = 1_000_000;
/// The largest sample that is read, in bytes.
const ENTRY_BYTES_MAX: u64 = 64 << 20;
/// What all entries may come to, unpacked.
const TOTAL_BYTES_MAX: u64 = 4 << 30;

/// The error of a sample that has no score and no error.
const UNSCORED: &str = "it was not scored";
/// The folder of samples in an archive.
const SAMPLES: &str = "samples/";
/// The entry that says what was evaluated; the first is there once the log is complete.
const HEADERS: [&str; 2] = ["header.json", "_journal/start.json"];

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    eval: Spec,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    samples: Option<Vec<Sample>>,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    model: String,
}

#[derive(Deserialize)]
struct Sample {
    id: Value,
    #[serde(default = "first")]
    epoch: u32,
    #[serde(default)]
    scores: Option<BTreeMap<String, Score>>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    total_time: Option<f64>,
    #[serde(default)]
    working_time: Option<f64>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    model_usage: BTreeMap<String, Usage>,
}

const fn first() -> u32 {
    1
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

/// Reads a log.
pub(super) fn import(source: &Source<'_>) -> Result<Imported, ImportError> {
    let mut report = Report::default();
    let place = Place::line(source.name, 1);
    let (log, samples) = if source.bytes.starts_with(b"PK") {
        archive(source)?
    } else {
        let mut log: Log = parsed(source.text()?.as_bytes(), source.name)?;
        let samples = log.samples.take().unwrap_or_default();
        (log, samples)
    };
    if let Some(status) = log.status.as_deref().filter(|status| *status != "success") {
        report.lost(&place, format!("the log ended as `{status}`"), "");
    }
    if samples.is_empty() {
        report.lost(&place, "the log has no samples", "write it with its samples");
    }
    let model = &log.eval.model;
    let mut results: Vec<ImportedResult> =
        samples.into_iter().map(|sample| result(sample, model, &place, &mut report)).collect();
    leave_out_unscaled(&mut results, &place, &mut report);
    for result in results.iter_mut().filter(|result| result.error.is_none()) {
        result.error = result.metrics.is_empty().then(|| UNSCORED.to_owned());
    }
    let candidates = deployment(model).into_iter().collect();
    Ok(Imported { results, candidates, findings: report.findings, ..Imported::default() })
}

fn archive(source: &Source<'_>) -> Result<(Log, Vec<Sample>), ImportError> {
    let broken = |error| ImportError::Archive { file: source.name.to_owned(), source: error };
    let mut archive = ZipArchive::new(Cursor::new(source.bytes)).map_err(broken)?;
    if archive.len() > ENTRIES_MAX {
        return Err(broken(ZipError::InvalidArchive("it has too many entries".into())));
    }
    let mut total = 0;
    let header = HEADERS.into_iter().find(|name| archive.index_for_name(name).is_some());
    let header = header.ok_or_else(|| broken(ZipError::FileNotFound))?;
    let bytes = entry(&mut archive, header, &mut total).map_err(broken)?;
    let log: Log = parsed(&bytes, &format!("{}/{header}", source.name))?;
    let mut names = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(broken)?;
        if name.starts_with(SAMPLES) && name.ends_with(".json") {
            names.push(name.into_owned());
        }
    }
    let mut samples = Vec::with_capacity(names.len());
    for name in names {
        let bytes = entry(&mut archive, &name, &mut total).map_err(broken)?;
        samples.push(parsed(&bytes, &format!("{}/{name}", source.name))?);
    }
    Ok((log, samples))
}

/// Unpacks one entry, within bounds.
fn entry(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    total: &mut u64,
) -> Result<Vec<u8>, ZipError> {
    let mut bytes = Vec::new();
    let file = archive.by_name(name)?;
    let read = file.take(ENTRY_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes)?;
    let read = u64::try_from(read).unwrap_or(u64::MAX);
    *total = total.saturating_add(read);
    if read > ENTRY_BYTES_MAX || *total > TOTAL_BYTES_MAX {
        return Err(ZipError::InvalidArchive("it unpacks to too much".into()));
    }
    Ok(bytes)
}

fn parsed<T: for<'de> Deserialize<'de>>(bytes: &[u8], name: &str) -> Result<T, ImportError> {
    serde_json::from_slice(bytes).map_err(|error| ImportError::Syntax {
        file: name.to_owned(),
        line: error.line().max(1),
        column: error.column().max(1),
        what: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })
}

fn result(sample: Sample, model: &str, at: &Place, report: &mut Report) -> ImportedResult {
    let case = written(&sample.id);
    let mut metrics = BTreeMap::new();
    for (name, score) in sample.scores.unwrap_or_default() {
        match number(&score.value) {
            Some(score) => {
                metrics.insert(name, score);
            }
            None => parts(&name, &score.value, &mut metrics, at, report),
        }
    }
    let error =
        sample.error.map(|error| error.get("message").map_or_else(|| written(&error), written));
    if error.is_some() {
        metrics.clear();
    }
    let usage = sample.model_usage.get(model);
    let time = sample.working_time.or(sample.total_time);
    ImportedResult {
        case,
        arm: deployment(model),
        repeat: sample.epoch.saturating_sub(1),
        slices: sample.metadata.map(slices).unwrap_or_default(),
        metrics,
        error,
        latency_ms: time.map(|seconds| seconds * 1_000.0),
        input_tokens: usage.map(|usage| usage.input_tokens),
        output_tokens: usage.map(|usage| usage.output_tokens),
        ..ImportedResult::default()
    }
}

/// A score of several named values becomes a metric for each.
fn parts(
    name: &str,
    score: &Value,
    metrics: &mut BTreeMap<String, f64>,
    at: &Place,
    report: &mut Report,
) {
    let Value::Object(parts) = score else {
        report.lost(at, format!("a value of the scorer `{name}` is not a number"), "");
        return;
    };
    for (part, score) in parts {
        let name = format!("{name}.{part}");
        match number(score) {
            Some(score) => {
                metrics.insert(name, score);
            }
            None => report.lost(at, format!("a value of the scorer `{name}` is not a number"), ""),
        }
    }
}

/// Takes scorers out whose values go beyond 1 or below 0, with all of their values: on such a
/// scale a 1 may be the worst that there is.
fn leave_out_unscaled(results: &mut [ImportedResult], at: &Place, report: &mut Report) {
    let scores = results.iter().flat_map(|result| &result.metrics);
    let beyond = scores.filter(|(_, score)| !(0.0..=1.0).contains(*score));
    let names: BTreeSet<String> = beyond.map(|(name, _)| name.clone()).collect();
    for name in &names {
        let what = format!("values of the scorer `{name}` are not from 0 to 1");
        report.lost(at, what, "scale them in the scorer");
    }
    for result in results {
        result.metrics.retain(|name, _| !names.contains(name));
    }
}

/// A score as a number: correct, incorrect, partial and no answer have letters.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Bool(pass) => Some(share(*pass)),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "C" => Some(1.0),
            "P" => Some(0.5),
            "I" | "N" => Some(0.0),
            text => text.parse().ok(),
        },
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// Metadata that is a short word, by which cases can be judged apart.
fn slices(metadata: BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let short = |(name, value): (String, Value)| match value {
        Value::String(text) if text.len() <= 64 && !text.contains('\n') => Some((name, text)),
        Value::Bool(value) => Some((name, value.to_string())),
        _ => None,
    };
    metadata.into_iter().filter_map(short).collect()
}

/// `MODEL@PROVIDER` of a model such as `openai/gpt-5.5`.
fn deployment(model: &str) -> Option<String> {
    let (provider, name) = model.split_once('/')?;
    Some(format!("{name}@{provider}"))
}
