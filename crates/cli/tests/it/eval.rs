//! The eval harness from its suite to its verdict, over simulated models of known quality.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
};

use serde_json::{Value, json};
use tieline_sim::{Kind, Known, Pace, ProviderSpec, Rule, Sim};
use tokio::runtime::Runtime;

use crate::support::Folder;

pub(crate) const RUN: &str = "eval run suite.yaml --yes --candidate";

/// A provider with models that get 5, 5 and 15 of a hundred answers wrong.
pub(crate) struct House {
    pub(crate) folder: Folder,
    sim: Sim,
    addresses: [SocketAddr; 2],
    _runtime: Runtime,
}

impl House {
    pub(crate) fn new(cases: usize) -> Self {
        Self::paced(cases, 0)
    }

    pub(crate) fn paced(cases: usize, first_token_ms: u64) -> Self {
        Self::knowing(cases, first_token_ms, ["", ""])
    }

    /// With more that is known: by the provider `p`, and by another in its place after
    /// [`Self::changes`].
    pub(crate) fn knowing(cases: usize, first_token_ms: u64, more: [&str; 2]) -> Self {
        let folder = Folder::new();
        let (mut dataset, mut answers) = (String::new(), String::new());
        for at in 0..cases {
            let (question, answer) = (format!("What is {at} plus {at}?"), at * 2);
            let lang = if at % 3 == 0 { "de" } else { "en" };
            let case = json!({
                "id": format!("c{at}"), "question": question, "answer": answer.to_string(),
                "lang": lang,
            });
            let known = json!({
                "when": question, "say": format!("It is {answer}."), "wrong": "It is <b>7777</b>.",
            });
            let _ = (writeln!(dataset, "{case}"), writeln!(answers, "{known}"));
        }
        folder.write("cases.jsonl", &dataset);
        folder.write("suite.yaml", SUITE);
        let spec = |name: &str, more: &str| {
            let known = Known::read(&(answers.clone() + more)).unwrap();
            let known = known.wrong("old", 0.05).wrong("new", 0.05).wrong("worse", 0.15);
            let pace = Pace {
                first_token: std::time::Duration::from_millis(first_token_ms),
                per_token: std::time::Duration::ZERO,
            };
            let known = Some(Arc::new(known));
            ProviderSpec { known, pace, ..ProviderSpec::new(name, Kind::Openai) }
        };
        let runtime = Runtime::new().unwrap();
        let [now, later] = more;
        let sim = Sim::new(6, vec![spec("p", now), spec("q", later)]);
        let addresses = runtime.block_on(async {
            let local = || (Ipv4Addr::LOCALHOST, 0).into();
            [sim.listen("p", local()).await.unwrap(), sim.listen("q", local()).await.unwrap()]
        });
        folder.write("tieline.yaml", &CONFIG.replace("ADDRESS", &addresses[0].to_string()));
        Self { folder, sim, addresses, _runtime: runtime }
    }

    /// From now on the provider answers as another.
    pub(crate) fn changes(&self) {
        let path = self.folder.path().join("tieline.yaml");
        let [now, later] = self.addresses.map(|address| address.to_string());
        fs::write(&path, fs::read_to_string(&path).unwrap().replace(&now, &later)).unwrap();
    }

    pub(crate) fn asked(&self) -> u64 {
        self.sim.count("p")
    }

    /// Lets the provider fail so many of the next requests.
    pub(crate) fn fault(&self, fault: &str, first: u64) {
        let rule = Rule::new("p", fault.parse().unwrap());
        self.sim.script().add(Rule { first: Some(first), ..rule });
    }

