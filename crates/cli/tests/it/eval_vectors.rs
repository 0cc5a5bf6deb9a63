//! Likeness by vectors at a run, of suites that are written and of those that are imported.

use std::fs;

use serde_json::{Value, json};

use crate::eval::{House, RUN, SUITE};

const COSINE: &str = "  - id: near
    type: similarity
    measure: cosine
    reference: 'It is {{ answer }}.'
    embeddings: embed@p
";

fn suite(embeddings: &str) -> String {
    let cosine = COSINE.replace("embed@p", embeddings);
    SUITE.replace("\ngate:", &format!("\n{cosine}gate:"))
}

#[test]
fn cosines_are_graded_and_paid() {
    let house = House::new(60);
    house.folder.write("suite.yaml", &suite("embed@p"));
    let dry = format!("{RUN} worse@p --incumbent old@p --dry-run");
    let planned = house.folder.json(&dry);
    assert!(planned["estimate"]["total_usd"].as_f64().unwrap() > 0.0, "{planned}");
    assert_eq!(house.asked(), 0);

    let (_, told) = house.json(&format!("{RUN} worse@p --incumbent old@p"));
    let near = told["metrics"].as_array().unwrap().iter().find(|one| one["metric"] == "near");
    let near = near.unwrap_or_else(|| panic!("{told}"));
    let candidate = near["candidate"].as_f64().unwrap();
    assert!((0.6..1.0).contains(&candidate), "{near}");
    assert_eq!(told["arms"]["candidate"]["ungraded"], 0);
    // A right answer is the reference, and all wrong ones are alike.
    assert_eq!(house.asked(), 120 + 61, "no text is asked for twice");
    let rows = fs::read_to_string(house.run_folder().unwrap().join("rows.jsonl")).unwrap();
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let vectors = |row: &Value| row["grades"][2]["cost_usd"].as_f64().unwrap_or(0.0);
    let answers = |row: &Value| row["answer"]["cost_usd"].as_f64().unwrap();
    let (vectors, answers): (Vec<f64>, Vec<f64>) =
        rows.iter().map(|row| (vectors(row), answers(row))).unzip();
    let (vectors, answers) = (vectors.iter().sum::<f64>(), answers.iter().sum::<f64>());
    assert!(vectors > 61.0 * 1e-4, "each has a token at least: {vectors}");
    let spent = told["spent_usd"].as_f64().unwrap();
    assert!((spent - vectors - answers).abs() < 1e-9, "{spent}");
    let costs = house.folder.json("cost --by deployment");
    let embed = costs["groups"].as_array().unwrap().iter().find(|one| one["name"] == "embed@p");
    assert_eq!(embed.unwrap_or_else(|| panic!("{costs}"))["requests"], 61);
}

#[test]
fn an_imported_text_similarity_is_graded() {
    let house = House::new(12);
    let grader = json!({
        "type": "text_similarity", "name": "near", "evaluation_metric": "cosine",
        "input": "{{ sample.output_text }}", "reference": "It is {{ item.answer }}.",
        "pass_threshold": 0.9,
    });
    let source = json!({
        "type": "file_content",
        "content": (0..12).map(|at| json!({ "item": {
            "question": format!("What is {at} plus {at}?"), "answer": (at * 2).to_string(),
        } })).collect::<Vec<_>>(),
    });
    let input = json!({
        "type": "template", "template": [{ "role": "user", "content": "{{ item.question }}" }],
    });
    let run = json!({
        "object": "eval.run", "id": "run_1", "eval_id": "eval_1",
        "data_source": {
            "type": "completions", "model": "old", "input_messages": input, "source": source,
        },
    });
    let eval = json!({
        "object": "eval", "id": "eval_1", "name": "Sums", "testing_criteria": [grader],
        "data_source_config": { "type": "custom", "item_schema": { "type": "object" } },
    });
    house.folder.write("eval.json", &eval.to_string());
    house.folder.write("run.json", &run.to_string());
    let line = "eval import eval.json run.json --feature sums";
    let (code, out, err) = house.folder.run(line);
    assert_eq!(code, 0, "{out}{err}");
    let line = "eval run evals/sums.yaml --yes --candidate new@p --incumbent old@p";
    let (code, _, err) = house.folder.run(line);
    assert_eq!(code, 2);
    assert!(err.contains("there is no deployment `text-embedding-3-large@openai`"), "{err}");

    let path = house.folder.path().join("evals/sums.yaml");
    let suite = fs::read_to_string(&path).unwrap();
    fs::write(&path, suite.replace("text-embedding-3-large@openai", "embed@p")).unwrap();
    let (_, told) = house.json(line);
    assert_eq!(told["arms"]["candidate"]["answered"], 12, "{told}");
    assert_eq!(told["arms"]["candidate"]["ungraded"], 0, "{told}");
    assert!(told["arms"]["candidate"]["passed"].as_u64().unwrap() > 8, "{told}");
}

#[test]
fn a_deployment_that_makes_no_vectors_is_told_before_anything_is_sent() {
    let house = House::new(5);
    let path = house.folder.path().join("tieline.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let claude = "  a: { kind: anthropic, api_key: { env: KEY } }\nmodels:\n  claude: [a]\n";
    fs::write(&path, config.replace("models:\n", claude)).unwrap();
    for (embeddings, told) in
        [("embd@p", "there is no deployment `embd@p`"), ("claude@a", "`claude@a` makes no vectors")]
    {
        house.folder.write("suite.yaml", &suite(embeddings));
        for dry in ["", " --dry-run"] {
            let line = format!("{RUN} new@p --incumbent old@p{dry}");
            let (code, _, err) = house.folder.run(&line);
            assert_eq!(code, 2, "{err}");
            assert!(err.contains(told), "{err}");
        }
    }
    assert_eq!(house.asked(), 0);
}
