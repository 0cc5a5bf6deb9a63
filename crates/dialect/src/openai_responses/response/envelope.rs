//! The `response` object around the output, and how a reply ended.

use serde_json::{Map, Value, json};
use tieline_types::{Class, Fault, ServiceTier, Usage};

use crate::{
    ir::Finish,
    json::bad_payload,
    openai_responses::{error, usage},
};

/// What all versions of one `response` object share, from created to completed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    /// The reply's id.
    pub(crate) id: &'a str,
    /// The model that answers.
    pub(crate) model: &'a str,
    /// Seconds since the Unix epoch.
    pub(crate) created_s: u64,
    /// The service tier, where it is not the standard one.
    pub(crate) service_tier: Option<&'a ServiceTier>,
}

impl Envelope<'_> {
    /// The object while the reply is being made.
    pub(crate) fn in_progress(&self) -> Value {
        self.object("in_progress", &[])
    }

    /// The object of a reply that ended by itself.
    pub(crate) fn ended(
        &self,
        status: &str,
        reason: Option<&str>,
        output: Vec<Value>,
        usage: Option<Usage>,
    ) -> Value {
        let details = reason.map_or(Value::Null, |reason| json!({ "reason": reason }));
        self.object(
            status,
            &[
                ("incomplete_details", details),
                ("output", Value::Array(output)),
                ("usage", usage.as_ref().map_or(Value::Null, usage::write)),
            ],
        )
    }

    /// The object of a reply that failed.
    pub(crate) fn failed(&self, fault: &Fault, output: Vec<Value>, usage: Option<Usage>) -> Value {
        self.object(
            "failed",
            &[
                ("error", error::write_in_band(fault)),
                ("output", Value::Array(output)),
                ("usage", usage.as_ref().map_or(Value::Null, usage::write)),
            ],
        )
    }

    /// Clients take these fields for granted. Those that would repeat the request hold the
    /// provider's defaults, for the writer of a reply does not know the request.
    fn object(&self, status: &str, changes: &[(&str, Value)]) -> Value {
        let mut object = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created_s,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "max_output_tokens": null,
            "metadata": {},
            "model": self.model,
            "output": [],
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "reasoning": { "effort": null, "summary": null },
            "store": false,
            "temperature": null,
            "text": { "format": { "type": "text" } },
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "truncation": "disabled",
            "usage": null,
        });
        if let Some(fields) = object.as_object_mut() {
            if let Some(tier) = self.service_tier {
                fields.insert("service_tier".to_owned(), tier.as_str().into());
            }
            apply(fields, changes);
        }
        object
    }
}

fn apply(fields: &mut Map<String, Value>, changes: &[(&str, Value)]) {
    for (key, value) in changes {
        fields.insert((*key).to_owned(), value.clone());
    }
}

/// How a reply's end is told: `status`, and the reason of an incomplete one. A refusal that is
/// not `refused` in words must not look like a complete answer.
pub(crate) fn status_of(finish: Finish, refused: bool) -> (&'static str, Option<&'static str>) {
    match finish {
        Finish::Refusal if !refused => ("incomplete", Some("content_filter")),
        Finish::Stop | Finish::StopSequence | Finish::ToolCalls | Finish::Refusal => {
            ("completed", None)
        }
        Finish::ContentFilter => ("incomplete", Some("content_filter")),
        // A paused turn has no word of its own; it is not complete, and asking again goes on.
        Finish::Length | Finish::ContextFull | Finish::Pause => {
            ("incomplete", Some("max_output_tokens"))
        }
    }
}

/// How the reply in a `response` object ended, by its status alone.
///
/// # Errors
/// The fault that it reports, or `bad_payload` when it is no `response` object.
pub(crate) fn outcome(response: &Value) -> Result<Finish, Fault> {
    let status = response.get("status").and_then(Value::as_str);
    let told = response.get("error").filter(|error| !error.is_null());
    if let Some(told) = told.filter(|_| matches!(status, None | Some("failed"))) {
        return Err(error::read_in_band(told));
    }
    match status {
        Some("failed") => Err(error::read_in_band(&Value::Null)),
        Some("cancelled") => {
            Err(Fault::new(Class::ServerError, "the provider cancelled the reply"))
        }
        Some("in_progress" | "queued") => Ok(Finish::Pause),
        Some("incomplete") => Ok(finish_of_reason(response)),
        Some(_) => Ok(Finish::Stop),
        None if response.get("output").is_some() => Ok(Finish::Stop),
        None => Err(bad_payload("the reply is no `response` object")),
    }
}

/// Whatever else cut a reply short, it must not pass for a complete one.
fn finish_of_reason(response: &Value) -> Finish {
    let details = response.get("incomplete_details");
    match details.and_then(|details| details.get("reason")).and_then(Value::as_str) {
        Some("content_filter") => Finish::ContentFilter,
        _ => Finish::Length,
    }
}

/// The finish of a reply that `status` calls complete, by what it holds.
pub(crate) fn refined(finish: Finish, called: bool, refused: bool) -> Finish {
    match finish {
        Finish::Stop if called => Finish::ToolCalls,
        Finish::Stop if refused => Finish::Refusal,
        other => other,
    }
}

/// A time in seconds; some servers give fractions.
pub(crate) fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.to_string().split('.').next()?.parse().ok())
}
