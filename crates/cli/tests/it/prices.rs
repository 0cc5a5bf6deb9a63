//! Prices at the command line.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tieline_dialect::dialect;
use tieline_types::DialectId;

use crate::support::Folder;

/// A price list of one's own.
const OWN: &str = "\
surface: openai
sources:
  contract: { what: contract 7, checked: 2026-11-01 }
models:
  gpt-5.5:
    prices:
      - tokens: { input: 4, cache_read: 0.4, output: 24 }
        source: contract
";

/// Without white space at line ends.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Without the numbers of lines in price files: they move with every new row.
fn unnumbered(text: &str) -> String {
    let mut parts = text.trim().split(".yaml:");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    rest.fold(first, |text, part| text + ".yaml:" + part)
}

/// With one space where there are several.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn run(folder: &Folder, line: &str) -> (i32, String, String) {
    let (code, out, err) = folder.run(line);
    (code, trimmed(&out), trimmed(&err))
}

#[test]
fn a_model_is_listed_at_every_channel() {
    let folder = Folder::new();
    let (code, out, err) = run(&folder, "prices list --model grok-4.6 --at 2026-11-22");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_snapshot!(out, @r#"
MODEL     CHANNEL              INPUT  CACHED  WRITTEN  OUTPUT  OTHER  LONG
grok-4.6  xai/global/standard  2      0.5     -        6       -      > 199999
"#);
    let line = "prices list --model claude-haiku-5-5 --tier standard --at 2026-11-22";
    let json = folder.json(line);
    assert_eq!(json["at"], "2026-11-22");
    assert_eq!(json["catalog"].as_str().unwrap().len(), 64);
    let anthropic = &json["prices"][0];
    assert_eq!(anthropic["seller"], "anthropic");
    assert_eq!(anthropic["tokens"]["cache_write_1h"], "0.2");
    assert_eq!(anthropic["long"]["above"], 100_000);
    assert_eq!(anthropic["long"]["tokens"]["output"], "2.5");
    assert_eq!(anthropic["source"]["checked"], "2026-11-03");
}

#[test]
fn what_was_and_what_is_announced_is_shown() {
    let folder = Folder::new();
    let (code, out, err) = run(&folder, "prices show mistral-large-4");
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<String> = out.lines().map(squeezed).collect();
    let source = "genai-prices 0.2.3, 2026-11-03";
    for line in [
        "from 2026-10-20 until 2026-10-29 effective 1.36 0.14 - 4.18 -",
        "from 2026-10-29 effective 0.7 0.07 - 2.1 -",
    ] {
        let line = format!("mistral-large-4 mistral/global/standard {line} {source}");
        assert!(lines.contains(&line), "{out}");
    }
    let argon = folder.json("prices show gemini-4-argon");
    let announced = argon["prices"].as_array().unwrap().iter();
    assert!(announced.clone().any(|line| line["status"] == "announced"));
    let (code, _, err) = run(&folder, "prices show gpt-99");
    assert_eq!(code, 2);
    assert!(err.contains("no price list has a model `gpt-99`"), "{err}");
}

#[test]
fn dates_and_files_are_compared() {
    let folder = Folder::new();
    let line = "prices diff --from 2026-11-30 --to 2026-12-01";
    let (code, out, err) = run(&folder, line);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_snapshot!(out, @r#"
MODEL           CHANNEL                     PRICE OF    BEFORE  AFTER
gemini-4-argon  gemini-api/global/batch     cache_read  0.05    0.1
gemini-4-argon  gemini-api/global/batch     input       1       2
gemini-4-argon  gemini-api/global/batch     output      5       10
gemini-4-argon  gemini-api/global/priority  cache_read  0.18    -
gemini-4-argon  gemini-api/global/priority  input       3.6     -
gemini-4-argon  gemini-api/global/priority  output      18      -
gemini-4-argon  gemini-api/global/standard  cache_read  0.1     0.2
gemini-4-argon  gemini-api/global/standard  input       2       4
gemini-4-argon  gemini-api/global/standard  output      10      20
gemini-4-argon  vertex/global/batch         cache_read  0.05    0.1
gemini-4-argon  vertex/global/batch         input       1       2
gemini-4-argon  vertex/global/batch         output      5       10
gemini-4-argon  vertex/global/standard      cache_read  0.1     0.2
gemini-4-argon  vertex/global/standard      input       2       4
gemini-4-argon  vertex/global/standard      output      10      20
"#);
    folder.write("old.yaml", OWN);
    folder.write("new.yaml", &OWN.replace("output: 24", "output: 241"));
    let changes = folder.json("prices diff old.yaml new.yaml");
    assert_eq!(changes["changes"].as_array().unwrap().len(), 1);
    assert_eq!(changes["changes"][0]["bucket"], "output");
    assert_eq!(changes["changes"][0]["before"]["usd"], "24");
    assert_eq!(changes["changes"][0]["review"], true);
}

#[test]
fn a_file_of_ones_own_is_checked() {
    let folder = Folder::new();
    folder.write("own.yaml", OWN);
    let (code, out, _) = run(&folder, "prices check own.yaml");
    assert_eq!(code, 0);
    assert!(out.starts_with("ok: "), "{out}");
    folder.write("own.yaml", &OWN.replace("        source: contract\n", ""));
    let (code, _, err) = run(&folder, "prices check own.yaml");
    assert_eq!(code, 2);
    assert!(err.contains("own.yaml:7: `gpt-5.5`: a price without a source"), "{err}");
    let (code, out, _) = run(&folder, "prices check own.yaml --format json");
    assert_eq!(code, 2);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["ok"], &report["problems"][0]["line"]), (&json!(false), &json!(7)));
}

