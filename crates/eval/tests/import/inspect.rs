//! Logs of Inspect, made up in its form.

use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{Folder, lost, read};

fn header() -> Value {
    json!({ "version": 2, "status": "success", "eval": { "task": "t", "model": "openai/gpt-5.5" } })
}

fn samples() -> Vec<Value> {
    let usage = json!({ "input_tokens": 7, "output_tokens": 2, "total_tokens": 9 });
    let first = json!({ "match": { "value": "C", "answer": "b" }, "graded": { "value": "P" } });
    let second = json!({ "match": { "value": "I" }, "graded": { "value": 0.25 } });
    let parts = json!({ "match": { "value": { "a": true, "b": 0 } } });
    vec![
        json!({
            "id": 1, "epoch": 1, "input": "a", "target": "b", "scores": first,
            "total_time": 2.5, "working_time": 2.0,
            "metadata": { "lang": "de", "text": "long\ntext" },
            "model_usage": { "openai/gpt-5.5": usage },
        }),
        json!({ "id": 1, "epoch": 2, "scores": second }),
        json!({ "id": "two", "epoch": 1, "scores": parts }),
        json!({
            "id": "three", "epoch": 1, "scores": {}, "error": { "message": "it timed out" },
        }),
    ]
}

/// An archive as Inspect writes it.
fn archive(method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    let mut write = |name: &str, value: &Value| {
        writer.start_file(name, options).unwrap();
        writer.write_all(value.to_string().as_bytes()).unwrap();
    };
    write("_journal/start.json", &json!({ "eval": { "model": "openai/gpt-5.5" } }));
    for sample in samples() {
        let name = format!("samples/{}_epoch_{}.json", sample["id"], sample["epoch"]);
        write(&name, &sample);
    }
    write("summaries.json", &json!([]));
    write("header.json", &header());
    writer.finish().unwrap().into_inner()
}

#[test]
fn archives_and_json_give_the_same_results() {
    let mut log = header();
    log["samples"] = json!(samples());
    let json = read("log.json", log.to_string().as_bytes(), &Folder::default()).unwrap();
    assert_eq!(lost(&json), Vec::<String>::new());
    for method in [CompressionMethod::Zstd, CompressionMethod::Deflated, CompressionMethod::Stored]
    {
        let made = read("log.eval", &archive(method), &Folder::default()).unwrap();
        assert_eq!(made.results, json.results);
        assert_eq!(made.candidates, ["gpt-5.5@openai"]);
    }
    let [first, second, named, failed] = json.results.as_slice() else { panic!("four results") };
    assert_eq!((first.case.as_str(), first.repeat, second.repeat), ("1", 0, 1));
    assert_eq!(first.metrics, [("match".to_owned(), 1.0), ("graded".to_owned(), 0.5)].into());
    assert_eq!((first.latency_ms, first.input_tokens), (Some(2_000.0), Some(7)));
    assert_eq!(first.slices, [("lang".to_owned(), "de".to_owned())].into());
    assert_eq!(second.metrics["graded"], 0.25);
    assert_eq!(named.metrics, [("match.a".to_owned(), 1.0), ("match.b".to_owned(), 0.0)].into());
    assert_eq!(failed.error.as_deref(), Some("it timed out"));
}

#[test]
fn a_log_that_is_not_whole_is_told() {
    let log = json!({ "version": 2, "status": "cancelled", "eval": {}, "samples": [
        { "id": 1, "scores": { "count": { "value": 12 } } } ] });
    let made = read("log.json", log.to_string().as_bytes(), &Folder::default()).unwrap();
    assert_eq!(
        lost(&made),
        [
            "log.json:1:1 the log ended as `cancelled`",
            "log.json:1:1 values of the scorer `count` are not from 0 to 1",
        ]
    );
    assert_eq!(made.results[0].error.as_deref(), Some("it was not scored"));
}

#[test]
fn a_scorer_on_another_scale_is_left_out_with_all_its_values() {
    let sample = |id: u32, stars: u32| {
        let scores = json!({ "stars": { "value": stars }, "match": { "value": "C" } });
        json!({ "id": id, "scores": scores })
    };
    let mut log = header();
    log["samples"] = json!([sample(1, 1), sample(2, 5)]);
    let made = read("log.json", log.to_string().as_bytes(), &Folder::default()).unwrap();
    assert_eq!(lost(&made), ["log.json:1:1 values of the scorer `stars` are not from 0 to 1"]);
    for result in &made.results {
        assert_eq!(result.metrics, [("match".to_owned(), 1.0)].into(), "one of five is no 1");
    }
}

#[test]
fn a_broken_archive_is_an_error() {
    let whole = archive(CompressionMethod::Zstd);
    for cut in [2, 40, whole.len() / 2, whole.len() - 1] {
        assert!(read("log.eval", &whole[..cut], &Folder::default()).is_err(), "{cut} bytes");
    }
}
