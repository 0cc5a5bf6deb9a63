//! The eval that is measured: graders that cost little, so that it is the harness that is measured.

use serde_json::{Value, json};

/// promptfoo's configuration of an eval with so many items, all of which pass.
pub(super) fn of(cases: usize, concurrency: usize) -> Value {
    json!({
        "description": "Replies of a parcel service",
        "prompts": ["echo: {{ reply }}"],
        "providers": [{ "id": "openai:chat:gpt-5.5", "config": { "temperature": 0 } }],
        "evaluateOptions": { "maxConcurrency": concurrency },
        "tests": (0..cases).map(test).collect::<Vec<_>>(),
    })
}

/// One of four kinds of items: texts, JSON, JavaScript, and some of each.
fn test(at: usize) -> Value {
    let (parcel, days) = (100_000 + at, at % 5 + 1);
    let (reply, assert) = match at % 4 {
        0 => (
            format!("Parcel {parcel} is on its way and will be there in {days} days."),
            json!([
                { "type": "contains", "value": format!("Parcel {parcel}") },
                { "type": "not-contains", "value": "sorry" },
                { "type": "regex", "value": r"in \d+ days" },
            ]),
        ),
        1 => (
            json!({ "parcel": parcel, "days": days }).to_string(),
            json!([
                { "type": "is-json", "value": {
                    "type": "object",
                    "required": ["parcel", "days"],
                    "properties": {
                        "parcel": { "type": "integer" },
                        "days": { "type": "integer", "minimum": 1 },
                    },
                } },
                { "type": "contains", "value": parcel.to_string() },
            ]),
        ),
        2 => (
            format!("Your parcel {parcel} comes tomorrow."),
            json!([
                { "type": "javascript", "value": "output.includes(String(context.vars.parcel))" },
                { "type": "icontains", "value": "TOMORROW" },
            ]),
        ),
        _ => (
            format!("Parcel {parcel} is late, but it comes."),
            json!([
                { "type": "regex", "value": r"^Parcel \d{6}" },
                { "type": "javascript", "value": "output.split(' ').length < 10" },
                { "type": "contains-any", "value": ["late", "delayed"] },
            ]),
        ),
    };
    json!({ "vars": { "reply": reply, "parcel": parcel }, "assert": assert })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_unlike_each_other_and_of_every_kind() {
        let eval = of(8, 20);
        let tests = eval["tests"].as_array().unwrap();
        let mut replies: Vec<&str> =
            tests.iter().map(|test| test["vars"]["reply"].as_str().unwrap()).collect();
        replies.dedup();
        assert_eq!(replies.len(), 8);
        let text = eval.to_string();
        for kind in ["contains", "not-contains", "regex", "is-json", "javascript"] {
            assert!(text.contains(&format!("\"type\":\"{kind}\"")), "{kind}");
        }
    }
}