#[test]
fn a_newer_file_is_taken_but_not_a_strange_one() {
    let folder = Folder::new();
    let newer = folder.path().join("prices/own.yaml");
    folder.write("own.yaml", OWN);
    let (code, out, _) = run(&folder, "prices update own.yaml --dry-run");
    assert_eq!((code, newer.exists()), (0, false), "{out}");
    let (code, out, err) = run(&folder, "prices update own.yaml");
    assert_eq!((code, newer.exists()), (0, true), "{err}");
    assert!(out.contains("wrote prices/own.yaml"), "{out}");
    folder.write("own.yaml", &OWN.replace("input: 4", "input: 41"));
    let (code, out, err) = run(&folder, "prices update own.yaml");
    assert_eq!(code, 1);
    assert!(out.contains("more than 10x: review") && out.contains("nothing written"), "{out}");
    assert!(err.contains("1 change of more than ten times"), "{err}");
    assert_eq!(std::fs::read_to_string(&newer).unwrap(), OWN);
    let (code, ..) = run(&folder, "prices update own.yaml --accept-large");
    assert_eq!(code, 0);
    assert!(std::fs::read_to_string(&newer).unwrap().contains("input: 41"));
}

#[test]
fn a_public_catalogue_is_held_against_ours() {
    let folder = Folder::new();
    let theirs = json!({ "gpt-5.5": { "litellm_provider": "openai",
        "input_cost_per_token": 5e-6, "cache_read_input_token_cost": 5e-7,
        "output_cost_per_token": 6e-5, "input_cost_per_token_above_272k_tokens": 1e-5,
        "cache_read_input_token_cost_above_272k_tokens": 1e-6,
        "output_cost_per_token_above_272k_tokens": 4.5e-5 } });
    folder.write("theirs.json", &theirs.to_string());
    let line = "prices import --from litellm theirs.json --at 2026-11-22";
    let (code, out, err) = run(&folder, line);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_snapshot!(out, @r#"
MODEL    CHANNEL                 PRICE OF  OURS  THEIRS  SUSPECTED REASON
gpt-5.5  openai/global/standard  output    30    60      a batch or an introductory price

6 prices compared, 1 disagreement; not in ours: 0 rows
"#);
    let (code, _, err) = run(&folder, "prices import --from genai-prices theirs.json");
    assert_eq!(code, 2);
    assert!(err.contains("not a catalogue of that format"), "{err}");
}

#[test]
fn a_call_is_priced_or_said_to_be_unpriced() {
    let folder = Folder::new();
    let cost = |rest: &str| run(&folder, &format!("prices cost {rest} --at 2026-11-22"));
    let sol = "--model gpt-6.1-sol --usage {\"input\":1000,\"output\":100} --channel";
    for (channel, wanted) in [
        ("openai/global/standard", "$0.003 (priced, by openai.yaml"),
        ("openai/geo:eu", "$0.0033 (priced"),
        ("openai/global/ultrafast", "$0.018 (priced"),
        ("azure/geo:eu/standard", "$0.0036 (priced"),
    ] {
        let (code, out, err) = cost(&format!("{sol} {channel}"));
        assert_eq!((code, err.as_str()), (0, ""), "{channel}");
        assert!(out.starts_with(wanted), "{channel}: {out}");
    }
    for (channel, wanted) in [
        ("azure", "has no price where the scope is not known"),
        ("openai/global/turbo", "has no price for the service tier `turbo`"),
        ("elsewhere/global", "there is no price list of `elsewhere`"),
    ] {
        let (code, out, err) = cost(&format!("{sol} {channel}"));
        assert_eq!((code, out.as_str()), (1, "no price (unpriced)"), "{channel}");
        assert!(err.contains(wanted), "{channel}: {err}");
    }
    for (rest, wanted) in [
        ("--model m --channel openai/global --usage {\"inputs\":1}", "usage has no `inputs`"),
        ("--model m --channel openai/global --usage {\"input\":-1}", "invalid value"),
        ("--model m --channel a/b/c/d --usage {\"input\":1}", "expected surface/scope/tier"),
        ("--model m --channel openai", "--usage <JSON>"),
    ] {
        let (code, _, err) = cost(rest);
        assert_eq!(code, 2, "{rest}");
        assert!(err.contains(wanted), "{rest}: {err}");
    }
}

#[test]
fn prices_of_the_configuration_win() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("prices")).unwrap();
    folder.write("prices/own.yaml", OWN);
    folder.write(
        "tieline.yaml",
        "version: 1\nproviders:\n  openai: { kind: openai, api_key: { env: ABSENT } }\n\
         models:\n  gpt-5.5: [openai]\nprices: prices/*.yaml\n",
    );
    let line = "prices cost --model gpt-5.5 --channel openai/global --usage {\"input\":1000000}";
    let priced = folder.json(line);
    assert_eq!((&priced["usd"], &priced["list_usd"]), (&json!("4"), &json!("10")));
    assert_eq!(priced["line"], "prices/own.yaml:7");
    let (code, _, err) = run(&folder, &format!("{line} --config gone.yaml"));
    assert_eq!(code, 2, "{err}");
    let absent = folder.path().join("tieline.yaml");
    let config = std::fs::read_to_string(&absent).unwrap().replace("ABSENT", "KEY");
    folder.write("tieline.yaml", &config);
    assert_eq!(folder.run("check").0, 0);
    folder.write("prices/own.yaml", &OWN.replace("input: 4", "inputs: 4"));
    let (code, _, err) = run(&folder, "check");
    assert_eq!(code, 2);
    assert!(err.contains("prices/own.yaml:7"), "{err}");
    let (code, out, _) = run(&folder, "check --format json");
    assert_eq!((code, out.contains("prices/own.yaml:7")), (2, true), "{out}");
}

