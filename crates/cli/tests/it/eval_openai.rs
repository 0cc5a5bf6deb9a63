//! Every kind of OpenAI's graders but `python`, from its JSON to the verdict on each item.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use serde_json::{Value, json};

use crate::support::Folder;

/// What deployments answer to each item, and what is expected there.
const ITEMS: [(&str, &str, &str); 3] = [
    ("t1", "the cat sat on the mat", "the cat is on the mat"),
    ("t2", "yes", "no"),
    ("t3", "two words", "two words"),
];
/// Scores of the items by each measure. Source: NLTK, rouge-score and RapidFuzz, by the script in
/// `crates/eval/tests/reference`.
const MEASURES: [(&str, [f64; 3]); 11] = [
    ("fuzzy_match", [0.9302325581395349, 0.0, 1.0]),
    ("bleu", [0.25406637407730737, 0.0, 1.0]),
    ("gleu", [0.5, 0.0, 1.0]),
    ("meteor", [0.8066666666666668, 0.0, 0.9375]),
    ("rouge_1", [0.8333333333333334, 0.0, 1.0]),
    ("rouge_2", [0.6, 0.0, 1.0]),
    ("rouge_3", [0.25, 0.0, 0.0]),
    ("rouge_4", [0.0, 0.0, 0.0]),
    ("rouge_5", [0.0, 0.0, 0.0]),
    ("rouge_l", [0.8333333333333334, 0.0, 1.0]),
    ("levenshtein", [0.8636363636363636, 0.0, 1.0]),
];
/// From where on a similarity passes.
const LIKE_MIN: f64 = 0.55;
const NEAR: f64 = 1e-6;

/// The graders that measure nothing.
fn checks_and_judges() -> Vec<Value> {
    let check = |name: &str, operation: &str, reference: &str| {
        json!({
            "type": "string_check", "name": name, "operation": operation,
            "input": "{{ sample.output_text }}", "reference": reference,
        })
    };
    let score = json!({
        "type": "score_model", "name": "score", "model": "judge", "range": [1, 5],
        "pass_threshold": 4, "sampling_params": { "temperature": 0 },
        "input": [
            { "role": "system", "content": "Score from 1 to 5." },
            { "role": "user", "content": "Of 5: {{ sample.output_text }}" },
        ],
    });
    let part = |name: &str, mut grader: Value| {
        grader["name"] = json!(name);
        grader
    };
    vec![
        check("same", "eq", "{{ item.wanted }}"),
        check("other", "ne", "{{ item.wanted }}"),
        check("like", "like", "words"),
        check("ilike", "ilike", "WORDS"),
        score.clone(),
        json!({
            "type": "label_model", "name": "label", "model": "judge",
            "labels": ["long", "short"], "passing_labels": ["long"],
            "input": [{ "role": "user", "content": "Its length: {{ sample.output_text }}" }],
        }),
        // Judges' scores count there as they give them: from 1 to 5.
        json!({
            "type": "multi", "name": "both", "pass_threshold": 3,
            "calculate_output": "0.5 * score + 1.5 * max(same, like)",
            "graders": {
                "score": part("score", score),
                "same": check("same", "eq", "{{ item.wanted }}"),
                "like": check("like", "like", "sat"),
            },
        }),
    ]
}

fn eval() -> Value {
    let measures = MEASURES.iter().map(|(measure, _)| {
        json!({
            "type": "text_similarity", "name": measure, "evaluation_metric": measure,
            "input": "{{ sample.output_text }}", "reference": "{{ item.wanted }}",
            "pass_threshold": LIKE_MIN,
        })
    });
    let criteria: Vec<Value> = checks_and_judges().into_iter().chain(measures).collect();
    json!({
        "object": "eval", "id": "eval_1", "name": "Cats",
        "data_source_config": { "type": "custom", "item_schema": { "type": "object" } },
        "testing_criteria": criteria,
    })
}

fn run() -> Value {
    let items = ITEMS.map(|(id, _, wanted)| json!({ "item": { "id": id, "wanted": wanted } }));
    json!({
        "object": "eval.run", "id": "run_1", "eval_id": "eval_1",
        "data_source": {
            "type": "completions", "model": "small",
            "input_messages": { "type": "template", "template": [
                { "role": "user", "content": "What of {{ item.id }}?" },
            ] },
            "source": { "type": "file_content", "content": items },
        },
    })
}

