//! Plain JSONL of results.

use super::{Folder, read};

#[test]
fn a_line_is_a_result() {
    let lines = r#"{"id": 1, "score": 0.5}
{"id": "b", "arm": "candidate", "repeat": 2, "pass": true, "cluster": 9, "slices": {"lang": "de"}}

{"id": "c", "scores": {"exact": true, "near": 0.25}, "latency_ms": 12.5, "cost_usd": 0.001}
{"id": "d", "error": "timeout"}
"#;
    let made = read("r.jsonl", lines.as_bytes(), &Folder::default()).unwrap();
    assert_eq!(made.findings, []);
    let [one, two, three, four] = made.results.as_slice() else { panic!("four results") };
    assert_eq!((one.case.as_str(), one.metrics["score"]), ("1", 0.5));
    assert_eq!((two.arm.as_deref(), two.repeat, two.metrics["score"]), (Some("candidate"), 2, 1.0));
    assert_eq!((two.cluster.as_deref(), two.slices["lang"].as_str()), (Some("9"), "de"));
    assert_eq!((three.metrics["exact"], three.metrics["near"]), (1.0, 0.25));
    assert_eq!((four.error.as_deref(), four.metrics.len()), (Some("timeout"), 0));
}

#[test]
fn a_wrong_line_is_named() {
    for (line, what) in [
        (r#"{"id": 2}"#, "r.jsonl:2:1: a result has `score`, `pass`, `scores` or `error`"),
        (r#"{"id": 2, "score": 7}"#, "r.jsonl:2:1: a score is from 0 to 1"),
        (r#"{"id": 2, "points": 7}"#, "r.jsonl:2:1: unknown field `points`"),
    ] {
        let text = format!("{{\"id\": 1, \"score\": 1}}\n{line}\n");
        let error = read("r.jsonl", text.as_bytes(), &Folder::default()).unwrap_err();
        assert!(error.to_string().starts_with(what), "{error}");
    }
}
