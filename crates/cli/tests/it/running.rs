//! Commands that run: simulated providers, the gateway in front of them, the demonstration.

use std::{io::Write as _, net::TcpStream};

use serde_json::{Value, json};

use crate::support::{Folder, Server, chat, post, read_all, read_until};

const CREDENTIAL: &str = "authorization: Bearer any\r\n";

/// Providers that answer with the given options.
fn sim(folder: &Folder, options: &str) -> Server {
    folder.start(&format!("sim openai=127.0.0.1:0 spare:openai=127.0.0.1:0 {options}"))
}

fn authority(server: &Server, provider: usize) -> String {
    let url = server.ready["providers"][provider]["url"].as_str().unwrap();
    url.strip_prefix("http://").unwrap().to_owned()
}

/// A gateway in front of both simulated providers.
fn serve(folder: &Folder, sim: &Server) -> (Server, String) {
    folder.write(
        "tieline.yaml",
        &format!(
            "\
version: 1
server: {{ listen: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 }}
ledger: {{ path: books/tieline.db }}
providers:
  first: {{ kind: openai, base_url: 'http://{}/v1', api_key: {{ env: KEY }} }}
  second: {{ kind: openai, base_url: 'http://{}/v1', api_key: {{ env: KEY }} }}
models:
  gpt-5.5: [first, second]
features:
  answers: {{ tiers: [ {{ models: [gpt-5.5] }} ] }}
",
            authority(sim, 0),
            authority(sim, 1)
        ),
    );
    let server = folder.start("serve --seed 1");
    let listen = server.ready["listen"].as_str().unwrap().to_owned();
    (server, listen)
}

/// The requests in the ledger, once there are any; records arrive a moment after the answer.
fn logged(folder: &Folder, conditions: &str) -> Vec<Value> {
    for _ in 0..500 {
        let log = folder.json(&format!("log {conditions}"));
        let requests = log["requests"].as_array().unwrap();
        if !requests.is_empty() {
            return requests.clone();
        }
    }
    panic!("the request never arrives in the ledger");
}