/// What the deployment answers, and what the judge does: in JSON, in prose, and as a bare number.
fn answers() -> String {
    let (said, mut lines) = (ITEMS.map(|(_, said, _)| said), String::new());
    let mut line = |when: String, say: &str| {
        let _ = writeln!(lines, "{}", json!({ "when": when, "say": say }));
    };
    for (id, said, _) in ITEMS {
        line(format!("What of {id}?"), said);
    }
    let verdicts = [
        (r#"{"reason": "fine", "result": 4}"#, r#"{"reason": "six words", "label": "long"}"#),
        ("1", "It is short.\nshort"),
        (r#"I say {"score": 3}."#, r#"{"result": "short"}"#),
    ];
    for (said, (score, label)) in said.iter().zip(verdicts) {
        line(format!("Of 5: {said}"), score);
        line(format!("Its length: {said}"), label);
    }
    lines
}

const CONFIG: &str = "\
version: 1
providers:
  openai: { kind: openai, base_url: 'URL/v1', api_key: { env: KEY } }
models: { small: [openai], judge: [openai] }
features: { cats: { tiers: [ { models: [small] } ] } }
";

/// What each grader is expected to say of each item: whether it passes, and its score.
fn expected(item: usize) -> BTreeMap<String, (bool, f64)> {
    let told = |pass: bool| (pass, f64::from(u8::from(pass)));
    let others = [
        ("same", [told(false), told(false), told(true)]),
        ("other", [told(true), told(true), told(false)]),
        ("like", [told(false), told(false), told(true)]),
        ("ilike", [told(false), told(false), told(true)]),
        // 4, 1 and 3 of 1 to 5.
        ("score", [(true, 0.75), (false, 0.0), (false, 0.5)]),
        ("label", [told(true), told(false), told(false)]),
        // 3.5, 0.5 and 3 of the 4 that there can be, needed 3.
        ("both", [(true, 0.875), (false, 0.125), (true, 0.75)]),
    ];
    let measured = MEASURES.map(|(name, scores)| (name, scores.map(|it| (it >= LIKE_MIN, it))));
    let all = others.into_iter().chain(measured);
    all.map(|(name, verdicts)| (name.to_owned(), verdicts[item])).collect()
}

#[test]
fn graders_of_every_kind_say_what_they_should_of_each_item() {
    let folder = Folder::new();
    folder.write("eval.json", &eval().to_string());
    folder.write("run.json", &run().to_string());
    folder.write("answers.jsonl", &answers());
    let line = "sim openai=127.0.0.1:0 --answers answers.jsonl --first-token 0ms --per-token 0ms";
    let sim = folder.start(line);
    folder.write(
        "tieline.yaml",
        &CONFIG.replace("URL", sim.ready["providers"][0]["url"].as_str().unwrap()),
    );
    let imported = folder.json("eval import eval.json run.json --feature cats --strict");
    assert_eq!(imported["suites"][0]["graders"], 18, "{imported}");
    let (code, _, err) =
        folder.run("eval run evals/cats.yaml --candidate small@openai --yes --runs runs");
    assert_eq!(code, 3, "three items decide nothing: {err}");
    let runs: Vec<_> = fs::read_dir(folder.path().join("runs")).unwrap().flatten().collect();
    let rows = fs::read_to_string(runs[0].path().join("rows.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), ITEMS.len());
    for row in rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()) {
        let item = ITEMS.iter().position(|(id, ..)| row["case"] == *id).unwrap();
        assert_eq!(row["answer"]["text"], ITEMS[item].1);
        let mut wanted = expected(item);
        for grade in row["grades"].as_array().unwrap() {
            let name = grade["grader"].as_str().unwrap();
            let (pass, score) = wanted.remove(name).unwrap();
            assert_eq!(grade["pass"], pass, "{name} of {}: {grade}", row["case"]);
            let near = (grade["score"].as_f64().unwrap() - score).abs() < NEAR;
            assert!(near, "{name} of {}, not {score}: {grade}", row["case"]);
        }
        assert_eq!(wanted, BTreeMap::new(), "nobody said this of {}", row["case"]);
    }
}
