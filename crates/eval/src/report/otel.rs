//! OpenTelemetry log records of evaluation results, as lines of OTLP in JSON.
//!
//! Names are those of the semantic conventions for generative AI, event `gen_ai.evaluation.result`
//! (open-telemetry/semantic-conventions-genai, `model/gen-ai/events.yaml`, in development); where
//! they have none, those that pydantic-evals uses.

use serde_json::{Value, json};

use crate::{Grade, Row, run::RunFile};

const EVENT: &str = "gen_ai.evaluation.result";
/// OTLP's numbers for severities.
const INFO: (u8, &str) = (9, "INFO");
const WARN: (u8, &str) = (13, "WARN");
const NANOS_PER_MS: u64 = 1_000_000;

/// A line for each row, with a log record for each of its grades: the file form of OTLP, which
/// collectors read with their `otlpjsonfile` receiver.
#[must_use]
pub fn otel(run: &RunFile, rows: &[Row]) -> String {
    let lines = rows.iter().filter(|row| !row.grades.is_empty());
    lines.map(|row| format!("{}\n", line(run, row))).collect()
}

fn line(run: &RunFile, row: &Row) -> Value {
    let records: Vec<Value> = row.grades.iter().map(|grade| record(row, grade)).collect();
    json!({ "resourceLogs": [{
        "resource": { "attributes": [
            text("service.name", "tieline"),
            text("tieline.feature", &run.feature),
            text("tieline.eval.run", &run.id),
        ] },
        "scopeLogs": [{ "scope": { "name": "tieline.eval" }, "logRecords": records }],
    }] })
}

fn record(row: &Row, grade: &Grade) -> Value {
    let (number, word) = if grade.error.is_some() { WARN } else { INFO };
    let mut attributes = vec![
        text("gen_ai.evaluation.name", &grade.grader),
        text("gen_ai.evaluation.target", &row.case),
        text("gen_ai.evaluation.evaluator.source", "tieline"),
        text("tieline.eval.arm", row.arm.as_str()),
        text("tieline.deployment", &row.deployment),
    ];
    match &grade.error {
        Some(error) => {
            attributes.push(text("error.type", "grader_failed"));
            attributes.push(text("gen_ai.evaluation.explanation", error));
        }
        None => {
            let label = if grade.pass { "pass" } else { "fail" };
            attributes.push(number_of("gen_ai.evaluation.score.value", grade.score));
            attributes.push(text("gen_ai.evaluation.score.label", label));
        }
    }
    if !grade.reason.is_empty() && grade.error.is_none() {
        attributes.push(text("gen_ai.evaluation.explanation", &grade.reason));
    }
    if let Some(model) = row.answer.as_ref().map(|answer| &answer.model) {
        attributes.push(text("gen_ai.response.model", model));
    }
    json!({
        "timeUnixNano": row.at_ms.saturating_mul(NANOS_PER_MS).to_string(),
        "severityNumber": number,
        "severityText": word,
        "eventName": EVENT,
        "body": { "stringValue": EVENT },
        "attributes": attributes,
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number_of(key: &str, value: f64) -> Value {
    json!({ "key": key, "value": { "doubleValue": value } })
}