#[test]
fn the_simulator_answers() {
    let folder = Folder::new();
    let mut sim = sim(&folder, "--first-token 0ms --per-token 0ms --reply-tokens 3");
    assert_eq!(sim.ready["providers"][1]["name"], "spare");
    assert_eq!(sim.ready["providers"][1]["kind"], "openai");
    for (credential, status) in [(CREDENTIAL, "200"), ("", "401")] {
        let to = authority(&sim, 0);
        let mut stream = post(&to, "/v1/chat/completions", credential, &chat("m", false));
        let answer = read_all(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    sim.signal("-INT");
    assert_eq!(sim.wait(), 0);
}

#[test]
fn the_gateway_falls_back_and_the_log_tells() {
    let folder = Folder::new();
    folder.write("faults.json", r#"[{"provider":"openai","fault":"status=503"}]"#);
    let sim = sim(&folder, "--faults faults.json --first-token 0ms --per-token 0ms");
    let (mut server, listen) = serve(&folder, &sim);
    let mut stream = post(&listen, "/v1/chat/completions", "", &chat("answers", false));
    let answer = read_all(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let requests = logged(&folder, "--feature answers --fault overloaded --since 1h --limit 1");
    let request = &requests[0];
    assert_eq!(request["outcome"], "served");
    assert_eq!(request["deployment"], "gpt-5.5@second");
    let id = request["id"].as_str().unwrap();
    assert!(answer.contains(id), "the answer names its request: {answer}");
    assert_eq!(folder.json(&format!("log show {id}")), *request);
    let (_, shown, _) = folder.run(&format!("log show {id}"));
    for part in ["gpt-5.5@first", "overloaded", "gpt-5.5@second", "served (HTTP 200)"] {
        assert!(shown.contains(part), "{part} is not shown: {shown}");
    }
    for conditions in ["--outcome failed", "--until 2020-01-01T00:00:00Z", "--caller nobody"] {
        assert_eq!(folder.json(&format!("log {conditions}")), json!({ "requests": [] }));
    }
    server.signal("-TERM");
    assert_eq!(server.wait(), 0);
}

#[test]
fn a_deployment_is_drained_and_put_back() {
    let folder = Folder::new();
    let sim = sim(&folder, "--first-token 0ms --per-token 0ms");
    let (server, listen) = serve(&folder, &sim);
    let admin = server.ready["admin"].as_str().unwrap();
    let answered_by = || {
        let mut stream = post(&listen, "/v1/chat/completions", "", &chat("answers", false));
        let answer = read_all(&mut stream);
        let by = answer.lines().find_map(|line| line.strip_prefix("x-tieline-deployment: "));
        by.unwrap().to_owned()
    };
    assert_eq!(answered_by(), "gpt-5.5@first");
    let drained = folder.json(&format!("deployment drain gpt-5.5@first --admin {admin}"));
    assert_eq!(drained["state"], "drained");
    assert_eq!(answered_by(), "gpt-5.5@second");
    let status = folder.json(&format!("status --admin {admin}"));
    assert_eq!(status["deployments"][0]["state"], "drained");
    let (code, shown, _) = folder.run(&format!("status --admin {admin}"));
    assert_eq!(code, 0);
    for part in ["gpt-5.5@first", "drained", "closed", "answers", "models", "100"] {
        assert!(shown.contains(part), "{part} is not shown: {shown}");
    }
    folder.run(&format!("deployment drain gpt-5.5@second --admin {admin}"));
    let mut stream = post(&listen, "/v1/chat/completions", "", &chat("answers", false));
    let answer = read_all(&mut stream);
    assert!(answer.contains("gpt-5.5@first (drained), gpt-5.5@second (drained)"), "{answer}");
    folder.run(&format!("deployment undrain gpt-5.5@first --admin {admin}"));
    assert_eq!(answered_by(), "gpt-5.5@first");
    let mut stream = TcpStream::connect(admin).unwrap();
    let body = json!({ "drained": true }).to_string();
    write!(
        stream,
        "PUT /deployments/gpt-5.5@first HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    assert!(read_all(&mut stream).starts_with("HTTP/1.1 403"), "a name that resolves to it");
    let (code, _, told) = folder.run(&format!("deployment drain nothing@first --admin {admin}"));
    assert_eq!(code, 2);
    assert!(told.contains("no deployment `nothing@first`"), "{told}");
    let suspended = folder.json(&format!("deployment suspend gpt-5.5@first --admin {admin}"));
    assert_eq!(suspended["state"], "suspended");
    assert_eq!(answered_by(), "gpt-5.5@first", "the other is drained");
    let resumed = folder.json(&format!("deployment resume gpt-5.5@first --admin {admin}"));
    assert_eq!(resumed["state"], "closed");
}

/// The changes in the ledger, once there are so many; records arrive a moment after the answer.
fn audited(folder: &Folder, count: usize) -> Vec<Value> {
    for _ in 0..500 {
        let audit = folder.json("audit");
        let changes = audit["changes"].as_array().unwrap();
        if changes.len() == count {
            return changes.clone();
        }
    }
    panic!("the changes never arrive in the ledger");
}

/// What the admin listener gives at a path.
fn got(admin: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n").unwrap();
    read_all(&mut stream)
}

#[test]
fn changes_are_on_record_and_outlast_a_restart() {
    let folder = Folder::new();
    let sim = sim(&folder, "--first-token 0ms --per-token 0ms");
    let (mut server, _) = serve(&folder, &sim);
    let admin = server.ready["admin"].as_str().unwrap().to_owned();
    let drain = format!("deployment drain gpt-5.5@first --admin {admin}");
    assert!(folder.command(&drain).env("USER", "robin").output().unwrap().status.success());
    let changes = audited(&folder, 1);
    assert_eq!(changes[0]["claimed"], "robin");
    assert!(changes[0]["actor"].as_str().unwrap().starts_with("127.0.0.1:"), "{changes:?}");
    for (member, value) in [
        ("action", "drain"),
        ("subject", "gpt-5.5@first"),
        ("before", "in service"),
        ("after", "drained"),
        ("result", "applied"),
    ] {
        assert_eq!(changes[0][member], value, "{changes:?}");
    }
    folder.run(&format!("deployment undrain gpt-5.5@second --admin {admin}"));
    let changes = audited(&folder, 2);
    assert_eq!((&changes[0]["action"], &changes[0]["claimed"]), (&json!("undrain"), &Value::Null));
    assert_eq!(folder.json("audit --limit 1")["changes"], json!([changes[0]]));
    assert_eq!(folder.json("audit --since 2099-01-01T00:00:00Z")["changes"], json!([]));
    let (code, shown, _) = folder.run("audit --since 1h");
    assert_eq!(code, 0);
    for part in ["SAYS IT IS", "robin", "drain", "gpt-5.5@first", "in service", "applied"] {
        assert!(shown.contains(part), "{part} is not shown: {shown}");
    }
    let told = got(&admin, "/audit?limit=1");
    assert!(told.starts_with("HTTP/1.1 200") && told.contains("undrain"), "{told}");
    assert!(!told.contains("robin"), "the newest one only: {told}");
    assert!(got(&admin, "/audit?limit=all").starts_with("HTTP/1.1 400"));

    server.signal("-TERM");
    assert_eq!(server.wait(), 0);
    let (server, _) = serve(&folder, &sim);
    let admin = server.ready["admin"].as_str().unwrap();
    let status = folder.json(&format!("status --admin {admin}"));
    let states = [0, 1].map(|at| status["deployments"][at]["state"].clone());
    assert_eq!(states, ["drained", "closed"]);
}

#[test]
fn a_gateway_that_is_not_there_is_said_so() {
    let folder = Folder::new();
    let (code, _, told) = folder.run("status --admin 127.0.0.1:1");
    assert_eq!(code, 4);
    assert!(told.contains("no gateway answers at 127.0.0.1:1"), "{told}");
    assert!(told.contains("hint: start it with `tieline serve`"), "{told}");
}

#[test]
fn a_signal_lets_open_streams_finish() {
    let folder = Folder::new();
    let sim = sim(&folder, "--first-token 10ms --per-token 30ms --reply-tokens 30");
    let (mut server, listen) = serve(&folder, &sim);
    let mut stream = post(&listen, "/v1/chat/completions", "", &chat("answers", true));
    let begun = read_until(&mut stream, "\"content\":\"");
    assert!(!begun.contains("[DONE]"));
    server.signal("-TERM");
    assert!(read_all(&mut stream).contains("[DONE]"), "the stream ends whole");
    assert_eq!(server.wait(), 0);
    assert_eq!(logged(&folder, "--outcome served").len(), 1, "its record is safe");
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = Folder::new();
    folder.write("faults.json", r#"[{"provider":"openai","fault":"stall-after=3"}]"#);
    let sim = sim(&folder, "--faults faults.json --first-token 0ms --per-token 0ms");
    let (mut server, listen) = serve(&folder, &sim);
    let mut stream = post(&listen, "/v1/chat/completions", "", &chat("answers", true));
    read_until(&mut stream, "\"content\":\"");
    server.signal("-TERM");
    server.says("stopping");
    server.signal("-TERM");
    assert_eq!(server.wait(), 4);
}

#[test]
fn a_changed_file_is_taken_while_running() {
    let folder = Folder::new();
    let sim = sim(&folder, "--first-token 0ms --per-token 0ms");
    let (mut server, listen) = serve(&folder, &sim);
    let file = std::fs::read_to_string(folder.path().join("tieline.yaml")).unwrap();
    folder.write("tieline.yaml", &file.replace("answers:", "renamed:"));
    server.signal("-HUP");
    server.says("configuration reloaded");
    let mut stream = post(&listen, "/v1/chat/completions", "", &chat("renamed", false));
    assert!(read_all(&mut stream).starts_with("HTTP/1.1 200"));
}

#[test]
fn the_demonstration_loses_nothing() {
    let folder = Folder::new();
    let summary = folder.json("demo --seconds 6");
    assert_eq!(summary["lost"], 0);
    assert_eq!(summary["ledger"]["agrees"], true);
    assert_eq!(summary["outage"]["provider"], "anthropic");
    assert!(summary["requests"].as_u64().unwrap() >= 30, "{summary}");
    assert_eq!(summary["requests"], summary["served"]);
    for feature in ["support-reply", "ticket-summary"] {
        let deployments = summary["features"][feature]["deployments"].as_object().unwrap();
        assert!(deployments.len() > 1, "{feature}: {deployments:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves nothing behind");
}

#[test]
fn without_a_terminal_the_demonstration_prints_lines() {
    let (code, out, err) = Folder::new().run("demo --seconds 4 --seed 2");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for part in ["curl http://127.0.0.1:", "from openai import", "outage begins", "ANSWERED BY"] {
        assert!(out.contains(part), "{part} is missing: {out}");
    }
    assert!(!out.contains('\u{1b}'), "no escape sequences: {out}");
}

/// What the admin listener says to a request with a body.
fn sent(admin: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\nx-tieline-actor: \
         robin\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    read_all(&mut stream)
}

#[test]
fn a_drill_is_begun_shown_and_halted() {
    let folder = Folder::new();
    let sim = sim(&folder, "--first-token 0ms --per-token 0ms");
    let (server, _) = serve(&folder, &sim);
    let admin = server.ready["admin"].as_str().unwrap();
    let path = "/admin/drills";
    let refused = got(admin, path);
    assert!(refused.starts_with("HTTP/1.1 409") && refused.contains("no drills are configured"));
    drop(server);
    let text = std::fs::read_to_string(folder.path().join("tieline.yaml")).unwrap();
    folder.write("drill.key", "0123456789abcdef0123456789abcdef");
    folder.write("tieline.yaml", &format!("{text}drills: {{ key: {{ file: drill.key }} }}\n"));
    let server = folder.start("serve --seed 1");
    let listen = server.ready["listen"].as_str().unwrap();
    let admin = server.ready["admin"].as_str().unwrap();
    let drill = json!({
        "name": "first-outage",
        "faults": [{ "select": { "provider": "first" }, "do": { "kind": "connect_refused" } }],
        "scope": { "percent": 25 },
    });
    assert!(got(admin, path).contains("{\"drill\":null,\"tokens\":[]}"));
    assert!(sent(admin, "DELETE", path, "").starts_with("HTTP/1.1 404"));
    let wrong = sent(admin, "POST", path, &json!({ "name": "x", "faults": [] }).to_string());
    assert!(wrong.starts_with("HTTP/1.1 400") && wrong.contains("1 to 16 faults"), "{wrong}");
    let begun = sent(admin, "POST", path, &drill.to_string());
    assert!(
        begun.starts_with("HTTP/1.1 200") && begun.contains("\"state\":\"running\""),
        "{begun}"
    );
    let again = sent(admin, "POST", path, &drill.to_string());
    assert!(again.starts_with("HTTP/1.1 409") && again.contains("halt it first"), "{again}");
    let drilled = (0..200).any(|number| {
        let asked = json!({
            "model": "answers", "messages": [{ "role": "user", "content": format!("{number}") }],
        });
        let mut stream = post(listen, "/v1/chat/completions", "", &asked);
        read_all(&mut stream).contains("x-tieline-drill: first-outage")
    });
    assert!(drilled && got(admin, path).contains("\"connect_refused\":1"));
    let halted = sent(admin, "DELETE", path, "");
    assert!(halted.contains("\"state\":\"ended\"") && halted.contains("\"by\":\"halted\""));
    let changes = audited(&folder, 2);
    assert_eq!(
        (&changes[0]["action"], &changes[0]["claimed"]),
        (&json!("drill_ended"), &json!("robin"))
    );
    assert_eq!(changes[1]["action"], "drill_began");
}
