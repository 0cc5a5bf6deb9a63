//! From a run that passed to a deployment that serves, with the example's own files.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Folder, Server, post, read_all};

/// The files of the example.
fn example(name: &str) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/evals/releases").join(name);
    fs::read_to_string(path).unwrap()
}

/// The example with simulated providers on ports of their own, and a gateway that serves.
struct Stage {
    folder: Folder,
    _sim: Server,
    _gateway: Server,
    listen: String,
    admin: String,
}

impl Stage {
    /// `require` is what the feature wants of attestations; `attested` is who has one.
    fn open(require: &str, attested: &[&str]) -> Self {
        let folder = Folder::new();
        for name in ["answers.jsonl", "tickets.jsonl", "topics.yaml"] {
            folder.write(name, &example(name));
        }
        let sim = folder.start(
            "sim openai=127.0.0.1:0 azure:azure-openai=127.0.0.1:0 --first-token 0ms \
             --per-token 0ms --answers answers.jsonl --wrong gpt-6-preview=0.4",
        );
        let address = |provider: usize| {
            let url = sim.ready["providers"][provider]["url"].as_str().unwrap();
            url.strip_prefix("http://").unwrap().to_owned()
        };
        let server = "server: { listen: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 }\n";
        let config = example("tieline.yaml")
            .replace("127.0.0.1:9101", &address(0))
            .replace("127.0.0.1:9102", &address(1))
            .replace("env: OPENAI_API_KEY", "env: KEY")
            .replace("env: AZURE_API_KEY", "env: KEY")
            .replace("require: enforce", &format!("require: {require}"))
            .replace("\nproviders:", &format!("\n{server}\nproviders:"));
        folder.write("tieline.yaml", &config);
        let (code, public, _) = folder.run("eval keygen --out eval.key");
        assert_eq!(code, 0);
        folder.write("eval.pub", &public);
        fs::create_dir(folder.path().join("attestations")).unwrap();
        for (at, candidate) in attested.iter().enumerate() {
            let run = format!("eval run topics.yaml --yes --candidate {candidate}");
            let (code, out, err) = folder.run(&format!("{run} --incumbent gpt-5.5@openai"));
            assert_eq!(code, 0, "{out}{err}");
            let (code, envelope, err) = folder.run("eval attest --key eval.key");
            assert_eq!(code, 0, "{err}");
            folder.write(&format!("attestations/{at}.json"), &envelope);
        }
        let gateway = folder.start("serve --seed 1");
        let ready = |key: &str| gateway.ready[key].as_str().unwrap().to_owned();
        let (listen, admin) = (ready("listen"), ready("admin"));
        Self { folder, _sim: sim, _gateway: gateway, listen, admin }
    }

    /// Asks one ticket: who answered, and what.
    fn ask(&self, number: usize) -> (String, String) {
        let ticket = format!("Parcel {number} has not arrived.");
        let messages = json!([{ "role": "user", "content": ticket }]);
        let body = json!({ "model": "topics", "messages": messages });
        let mut stream = post(&self.listen, "/v1/chat/completions", "", &body);
        let answer = read_all(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let head = answer.lines().find_map(|line| line.strip_prefix("x-tieline-deployment: "));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let said = body["choices"][0]["message"]["content"].as_str().unwrap();
        (head.unwrap_or_default().trim().to_owned(), said.to_owned())
    }

    fn release(&self, line: &str) -> (i32, String, String) {
        self.folder.run(&format!("release {line} --admin {}", self.admin))
    }

    /// The newest release.
    fn status(&self) -> Value {
        let all = self.folder.json(&format!("release status --admin {}", self.admin));
        all.as_array().and_then(|all| all.last()).cloned().unwrap()
    }

    /// Asks until this deployment answers: what is decided is in force a moment later.
    fn ask_until(&self, deployment: &str) {
        let mut numbers = 0..1_000;
        assert!(numbers.any(|number| self.ask(number).0 == deployment), "{}", self.status());
    }

    /// Asks until the release rests; how often the candidate answered.
    fn ask_until_it_rests(&self, candidate: &str) -> usize {
        let mut seen = 0;
        for number in 0..6_000 {
            seen += usize::from(self.ask(number).0 == candidate);
            if number % 25 == 24 {
                let stage = self.status()["stage"].as_str().unwrap().to_owned();
                if !["shadow", "canary"].contains(&stage.as_str()) {
                    return seen;
                }
            }
        }
        panic!("{}", self.status())
    }
}

#[test]
fn what_passed_is_released_step_by_step_and_serves() {
    let stage = Stage::open("enforce", &["gpt-6@azure"]);
    // What serves has no attestation, but nothing else of the feature would be left.
    let explained = stage.folder.json("route explain --feature topics");
    let verdicts: Vec<String> = explained["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["deployment"], one["verdict"]).replace('"', ""))
        .collect();
    assert_eq!(verdicts, ["gpt-6@azure out", "gpt-6-preview@azure out", "gpt-5.5@openai in"]);
    assert_eq!(stage.ask(0).0, "gpt-5.5@openai");
    let (code, _, err) = stage.release("start topics gpt-6-preview@azure");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("no valid attestation, which `require: enforce` wants"), "{err}");

    let quick = "--margin 0.2 --answered-margin 0.2 --shadow 100% --steps 30%,60% --pairs 15";
    let (code, out, err) = stage.release(&format!("start topics gpt-6@azure {quick}"));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("shadow"), "{out}");
    let seen = stage.ask_until_it_rests("gpt-6@azure");
    let served = stage.status();
    assert_eq!(served["stage"], "serving", "{served}");
    assert!(seen > 0);
    stage.ask_until("gpt-6@azure");
    assert_eq!(stage.ask(1), ("gpt-6@azure".to_owned(), "delivery".to_owned()));
    // A gateway that starts anew goes on where this one was, and so do commands without one.
    let explained = stage.folder.json("route explain --feature topics");
    assert_eq!(explained["deployments"][0]["verdict"], "in", "{explained}");
    assert_eq!(explained["plan"][0]["deployment"], "gpt-6@azure");
    let costs = stage.folder.json("cost --by caller");
    assert!(costs.to_string().contains("tieline-shadow"), "{costs}");
    let (code, out, err) = stage.release("rollback topics --reason complaints");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("rolled back") && out.contains("complaints"), "{out}");
    assert_eq!(stage.ask(2).0, "gpt-5.5@openai");
}

