//! A provider's list of models, as far as it says when they end.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;

/// The most models of a list.
const MODELS_MAX: usize = 10_000;
/// How long a day is as it is written: `2027-01-14`.
const DAY_CHARS: usize = 10;

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

/// OpenAI gives a day or null (`GET /v1/models`), Azure a time in seconds
/// (<https://learn.microsoft.com/rest/api/azureopenai/models/list>); others neither.
#[derive(Deserialize)]
struct Model {
    id: String,
    #[serde(default)]
    shutdown_date: Value,
    #[serde(default)]
    deprecation: Value,
}

impl Model {
    fn ends(&self) -> Option<Date> {
        let day = self.shutdown_date.as_str().and_then(|text| text.get(..DAY_CHARS));
        let day = day.and_then(|day| day.parse().ok());
        day.or_else(|| {
            let end_s = self.deprecation.get("inference")?.as_i64()?;
            Some(Timestamp::from_second(end_s).ok()?.to_zoned(TimeZone::UTC).date())
        })
    }
}

/// Every model of a list, with the day that it ends, if it has one.
///
/// # Errors
/// What is wrong with the list.
pub(super) fn read(body: &[u8]) -> Result<BTreeMap<String, Option<Date>>, String> {
    let list: List = serde_json::from_slice(body)
        .map_err(|error| format!("the list of models cannot be read: {error}"))?;
    let models = list.data.into_iter().take(MODELS_MAX);
    Ok(models.map(|model| (model.id.clone(), model.ends())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up, in the forms of both vendors.
    const LIST: &str = r#"{"object": "list", "data": [
        {"id": "a", "object": "model", "created": 1, "shutdown_date": "2027-01-14"},
        {"id": "b", "object": "model", "created": 1, "shutdown_date": null},
        {"id": "c", "object": "model"},
        {"id": "d", "shutdown_date": "2027-01-14T00:00:00Z"},
        {"id": "e", "shutdown_date": "soon"},
        {"id": "f", "shutdown_date": 7},
        {"id": "g", "deprecation": {"fine_tune": 1677662127, "inference": 1709284527}}
    ]}"#;

    #[test]
    fn days_are_read_in_both_forms_and_anything_else_is_none() {
        let models = read(LIST.as_bytes()).unwrap();
        let days = |id: &str| models[id].map(|day| day.to_string()).unwrap_or_default();
        let all = ["a", "b", "c", "d", "e", "f", "g"].map(days);
        assert_eq!(all, ["2027-01-14", "", "", "2027-01-14", "", "", "2024-03-01"]);
        for bad in ["", "[]", "{}", "<html>", r#"{"data": [{}]}"#] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