#[test]
fn a_batch_has_a_line_for_each_line() {
    let folder = Folder::new();
    let call = |channel: &str, usage: Value| {
        let at = "2026-11-22";
        json!({ "model": "whisper-large-v3", "channel": channel, "usage": usage, "at": at })
    };
    let calls = [
        call("groq/global", json!({ "audio_seconds": 3 })),
        call("groq/global", json!({ "audio_seconds": 20.5, "input": 5 })),
        call("groq/global", json!({ "characters": 5 })),
        call("openai/global", json!({ "audio_seconds": 3 })),
    ];
    let lines: Vec<String> = calls.iter().map(ToString::to_string).collect();
    folder.write("calls.jsonl", &lines.join("\n"));
    let (code, out, err) = folder.run("prices cost --batch calls.jsonl");
    assert_eq!((code, err.as_str()), (0, ""));
    let results: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |key: &str| -> Vec<Value> { results.iter().map(|one| one[key].clone()).collect() };
    assert_eq!(
        told("usd"),
        [json!("0.000308333333"), json!("0.000632083333"), Value::Null, Value::Null]
    );
    assert_eq!(told("state"), ["priced", "partial", "unpriced", "unpriced"]);
    assert_eq!(told("lacks"), [Value::Null, json!("bucket"), json!("bucket"), json!("model")]);
}

