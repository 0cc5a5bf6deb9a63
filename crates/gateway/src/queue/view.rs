//! What clients and webhooks are shown of a job.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tieline_ledger::{JobInfo, JobState};

use super::Queued;
use crate::door::JOBS;

/// A job as JSON. Times are seconds since the Unix epoch.
#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    object: &'static str,
    status: &'static str,
    feature: &'a str,
    /// The path to ask at.
    url: String,
    created_at: u64,
    /// From when it is no longer worth answering.
    expires_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<u64>,
    /// From when it is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_status: Option<u16>,
    /// The body of the answer, or of the error, in the client's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Box<RawValue>>,
}

impl View<'_> {
    fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Queued {
    /// What its client is told at once.
    pub(crate) fn shown(&self) -> Vec<u8> {
        let view = View {
            id: &self.id,
            object: "tieline.job",
            status: JobState::Queued.as_str(),
            feature: &self.feature,
            url: self.location(),
            created_at: self.created_ms / 1000,
            expires_at: self.expires_ms / 1000,
            finished_at: None,
            kept_until: None,
            response_status: None,
            response: None,
        };
        view.written()
    }
}

/// What is told of a job later.
pub(super) fn shown(job: &JobInfo) -> Vec<u8> {
    let view = View {
        id: &job.id,
        object: "tieline.job",
        status: job.state.as_str(),
        feature: &job.feature,
        url: format!("{JOBS}{}", job.id),
        created_at: job.created_ms / 1000,
        expires_at: job.expires_ms / 1000,
        finished_at: job.finished_ms.map(|ms| ms / 1000),
        kept_until: job.purge_ms.map(|ms| ms / 1000),
        response_status: job.status,
        response: job.response.as_deref().and_then(verbatim),
    };
    view.written()
}

/// The body as it came; as a text where a provider sent something else than JSON.
fn verbatim(body: &[u8]) -> Option<Box<RawValue>> {
    let json: Result<Box<RawValue>, _> = serde_json::from_slice(body);
    json.or_else(|_| to_raw_value(&String::from_utf8_lossy(body))).ok()
}
