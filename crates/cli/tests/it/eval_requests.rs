//! `tieline eval import --from requests`: what is written, told and refused.

use serde_json::{Value, json};

use crate::support::Folder;

const LINE: &str = "eval import log.jsonl --from requests --feature reply";

fn folder() -> Folder {
    let folder = Folder::new();
    let log = (0..40).map(|at| {
        let content = format!("Question {at} of ada{at}@example.com about K-{at}");
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
        let answer = json!({ "choices": [{ "message": { "content": format!("Answer {at}.") } }] });
        format!("{}\n", json!({ "request": body, "response": answer, "session_id": at / 2 }))
    });
    folder.write("log.jsonl", &log.collect::<String>());
    folder
}

fn written(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path().join("evals").join(name)).unwrap()
}

fn first_case(folder: &Folder) -> Value {
    let text = written(folder, "reply.requests.jsonl");
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

#[test]
fn a_sample_of_requests_is_a_suite_without_addresses() {
    let folder = folder();
    let (code, out, err) = folder.run(&format!("{LINE} --sample 12 --judge j@x"));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("40 requests read, 12 taken, 0 the same as another"), "{out}");
    assert!(out.contains("taken out: 12 email; names and stories are not looked for"), "{out}");
    let (cases, suite) = (written(&folder, "reply.requests.jsonl"), written(&folder, "reply.yaml"));
    assert_eq!(cases.lines().count(), 12);
    assert!(!cases.contains('@') && !cases.contains("Answer"), "{cases}");
    assert!(suite.contains("messages_from: messages"), "{suite}");
    let ids = |text: &str| -> Vec<Value> {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|case| case["id"].clone()).collect()
    };
    folder.run(&format!("{LINE} --sample 12 --judge j@x --force"));
    assert_eq!(ids(&written(&folder, "reply.requests.jsonl")), ids(&cases), "the seed is the same");
    folder.run(&format!("{LINE} --sample 12 --judge j@x --force --seed 2"));
    assert_ne!(ids(&written(&folder, "reply.requests.jsonl")), ids(&cases));
}

#[test]
fn answers_and_personal_data_are_kept_only_where_that_is_said() {
    let folder = folder();
    let told = folder.json(&format!("{LINE} --keep-answers --scrub K-[0-9]+"));
    assert_eq!(told["requests"]["scrubbed"], json!({ "email": 40, "custom": 40 }));
    let case = first_case(&folder);
    assert_eq!(case["messages"][0]["content"], "Question 0 of <email-1> about <custom-1>");
    assert_eq!(case["reference"], "Answer 0.");
    let (_, out, _) = folder.run(&format!("{LINE} --force --keep-personal-data"));
    assert!(out.contains("nothing was taken out: the cases hold what people sent"), "{out}");
    let case = first_case(&folder);
    assert_eq!(case["messages"][0]["content"], "Question 0 of ada0@example.com about K-0");
    assert_eq!(case.get("reference"), None);
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    let folder = folder();
    for (line, told) in [
        ("eval import log.jsonl", "nothing that can be imported"),
        ("eval import log.jsonl --sample 3", "only requests of production are sampled"),
        (&format!("{LINE} --scrub ("), "cannot read the expression `(`"),
        (&format!("{LINE} --sample 0"), "--sample"),
        (&format!("{LINE} --keep-personal-data --scrub a"), "cannot be used with"),
    ] {
        let (code, _, err) = folder.run(line);
        assert_eq!(code, 2, "{line}");
        assert!(err.contains(told), "{line}: {err}");
    }
    assert!(!folder.path().join("evals").exists());
}