/// A whole answer of a dialect with this usage.
fn answer(id: DialectId, usage: &Value) -> Value {
    match id {
        DialectId::AnthropicMessages => json!({ "id": "m", "type": "message", "role": "assistant",
            "model": "m", "content": [{ "type": "text", "text": "a" }], "stop_reason": "end_turn",
            "usage": usage }),
        DialectId::BedrockConverse => json!({ "output": { "message": { "role": "assistant",
            "content": [{ "text": "a" }] } }, "stopReason": "end_turn", "usage": usage }),
        _ => json!({ "id": "r", "object": "response", "status": "completed", "model": "m",
            "output": [{ "type": "message", "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": "a", "annotations": [] }] }],
            "usage": usage }),
    }
}

#[test]
fn the_providers_own_counts_come_to_the_worked_out_cost() {
    let cases = include_str!("../../../catalog/tests/data/pricing_cases.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    let folder = Folder::new();
    let mut priced = Vec::new();
    for case in &cases {
        let raw = &case["raw_usage"];
        let (id, channel) = match case["channel"].as_str().unwrap() {
            "anthropic/direct/standard" => (DialectId::AnthropicMessages, "anthropic/global"),
            "openai/direct/flex" => (DialectId::OpenaiResponses, "openai/global/flex"),
            "openai/direct/ultrafast" => (DialectId::OpenaiResponses, "openai/global/ultrafast"),
            "bedrock/eu" => (DialectId::BedrockConverse, "bedrock"),
            _ => continue,
        };
        if raw.is_null() {
            continue;
        }
        let reply = dialect(id).read_response(answer(id, raw).to_string().as_bytes()).unwrap();
        let usage = serde_json::to_string(&reply.usage.unwrap()).unwrap();
        let (model, at) = (case["model"].as_str().unwrap(), case["at"].as_str().unwrap());
        let line = format!("--model {model} --channel {channel} --usage {usage} --at {at}");
        let cost = folder.json(&format!("prices cost {line}"));
        assert_eq!(cost["usd"], case["expected_usd"], "{}", case["id"]);
        priced.push(case["id"].as_str().unwrap());
    }
    assert_eq!(priced, ["A1", "B-flex", "B-ultrafast", "Q10"]);
}

#[test]
fn the_price_files_of_the_guide_are_good() {
    let guide = include_str!("../../../../docs/guide/cost.md");
    let blocks = guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let files: Vec<&str> = blocks.filter(|block| block.starts_with("surface:")).collect();
    assert_eq!(files.len(), 2);
    let folder = Folder::new();
    for file in files {
        folder.write("own.yaml", file);
        let (code, _, err) = run(&folder, "prices check own.yaml");
        assert_eq!(code, 0, "{err}");
    }
}

#[test]
fn the_answers_of_the_guide_are_those_of_the_command() {
    let guide = include_str!("../../../../docs/guide/cost.md");
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("prices")).unwrap();
    let blocks = guide.split("```yaml\n").filter_map(|rest| rest.split("```").next());
    let contract = blocks.into_iter().find(|block| block.starts_with("surface: azure"));
    folder.write("prices/contract.yaml", contract.unwrap());
    let mut asked = 0;
    for block in guide.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let block = block.replace(" \\\n", " ").replace('\'', "");
        let commands = block.split("$ tieline ").filter_map(|one| one.split_once('\n'));
        for (command, wanted) in commands.filter(|(command, _)| command.starts_with("prices")) {
            let (_, out, err) = run(&folder, command);
            let told = [out, err].into_iter().filter(|text| !text.is_empty());
            let told: Vec<String> = told.collect();
            assert_eq!(unnumbered(&told.join("\n")), unnumbered(wanted), "{command}");
            asked += 1;
        }
    }
    assert_eq!(asked, 9);
}
