//! Configuration files: written, checked, refused.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::Folder;

const GOOD: &str = "\
version: 1
providers:
  openai: { kind: openai, api_key: { env: KEY } }
models:
  gpt-5.5: [openai]
features:
  chat: { tiers: [ { models: [gpt-5.5] } ] }
";

const BAD: &str = "\
version: 1
providers:
  openai: { kind: openai, api_key: { env: KEY } }
models:
  gpt-5.5: [opnai]
";

#[test]
fn a_good_file_is_counted() {
    let folder = Folder::new();
    folder.write("tieline.yaml", GOOD);
    let (code, out, err) = folder.run("check");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_snapshot!(out, @"ok: 1 provider, 1 model, 1 deployment, 1 feature");
    let counts = json!({
        "ok": true, "findings": [], "providers": 1, "models": 1, "deployments": 1, "features": 1,
    });
    assert_eq!(folder.json("check"), counts);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a check writes nothing");
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let folder = Folder::new();
    folder.write("tieline.yaml", BAD);
    for line in ["check", "serve"] {
        let (code, out, err) = folder.run(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.contains("opnai") && err.contains("did you mean `openai`?"), "{err}");
    }
    let (code, out, err) = folder.run("check --format json");
    assert_eq!((code, err.as_str()), (2, ""));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["problems"][0]["line"], 5);
}

#[test]
fn an_open_door_is_refused_by_check_as_by_serve() {
    let folder = Folder::new();
    let open = format!("{GOOD}server: {{ listen: \"0.0.0.0:0\", admin: \"off\" }}\n");
    folder.write("tieline.yaml", &open);
    for line in ["check", "serve"] {
        let (code, _, err) = folder.run(line);
        assert_eq!(code, 2, "{line}: {err}");
        assert!(err.contains("there are no API keys"), "{line}: {err}");
    }
    folder.json("key create web");
    assert_eq!(folder.json("check")["ok"], true);
}

#[test]
fn init_writes_a_file_that_checks_and_never_overwrites() {
    let folder = Folder::new();
    let init = |folder: &Folder| folder.command("init").env("OPENAI_API_KEY", "k").output();
    assert!(init(&folder).unwrap().status.success());
    let check = folder.command("check").env("OPENAI_API_KEY", "k").output().unwrap();
    assert!(check.status.success());

    folder.write("tieline.yaml", "mine");
    assert_eq!(init(&folder).unwrap().status.code(), Some(2));
    assert_eq!(fs::read_to_string(folder.path().join("tieline.yaml")).unwrap(), "mine");
}

#[test]
fn the_schemas_are_json() {
    for (command, key) in [("schema", "providers"), ("schema suite", "graders")] {
        let (code, out, _) = Folder::new().run(command);
        assert_eq!(code, 0);
        let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(schema["properties"][key].is_object(), "{command}");
    }
}

#[test]
fn the_ledger_is_found_without_the_credentials() {
    let folder = Folder::new();
    folder.write("tieline.yaml", &GOOD.replace("env: KEY", "env: NOT_SET"));
    assert_eq!(folder.run("check").0, 2, "serve would need the credential");
    assert_eq!(folder.json("key list"), json!({ "keys": [] }));
    assert_eq!(folder.json("log"), json!({ "requests": [] }));
}

/// Breaks lines between words, so that none has more than 90 characters.
fn folded(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        for word in line.split(' ') {
            let breaks = column > 0 && column + word.len() > 90;
            out.push_str(if breaks {
                "\n"
            } else if column > 0 {
                " "
            } else {
                ""
            });
            out.push_str(word);
            column = if breaks { word.len() } else { column + 1 + word.len() };
        }
        out.push('\n');
    }
    out
}

#[test]
fn simulations_say_what_to_do() {
    let folder = Folder::new();
    folder.write("quotas.json", r#"[{"provider":"openai","rpm":60}]"#);
    folder.write("faults.json", r#"[{"provider":"openai","fault":"explode"}]"#);
    let said = |line: &str| {
        let (code, out, err) = folder.run(line);
        folded(&format!("exit {code}\n{out}{err}"))
    };
    assert_snapshot!(said("sim acme=127.0.0.1:0"), @r#"
    exit 2
    error: invalid value 'acme=127.0.0.1:0' for '[[NAME:]KIND=ADDRESS]...': unknown provider
    kind `acme`; there are openai, azure-openai, anthropic, bedrock, openai-compatible

    For more information, try '--help'.
    "#);
    assert_snapshot!(said("sim openai=127.0.0.1:0 openai=127.0.0.1:0"), @r#"
    exit 2
    error: two providers are called `openai`
    hint: give one of them another name, such as `other:openai=127.0.0.1:0`
    "#);
    assert_snapshot!(said("sim openai=127.0.0.1:0 --faults faults.json"), @r#"
    exit 2
    error: faults.json: unknown fault `explode` at line 1 column 40
    hint: `tieline sim --help` shows how faults are written
    "#);
    assert_snapshot!(said("sim openai=127.0.0.1:0 --quotas quotas.json"), @r#"
    exit 2
    error: quotas.json: unknown field `rpm`, expected one of `provider`, `model`, `from`,
    `until`, `requests_per_minute`, `tokens_per_minute`, `input_tokens_per_minute`,
    `output_tokens_per_minute`, `window`, `ramp` at line 1 column 27
    hint: `tieline sim --help` shows how quotas are written
    "#);
}

#[test]
fn failures_say_what_to_do() {
    let folder = Folder::new();
    folder.write("tieline.yaml", "mine");
    let said = |line: &str| {
        let (code, out, err) = folder.run(line);
        folded(&format!("exit {code}\n{out}{err}"))
    };
    assert_snapshot!(said("init"), @r#"
    exit 2
    error: tieline.yaml exists already
    hint: name another file with --config, or remove this one
    "#);
    assert_snapshot!(said("key revoke nobody --db t.db"), @r#"
    exit 2
    error: there is no key nobody
    hint: `tieline key list` shows the ids of all keys
    "#);
    assert_snapshot!(said("log --outcome bad"), @r#"
    exit 2
    error: invalid value 'bad' for '--outcome <OUTCOME>': unknown variant `bad`, expected one
    of `served`, `degraded`, `refused`, `failed`, `broken`, `cancelled`

    For more information, try '--help'.
    "#);
    assert_snapshot!(said("log show req_none --db t.db"), @r#"
    exit 2
    error: there is no request req_none in the ledger
    hint: `tieline log` shows the latest; a new one takes a moment to arrive
    "#);
    assert_snapshot!(said("log --db nowhere/t.db"), @r#"
    exit 4
    error: cannot open the ledger nowhere/t.db; check that it is writable and that no tool
    locks it: unable to open database file: nowhere/t.db: Error code 14: unable to open
    database file
    "#);
    assert_snapshot!(said("demo --listen 0.0.0.0:0"), @r#"
    exit 2
    error: refusing to listen on 0.0.0.0:0: it can be reached from other machines and there
    are no API keys (make one with `tieline key create NAME`, or listen on 127.0.0.1)
    "#);
    assert_snapshot!(said("demo --seconds 1"), @r#"
    exit 2
    error: invalid value '1' for '--seconds <N>': 1 is not in 4..=86400

    For more information, try '--help'.
    "#);
    assert_snapshot!(said("nothing"), @r#"
    exit 2
    error: unrecognized subcommand 'nothing'

      tip: a similar subcommand exists: 'contingency'

    Usage: tieline <COMMAND>

    For more information, try '--help'.
    "#);
}
