//! Logs of production requests. All of them, and the secrets in them, are made up.

use std::path::Path;

use serde_json::{Value, json};
use tieline_eval::{
    Suite,
    import::{Imported, Requests, Source, requests},
    scrub::{Scrubber, Secret},
};

use super::{Folder, lost};

fn options() -> Requests {
    Requests {
        feature: "reply".to_owned(),
        sample: None,
        seed: 1,
        keep_answers: false,
        scrubber: Some(Scrubber::new(&[]).unwrap()),
        salt: [7; 32],
        judge: None,
    }
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn made(values: &[Value], options: &Requests) -> Imported {
    let text = lines(values);
    requests(&[Source { name: "log.jsonl", bytes: text.as_bytes() }], options).unwrap()
}

/// The cases of the first suite.
fn cases(made: &Imported) -> Vec<Value> {
    let file = made.files.first().map(|(_, text)| text.as_str()).unwrap_or_default();
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A suite as it is written, read again with its cases.
fn read_again(made: &Imported, at: usize) -> Suite {
    let (name, suite) = &made.suites[at];
    let file = (format!("{name}.yaml"), suite.to_yaml().unwrap());
    let files = made.files.iter().cloned().chain([file]);
    let folder = Folder(files.map(|(name, text)| (name, text.into_bytes())).collect());
    let read = Suite::read(Path::new(&format!("{name}.yaml")), &folder);
    read.unwrap_or_else(|problems| panic!("{problems}"))
}

fn chat(text: &str) -> Value {
    json!({
        "model": "gpt-5.5", "temperature": 0, "stream": true, "user": "ada",
        "messages": [
            { "role": "system", "content": "Be kind." },
            { "role": "user", "content": text },
        ],
    })
}

/// Answers of Chat Completions and of Responses.
fn answered(text: &str) -> [Value; 2] {
    let message = json!({ "role": "assistant", "content": text });
    let parts = json!([{ "type": "output_text", "text": text }]);
    [
        json!({ "object": "chat.completion", "choices": [{ "index": 0, "message": message }] }),
        json!({ "object": "response", "output": [
            { "type": "reasoning", "summary": [] },
            { "type": "message", "role": "assistant", "content": parts },
        ] }),
    ]
}

#[test]
fn every_form_that_people_have_gives_the_same_case() {
    let body = chat("Where is my parcel?");
    let [completion, response] = answered("On its way.");
    let input = json!({
        "model": "gpt-5.5", "temperature": 0, "instructions": "Be kind.", "store": true,
        "input": [{
            "role": "user",
            "content": [{ "type": "input_text", "text": "Where is my parcel?" }],
        }],
    });
    let mut stored = body.clone();
    stored["object"] = json!("chat.completion");
    stored["choices"] = completion["choices"].clone();
    let mut trained = body.clone();
    trained["messages"].as_array_mut().unwrap().push(completion["choices"][0]["message"].clone());
    let batch =
        json!({ "custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body });
    let output = json!({
        "id": "batch_req_1", "custom_id": "a", "error": null,
        "response": { "status_code": 200, "body": completion },
    });
    let text = |value: &Value| Value::String(value.to_string());
    let forms = [
        vec![json!({ "request": body, "response": completion })],
        vec![json!({ "request": text(&body), "response": text(&completion) })],
        vec![json!({ "request": { "url": "https://x/v1/chat/completions", "body": body },
            "response": { "status": 200, "body": completion } })],
        vec![json!({ "request": input, "response": response })],
        vec![stored],
        vec![trained],
        vec![batch.clone(), output.clone()],
        vec![output, batch],
    ];
    let expected = json!([
        { "role": "system", "content": "Be kind." },
        { "role": "user", "content": "Where is my parcel?" },
    ]);
    let keeping = Requests { keep_answers: true, ..options() };
    let bare = cases(&made(&[body], &options()));
    for form in forms {
        let made = made(&form, &keeping);
        let cases = cases(&made);
        assert_eq!(cases.len(), 1, "{form:?}");
        assert_eq!(cases[0]["messages"], expected, "{form:?}");
        assert_eq!(cases[0]["reference"], "On its way.", "{form:?}");
        assert_eq!(cases[0]["id"], bare[0]["id"]);
        assert_eq!(
            Value::Object(made.suites[0].1.prompt.parameters.clone()),
            json!({ "temperature": 0 })
        );
        let suite = read_again(&made, 0);
        assert_eq!(suite.request(&suite.cases[0]).unwrap()["messages"], expected);
    }
    assert!(bare[0].get("reference").is_none(), "answers are kept only where that is wanted");
}

#[test]
fn nothing_of_a_secret_or_a_person_is_written_anywhere() {
    let mail = "ada@example.com";
    let card = "4111 1111 1111 1111";
    let mut body = chat(&format!("I am {mail}, call +49 171 2345678 or charge {card}."));
    let arguments = json!({ "mail": mail, "ip": "203.0.113.9" });
    let account = json!({ "iban": "DE89370400440532013000" });
    let messages = body["messages"].as_array_mut().unwrap();
    messages[1]["name"] = json!("Lovelace");
    messages.extend([
        json!({ "role": "assistant", "content": null, "tool_calls": [{
            "id": "1", "type": "function",
            "function": { "name": "find", "arguments": arguments.to_string() },
        }] }),
        json!({ "role": "tool", "tool_call_id": "1", "content": account.to_string() }),
    ]);
    body["metadata"] = json!({ "session_id": "session-of-ada" });
    body["stop"] = json!([mail]);
    body["tools"] = json!([{ "type": "function", "function": { "name": "find",
        "description": format!("ask {mail}"), "parameters": { "type": "object" } } }]);
    let [completion, _] = answered(&format!("Sent to {mail}, password: hunter22"));
    let log = json!({
        "request": body, "response": completion, "user_id": 4711, "client_ip": "203.0.113.9",
    });
    let keeping = Requests { keep_answers: true, ..options() };
    let made = made(&[log], &keeping);
    let yaml = made.suites[0].1.to_yaml().unwrap();
    let written = made.files.iter().map(|(_, text)| text.as_str()).chain([yaml.as_str()]);
    let all = written.collect::<String>() + &format!("{:?}", made.findings);
    for secret in [
        mail,
        "+49",
        "2345678",
        card,
        "203.0.113.9",
        "DE8937",
        "hunter22",
        "session-of-ada",
        "4711",
        "Lovelace",
        "\"ada\"",
    ] {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
    let case = &cases(&made)[0];
    assert_eq!(
        case["messages"][1]["content"],
        "I am <email-1>, call <phone-1> or charge <card-1>."
    );
    assert_eq!(case["reference"], "Sent to <email-1>, password: <credentials-1>");
    let found = made.requests.clone().unwrap().scrubbed.unwrap();
    assert_eq!((found[&Secret::Email], found[&Secret::Iban], found[&Secret::Ip]), (5, 1, 1));
    read_again(&made, 0);
    let raw = Requests { scrubber: None, ..options() };
    let made = self::made(&[chat(mail)], &raw);
    assert_eq!(cases(&made)[0]["messages"][1]["content"], mail, "it was wanted so");
    assert_eq!(made.requests.unwrap().scrubbed, None);
}

#[test]
fn what_is_not_independent_shares_a_cluster_that_tells_nothing() {
    let with = |key: &str, value: Value, text: &str| {
        let mut log = json!({ "request": chat(text) });
        log["request"].as_object_mut().unwrap().remove("user");
        log[key] = value;
        log
    };
    let log = [
        with("session_id", json!("s1"), "a"),
        with("session_id", json!("s1"), "b"),
        with("metadata", json!({ "session_id": "s1" }), "c"),
        with("session_id", json!("s2"), "d"),
        with("conversation", json!({ "id": "s1" }), "e"),
        with("x", json!(1), "f"),
    ];
    let clusters = |options: &Requests| -> Vec<String> {
        let cases = cases(&made(&log, options));
        cases.iter().map(|case| case["cluster"].as_str().unwrap().to_owned()).collect()
    };
    let all = clusters(&options());
    assert_eq!((&all[0], &all[0]), (&all[1], &all[2]));
    for other in &all[3..] {
        assert_eq!(all.iter().filter(|one| *one == other).count(), 1);
    }
    let salted = clusters(&Requests { salt: [8; 32], ..options() });
    assert!(all.iter().all(|cluster| !salted.contains(cluster)));
}

#[test]
fn a_seed_gives_the_same_sample_whatever_the_order() {
    let all: Vec<Value> = (0..300).map(|at| chat(&format!("question {at}"))).collect();
    let sampled = |log: &[Value], seed| {
        let made = made(log, &Requests { sample: Some(40), seed, ..options() });
        let mut texts: Vec<String> =
            cases(&made).iter().map(|case| case["messages"][1]["content"].to_string()).collect();
        texts.sort();
        texts
    };
    let first = sampled(&all, 1);
    assert_eq!(first.len(), 40);
    let reversed: Vec<Value> = all.iter().rev().cloned().collect();
    assert_eq!(sampled(&reversed, 1), first);
    assert_ne!(sampled(&all, 2), first);
    let grown = sampled(&[all.clone(), vec![chat("one more")]].concat(), 1);
    assert!(first.iter().filter(|text| !grown.contains(text)).count() <= 1);
    let twice = made(&[all.clone(), all].concat(), &options());
    let told = twice.requests.unwrap();
    assert_eq!((told.read, told.taken, told.same), (600, 300, 300));
}

#[test]
fn what_cannot_be_asked_again_is_left_out_and_told() {
    let part =
        |part: Value| json!({ "model": "m", "messages": [{ "role": "user", "content": [part] }] });
    let image =
        json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } });
    let text = lines(&[
        chat("fine"),
        part(image),
        part(json!({ "type": "input_audio", "input_audio": { "data": "AAAA" } })),
        part(json!({ "type": "hologram" })),
        json!({ "model": "text-embedding-3-large", "input": "x" }),
        json!({ "model": "m", "input": "go on", "previous_response_id": "r" }),
        json!({ "custom_id": "e", "url": "/v1/embeddings", "body": { "input": "x" } }),
        json!({ "level": "info" }),
    ]) + "no JSON of ada@example.com\n";
    let source = Source { name: "log.jsonl", bytes: text.as_bytes() };
    let made = requests(&[source], &options()).unwrap();
    assert_eq!(cases(&made).len(), 1);
    assert_eq!(
        lost(&made),
        [
            "log.jsonl:9:1 the line is not JSON, in column 2",
            "log.jsonl:8:1 left out here first: what is no request (1)",
            "log.jsonl:2:1 left out here first: requests with images, speech or files (2)",
            "log.jsonl:4:1 left out here first: requests with parts that are not known (1)",
            "log.jsonl:5:1 left out here first: requests that are no chat (2)",
            "log.jsonl:6:1 left out here first: requests that go on from what a provider keeps (1)",
            "reply.requests.jsonl:1:1 nothing says what is good but that it is no refusal",
        ]
    );
}

#[test]
fn requests_with_other_parameters_are_suites_of_their_own() {
    let warm = |text: &str| {
        let mut body = chat(text);
        body["temperature"] = json!(1);
        body
    };
    let judged = Requests { judge: Some("judge@x".to_owned()), ..options() };
    let made = made(&[warm("a"), chat("b"), chat("c"), chat("a")], &judged);
    let names: Vec<&str> = made.suites.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["reply", "reply-2"]);
    assert_eq!(lost(&made), Vec::<String>::new());
    for (at, count, temperature) in [(0, 3, 0), (1, 1, 1)] {
        let suite = read_again(&made, at);
        assert_eq!(suite.cases.len(), count);
        assert_eq!(suite.request(&suite.cases[0]).unwrap()["temperature"], temperature);
    }
}

#[test]
fn calls_of_tools_come_over_from_responses() {
    let body = json!({
        "model": "m", "max_output_tokens": 99, "reasoning": { "effort": "low" },
        "text": { "format": { "type": "json_schema", "name": "n", "schema": {} } },
        "tools": [{ "type": "function", "name": "find", "parameters": {}, "strict": true }],
        "input": [
            { "type": "message", "role": "user", "content": "x" },
            { "type": "function_call", "call_id": "1", "name": "find", "arguments": "{}" },
            { "type": "function_call", "call_id": "2", "name": "find", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "1", "output": "one" },
            { "type": "function_call_output", "call_id": "2", "output": "two" },
        ],
    });
    let made = made(&[body], &options());
    let messages = &cases(&made)[0]["messages"];
    assert_eq!(messages.as_array().unwrap().len(), 4);
    assert_eq!(messages[1]["tool_calls"][1]["id"], "2");
    assert_eq!(messages[3], json!({ "role": "tool", "tool_call_id": "2", "content": "two" }));
    let parameters = Value::Object(made.suites[0].1.prompt.parameters.clone());
    assert_eq!(
        parameters,
        json!({
            "max_completion_tokens": 99, "reasoning_effort": "low",
            "response_format": {
                "type": "json_schema", "json_schema": { "name": "n", "schema": {} },
            },
            "tools": [{ "type": "function",
                "function": { "name": "find", "parameters": {}, "strict": true } }],
        })
    );
}