    /// Runs a command that prints JSON whatever its verdict: exit code and what it printed.
    pub(crate) fn json(&self, line: &str) -> (i32, Value) {
        let (code, out, err) = self.folder.run(&format!("{line} --format json"));
        (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{line}: {out}{err}")))
    }

    /// The folder of the one run there is.
    pub(crate) fn run_folder(&self) -> Option<PathBuf> {
        let runs = fs::read_dir(self.folder.path().join(".tieline/evals")).ok()?;
        runs.flatten().map(|entry| entry.path()).next()
    }

    pub(crate) fn rows(&self) -> usize {
        let rows =
            self.run_folder().and_then(|run| fs::read_to_string(run.join("rows.jsonl")).ok());
        rows.map_or(0, |rows| rows.lines().count())
    }
}

pub(crate) const CONFIG: &str = "\
version: 1
providers:
  p:
    kind: openai
    base_url: 'http://ADDRESS/v1'
    api_key: { env: KEY }
    facts: { regions: [us-east-1] }
models:
  old: [{ provider: p, price: { input: 1, output: 4 } }]
  new: [{ provider: p, price: { input: 0.5, output: 2 } }]
  worse: [{ provider: p, price: { input: 0.5, output: 2 } }]
  embed: [{ provider: p, price: { input: 100, output: 0 } }]
  wise: [{ provider: p, price: { input: 1, output: 4 } }]
features:
  sums: { deadline: 10s, tiers: [ { models: [old] } ] }
  sums-eu: { data: { residency: [eu] }, tiers: [ { models: [old] } ] }
";

pub(crate) const SUITE: &str = "\
version: 1
feature: sums
dataset: { file: cases.jsonl, id: id, slices: [lang] }
prompt:
  messages:
    - { role: user, content: '{{ question }}' }
run: { concurrency: 4 }
graders:
  - { id: sum, type: contains, value: '{{ answer }}' }
  - { id: calm, type: contains, value: '!!!', negate: true, role: invariant }
gate:
  metrics: { pass: { margin: 0.05 } }
  guards: { cost_ratio: 1.1 }
";

#[test]
fn a_worse_candidate_is_blocked_and_an_equal_one_passes() {
    let house = House::new(500);
    let (code, told) = house.json(&format!("{RUN} worse@p --incumbent old@p"));
    assert_eq!((code, &told["verdict"]), (1, &json!("fail")), "{told}");
    assert_eq!(told["metrics"][1]["metric"], "pass");
    assert_eq!(told["failing"][0]["class"], "sum");
    assert_eq!(house.asked(), 1_000);
    let (code, told) = house.json(&format!("{RUN} new@p --incumbent old@p"));
    assert_eq!((code, &told["verdict"]), (0, &json!("pass")), "{told}");
    assert_eq!(told["guards"][0]["guard"], "cost_ratio");
    assert_eq!(house.asked(), 2_000);
    let listed = house.folder.json("eval list");
    assert_eq!(listed[0]["verdict"], "fail");
    assert_eq!(listed[1]["verdict"], "pass");
    let id = listed[0]["id"].as_str().unwrap();
    let (code, again) = house.json(&format!("eval gate {id}"));
    assert_eq!((code, &again["verdict"]), (1, &json!("fail")));
    assert_eq!(house.asked(), 2_000, "a verdict asks nobody");
    let costs = house.folder.json("cost --by caller");
    assert_eq!(costs["groups"][0]["name"], "tieline-eval", "{costs}");
    assert_eq!(costs["groups"][0]["requests"], 2_000, "every ask is on record: {costs}");
}

#[test]
fn too_few_cases_tell_how_many_are_lacking() {
    let house = House::new(40);
    let (code, out, err) = house.folder.run(&format!("{RUN} new@p --incumbent old@p"));
    assert_eq!(code, 3, "{out}{err}");
    assert!(out.starts_with("INCONCLUSIVE  new@p against old@p for sums, 40 cases"), "{out}");
    assert!(out.contains("more items would tell"), "{out}");
    let (_, told) = house.json("eval gate");
    let lacking = told["metrics"][1]["items_missing"].as_u64().unwrap();
    assert!((20..1_000).contains(&lacking), "{lacking}");
    let planned = house.folder.json("eval plan suite.yaml --candidate new@p --incumbent old@p");
    assert_eq!(planned["estimate"]["asks"], 80);
    assert!(planned["metrics"][0]["at"][1]["power"].as_f64().unwrap() < 0.5, "{planned}");
    let plan = "eval plan suite.yaml --candidate new@p --incumbent old@p --repeats 5";
    let (_, out, _) = house.folder.run(plan);
    assert!(out.contains(" % to "), "with repeats power is a range: {out}");
}

#[test]
fn a_killed_run_goes_on_and_asks_nothing_twice() {
    let whole = House::new(500);
    let (code, _) = whole.json(&format!("{RUN} worse@p --incumbent old@p"));
    assert_eq!(code, 1);

    let house = House::paced(500, 10);
    let mut command = house.folder.command(&format!("{RUN} worse@p --incumbent old@p"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while house.rows() < 200 {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = house.rows();
    assert!((200..1_000).contains(&kept));
    let lost = house.asked() - u64::try_from(kept).unwrap();
    assert!(lost <= 4, "more was lost than was under way: {lost}");

    let (code, told) = house.json("eval gate");
    assert_eq!(code, 3, "what was not asked passes and fails nobody: {told}");
    let id = told["run"]["id"].as_str().unwrap().to_owned();
    let (code, told) = house.json(&format!("eval run --resume {id}"));
    assert_eq!((code, &told["verdict"]), (1, &json!("fail")));
    assert_eq!((house.rows(), house.asked()), (1_000, 1_000 + lost));
    let (_, other) = whole.json("eval gate");
    assert_eq!(told["metrics"], other["metrics"], "the interrupted run says what the other says");
}

#[test]
fn what_an_outage_left_open_is_asked_again_and_the_verdict_is_that_of_a_calm_run() {
    let calm = House::new(200);
    calm.json(&format!("{RUN} worse@p --incumbent old@p"));
    let house = House::new(200);
    house.folder.write("suite.yaml", &SUITE.replace("concurrency: 4", "retries: 0"));
    house.fault("status=400", 1);
    house.fault("cut-after=0", 4);
    let (_, told) = house.json(&format!("{RUN} worse@p --incumbent old@p"));
    let id = told["run"]["id"].as_str().unwrap().to_owned();
    let (asked, rows) = (house.asked(), house.rows());
    let (code, out, err) = house.folder.run(&format!("eval run --resume {id} --format json"));
    let told: Value = serde_json::from_str(&out).unwrap();
    let open = u64::try_from(house.rows() - rows).unwrap();
    assert!((3..10).contains(&open), "{open}");
    assert!(err.contains(&format!(", {open} of them for want of an answer asked again")), "{err}");
    assert_eq!(house.asked() - asked, open, "each once");
    let of = |arm: &str, key: &str| told["arms"][arm][key].as_u64().unwrap();
    assert_eq!(of("candidate", "asked") + of("incumbent", "asked"), 400, "{told}");
    assert_eq!(of("candidate", "answered") + of("incumbent", "answered"), 399, "{told}");
    let (gated, again) = house.json("eval gate");
    assert_eq!((gated, &again["metrics"]), (code, &told["metrics"]), "the files say the same");
    let (_, calm) = calm.json("eval gate");
    assert_eq!(again["verdict"], calm["verdict"]);
}

#[test]
fn a_guard_on_the_first_token_makes_a_run_ask_for_streams() {
    let house = House::paced(70, 20);
    let guarded = SUITE.replace("cost_ratio: 1.1", "ttft_p95_ms: 5000");
    house.folder.write("suite.yaml", &guarded);
    let (_, told) = house.json(&format!("{RUN} new@p --incumbent old@p"));
    assert_eq!(told["guards"][0]["guard"], "ttft_p95_ms");
    assert_eq!(told["guards"][0]["verdict"], "pass", "{told}");
    let first = told["arms"]["candidate"]["ttft_p95_ms"].as_f64().unwrap();
    assert!((20.0..5000.0).contains(&first), "{first}");
    let seen = house.sim.seen("p");
    assert!(seen.iter().all(|seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        body["stream"] == true
    }));
    let streamed = told["arms"]["candidate"]["usd"].as_f64().unwrap();
    let (_, table, _) = house.folder.run("eval gate");
    assert!(table.contains("FIRST P95"), "{table}");

    house.folder.write("suite.yaml", SUITE);
    let (_, told) = house.json(&format!("{RUN} new@p --incumbent old@p"));
    assert_eq!(told["arms"]["candidate"]["ttft_p95_ms"], Value::Null);
    let whole = told["arms"]["candidate"]["usd"].as_f64().unwrap();
    assert!((streamed - whole).abs() < 1e-12, "{streamed} {whole}: both cost the same");
    let rows = fs::read_to_string(house.run_folder().unwrap().join("rows.jsonl")).unwrap();
    assert!(rows.lines().all(|row| row.contains("\"took_us\"")));
}

#[test]
fn a_stream_that_is_cut_is_no_answer() {
    let house = House::new(30);
    let suite = SUITE.replace("concurrency: 4", "concurrency: 1, stream: true, retries: 0");
    house.folder.write("suite.yaml", &suite);
    house.fault("cut-after=1", 3);
    let (code, told) = house.json(&format!("{RUN} new@p --incumbent old@p"));
    assert_eq!(code, 3);
    let arms = &told["arms"];
    let of = |arm: &str, key: &str| arms[arm][key].as_u64().unwrap();
    let answered = of("candidate", "answered") + of("incumbent", "answered");
    assert_eq!(answered, 57, "{arms}");
    let passed = of("candidate", "passed") + of("incumbent", "passed");
    assert!(passed > 50, "{arms}");
    assert!(
        arms.to_string().contains("server_error"),
        "what the client of a stream is told: {arms}"
    );
}

#[test]
fn nothing_is_sent_where_policy_or_sense_forbids_it() {
    let house = House::new(10);
    house.folder.write("eu.yaml", &SUITE.replace("feature: sums", "feature: sums-eu"));
    for (line, part) in [
        ("eval run eu.yaml --candidate new@p --incumbent old@p", "policy keeps `sums-eu` from"),
        ("eval run suite.yaml --candidate nwe@p --incumbent old@p", "did you mean `new@p`"),
        ("eval run suite.yaml", "--candidate MODEL@PROVIDER"),
        ("eval gate", "there are no runs"),
        ("eval run --resume nothing", "there is no run `nothing`"),
    ] {
        let (code, out, err) = house.folder.run(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}: {err}");
        assert!(err.contains(part), "{line}: {err}");
    }
    let dry = house.folder.run("eval run suite.yaml --candidate new@p --incumbent old@p --dry-run");
    assert_eq!(dry.0, 0, "{}", dry.2);
    assert_eq!((house.asked(), house.run_folder()), (0, None));
}

#[test]
fn a_budget_ends_a_run_and_the_verdict_says_so() {
    let house = House::new(500);
    house.folder.write("suite.yaml", &SUITE.replace("concurrency: 4", "budget_usd: 0.002"));
    let (code, out, err) = house.folder.run(&format!("{RUN} new@p --incumbent old@p"));
    assert_eq!(code, 3, "{out}{err}");
    assert!(err.contains("the budget is spent"), "{err}");
    assert!(out.contains("asks were not made"), "{out}");
    let (_, told) = house.json("eval gate");
    assert!(told["spent_usd"].as_f64().unwrap() <= 0.002, "{told}");
}

#[test]
fn reports_come_in_every_form_and_show_no_foreign_markup() {
    let house = House::new(120);
    house.folder.run(&format!("{RUN} worse@p --incumbent old@p"));
    let (code, _, err) = house.folder.run(
        "eval report --html r.html --junit r.xml --md r.md --json r.json --jsonl r.jsonl \
         --otel r.otel",
    );
    assert_eq!(code, 0, "{err}");
    let read = |name: &str| fs::read_to_string(house.folder.path().join(name)).unwrap();
    let page = read("r.html");
    assert!(page.contains("default-src 'none'") && page.contains("&lt;b&gt;7777"), "{page}");
    for foreign in ["<b>7777", "<script", "http://", "https://", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let junit = read("r.xml");
    assert!(junit.contains("tests=\"121\""), "{junit}");
    assert!(junit.contains("<testcase name=\"gate\""), "{junit}");
    assert!(junit.contains("<failure type=\"assertion\" message=\"sum\">"), "{junit}");
    assert!(read("r.md").starts_with("### Eval gate: "));
    assert_eq!(read("r.jsonl").lines().count(), 240);
    let summary: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(summary["arms"]["candidate"]["asked"], 120);
    let otel: Value = serde_json::from_str(read("r.otel").lines().next().unwrap()).unwrap();
    let record = &otel["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["eventName"], "gen_ai.evaluation.result");
}

#[test]
fn only_a_run_that_passed_is_signed_and_the_signature_holds() {
    let house = House::new(500);
    let (code, public, _) = house.folder.run("eval keygen --out eval.key");
    assert_eq!(code, 0);
    house.folder.write("eval.pub", &public);
    house.json(&format!("{RUN} worse@p --incumbent old@p"));
    let (code, out, err) = house.folder.run("eval attest --key eval.key");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("nothing is signed: the gate did not pass"), "{err}");

    house.json(&format!("{RUN} new@p --incumbent old@p"));
    let listed = house.folder.json("eval list");
    let id = listed[1]["id"].as_str().unwrap();
    let line = format!("eval attest {id} --key eval.key --valid-for 7d");
    let (code, signed, err) = house.folder.run(&line);
    assert_eq!((code, err.as_str()), (0, ""));
    house.folder.write("a.json", &signed);
    let rows = format!(".tieline/evals/{id}/rows.jsonl");
    let told = house.folder.json(&format!("eval verify a.json --key eval.pub --rows {rows}"));
    let told = &told["attestation"];
    assert_eq!((&told["deployment"], &told["rows"]["count"]), (&json!("new@p"), &json!(1_000)));
    assert_eq!(told["identity"]["region"], "us-east-1");
    let days = told["expires_ms"].as_u64().unwrap() - told["issued_ms"].as_u64().unwrap();
    assert_eq!(days, 7 * 86_400_000);

    house.folder.write("suite.yaml", &SUITE.replace("0.05", "0.5"));
    let (code, _, err) = house.folder.run(&line);
    assert_eq!(code, 1);
    assert!(err.contains("has changed since it was run"), "{err}");
}