#[test]
fn what_is_attested_is_not_warned_of_by_checks() {
    let stage = Stage::open("warn", &["gpt-6@azure"]);
    let config = fs::read_to_string(stage.folder.path().join("tieline.yaml")).unwrap();
    let of_all = "models: [gpt-5.5], release_candidates: [gpt-6, gpt-6-preview]";
    stage.folder.write("tieline.yaml", &config.replace(of_all, "models: [gpt-6]"));
    let checked = stage.folder.command("check").env("TIELINE_LOG", "warn").output().unwrap();
    let warned = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && !warned.contains("attestation"), "{warned}");
}

#[test]
fn a_bad_candidate_is_never_attested_and_its_canary_rolls_back_by_itself() {
    let stage = Stage::open("warn", &[]);
    let run = "eval run topics.yaml --yes --candidate gpt-6-preview@azure";
    let (code, out, _) = stage.folder.run(&format!("{run} --incumbent gpt-5.5@openai"));
    assert_eq!(code, 1, "{out}");
    let (code, _, err) = stage.folder.run("eval attest --key eval.key");
    assert_eq!(code, 1, "{err}");
    let options = "--margin 0.1 --shadow 0 --steps 50% --pairs 20";
    let (code, _, err) = stage.release(&format!("start topics gpt-6-preview@azure {options}"));
    assert_eq!(code, 0, "{err}");
    let seen = stage.ask_until_it_rests("gpt-6-preview@azure");
    assert!(seen > 10, "{seen}");
    let back = stage.status();
    assert_eq!(back["stage"], "rolled_back", "{back}");
    let reason = back["reason"].as_str().unwrap();
    assert!(reason.starts_with("answers are worse by more than the margin: -"), "{reason}");
    stage.ask_until("gpt-5.5@openai");
    for number in 0..20 {
        assert_eq!(stage.ask(number), ("gpt-5.5@openai".to_owned(), "delivery".to_owned()));
    }
    let told = || -> Vec<String> {
        let audit = stage.folder.json("audit");
        let moved = audit["changes"].as_array().unwrap().iter();
        moved
            .filter(|change| change["action"] == "release")
            .map(|change| format!("{} {}", change["actor"], change["after"]).replace('"', ""))
            .collect()
    };
    // What is in force is written down a moment later.
    let told = (0..100).map(|_| told()).find(|told| told.len() == 2).unwrap_or_else(told);
    assert_eq!(told.first().map(String::as_str), Some("release rolled_back"), "{told:?}");
    assert_eq!(told.len(), 2);
}

#[test]
fn what_is_asked_wrongly_is_told_with_a_hint() {
    let stage = Stage::open("warn", &[]);
    for (line, said) in [
        ("start nothing gpt-6@azure", "there is no feature `nothing`"),
        ("start topics gpt-5.5@openai", "no tier of `topics` lists gpt-5.5@openai among its"),
        ("start topics gpt-6@azure --steps 50%,10%", "each above the one before"),
        ("start topics gpt-6@azure --margin 7", "expected a share: 0.05 or 5%"),
        ("promote topics", "`topics` has no release that could be moved so"),
        ("rollback rel_0", "there is no release `rel_0`"),
    ] {
        let (code, _, err) = stage.release(line);
        assert_eq!(code, 2, "{line}: {err}");
        assert!(err.contains(said), "{line}: {err}");
    }
    let (code, out, _) = stage.release("status");
    assert_eq!((code, out.as_str()), (0, "no releases\n"));
}
