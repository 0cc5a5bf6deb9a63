//! Judges: their calibration by labels of people, and what becomes of it later.

use std::{fmt::Write as _, fs};

use serde_json::{Value, json};

use crate::eval::{House, SUITE};

/// So many answers, half of them good, and what the judge says of each; it is wrong about every
/// tenth of the good ones.
struct Labels {
    people: String,
    known: String,
}

fn labels(count: usize, wrong: impl Fn(usize) -> bool) -> Labels {
    let (mut people, mut known) = (String::new(), String::new());
    for at in 0..count {
        let (good, answer) = (at % 2 == 0, format!("this is the answer number {at}, no other"));
        let label = json!({ "fields": { "question": "?", "answer": "x" }, "answer": answer,
            "human": good });
        let says = |pass: bool| json!({ "reason": "so", "pass": pass }).to_string();
        let line = json!({ "when": answer, "say": says(good != wrong(at)) });
        let _ = (writeln!(people, "{label}"), writeln!(known, "{line}"));
    }
    Labels { people, known }
}

fn suite(calibration: &str) -> String {
    let judge = format!(
        "judges:\n  fair: {{ deployment: wise@p{calibration} }}\ngraders:\n  \
         - {{ id: polite, type: rubric, judge: fair, rubric: It is polite. }}\n"
    );
    SUITE.replace("graders:\n", &judge)
}

const CALIBRATION: &str = ", calibration: fair.jsonl";
const CALIBRATE: &str = "eval calibrate suite.yaml --labels people.jsonl";

fn lines(house: &House) -> Vec<Value> {
    let text = fs::read_to_string(house.folder.path().join("fair.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_judge_that_agrees_with_people_is_found_fit_and_its_labels_are_asked_for_once() {
    let labels = labels(120, |at| at % 20 == 0);
    let house = House::knowing(10, 0, [&labels.known, ""]);
    house.folder.write("suite.yaml", &suite(CALIBRATION));
    house.folder.write("people.jsonl", &labels.people);
    let (code, out, err) = house.folder.run(CALIBRATE);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("judge `fair` (wise@p) is fit\n"), "{out}");
    assert!(out.contains("60 of good answers and 60 of bad ones"), "{out}");
    assert_eq!((house.asked(), lines(&house).len()), (120, 120));

    let (code, told) = house.json(CALIBRATE);
    assert_eq!((code, house.asked(), told["asked"].as_u64()), (0, 120, Some(0)));
    assert_eq!(told["labels"]["good_as_bad"], 6, "{told}");
    assert!(told["sensitivity"]["interval"]["lower"].as_f64().unwrap() < 0.9, "{told}");
    assert!(told["kappa"]["estimate"].as_f64().unwrap() > 0.85, "{told}");
    // What the process was killed at is asked again, and so is what is asked in another way.
    let path = house.folder.path().join("fair.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    house.json(CALIBRATE);
    assert_eq!((house.asked(), lines(&house).len()), (121, 120));
    let first = labels.people.lines().next().unwrap();
    house.folder.write("few.jsonl", first);
    house.json("eval calibrate suite.yaml --labels few.jsonl");
    assert_eq!((house.asked(), lines(&house).len()), (121, 120), "what was paid for stays");
    house.folder.write("suite.yaml", &suite(CALIBRATION).replace("polite.", "kind."));
    house.json(CALIBRATE);
    assert_eq!((house.asked(), lines(&house).len()), (241, 120));
    let costs = house.folder.json("cost --by caller");
    assert_eq!(costs["groups"][0]["name"], "tieline-eval", "{costs}");
}

#[test]
fn a_judge_that_does_not_agree_is_not_fit_and_money_is_kept() {
    let labels = labels(120, |at| at % 3 == 0);
    let house = House::knowing(10, 0, [&labels.known, ""]);
    house.folder.write("suite.yaml", &suite(CALIBRATION));
    house.folder.write("people.jsonl", &labels.people);
    let (code, told) = house.json(&format!("{CALIBRATE} --budget-usd 0.005"));
    assert_eq!((code, told["usable"].as_bool()), (3, Some(false)), "{told}");
    assert!(told["unasked"].as_u64().unwrap() > 20, "{told}");
    assert!(told["spent_usd"].as_f64().unwrap() <= 0.005, "{told}");
    let (code, out, _) = house.folder.run(CALIBRATE);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("it agrees with people by a kappa of 0.33"), "{out}");
}

#[test]
fn what_cannot_be_asked_is_told_with_its_line() {
    let house = House::new(3);
    for (calibration, people, part) in [
        ("", "{}", "the judge `fair` names no `calibration`"),
        (CALIBRATION, "{}", "people.jsonl: line 1: missing field `answer`"),
        (CALIBRATION, "\n{\"answer\": \"x\", \"human\": 1}", "line 2: invalid type"),
        (CALIBRATION, "{\"case\":\"no\",\"answer\":\"x\",\"human\":true}", "there is no case `no`"),
        (CALIBRATION, "{\"answer\":\"x\",\"human\":true}", "`question`"),
    ] {
        house.folder.write("suite.yaml", &suite(calibration));
        house.folder.write("people.jsonl", people);
        let (code, _, err) = house.folder.run(CALIBRATE);
        assert_eq!(code, 2, "{people}: {err}");
        assert!(err.contains(part), "{people}: {err}");
    }
    assert_eq!(house.asked(), 0);
}

/// What the judge says of every answer in a run: that it is good.
fn of_runs(cases: usize) -> String {
    let line = |at: usize| {
        let when = format!("<question>\nuser: What is {at} plus {at}?\n</question>");
        format!("{}\n", json!({ "when": when, "say": "{\"pass\": true}" }))
    };
    (0..cases).map(line).collect()
}

#[test]
fn a_judge_that_has_moved_since_its_calibration_decides_nothing() {
    let (then, later) = (labels(120, |_| false), labels(120, |at| at % 4 == 0));
    let more = [&then, &later].map(|labels| labels.known.clone() + &of_runs(80));
    let house = House::knowing(80, 0, [&more[0], &more[1]]);
    let suite = suite(CALIBRATION).replace("pass: { margin", "polite: { margin");
    house.folder.write("suite.yaml", &suite);
    house.folder.write("people.jsonl", &then.people);
    assert_eq!(house.folder.run(CALIBRATE).0, 0);
    let planned = house.folder.json("eval plan suite.yaml --candidate new@p --incumbent old@p");
    assert_eq!(planned["estimate"]["judge_asks"], 160 + 50);

    let line = "eval run suite.yaml --yes --candidate new@p --incumbent old@p";
    let before = house.asked();
    let (code, told) = house.json(line);
    assert_eq!(code, 0, "{told}");
    assert_eq!(house.asked() - before, 50 + 160 + 160);
    let drift = &told["judges"]["fair"]["drift"];
    assert_eq!((&drift["answered"], &drift["alike"]["estimate"]), (&json!(50), &json!(1.0)));
    let spent = told["run"]["judges"]["fair"]["spent_usd"].as_f64().unwrap();
    let rows: f64 = told["spent_usd"].as_f64().unwrap() - spent;
    assert!(spent > 0.0 && rows > 0.0, "{told}");

    house.changes();
    let (code, told) = house.json(line);
    assert_eq!(code, 3, "{told}");
    let reason = told["reasons"][0].as_str().unwrap();
    assert!(reason.contains("polite can neither pass nor fail: judge `fair`"), "{reason}");
    assert!(reason.contains("suspend the attestations that rest on it"), "{reason}");
    let (_, out, _) = house.folder.run("eval gate");
    assert!(out.contains("LABELS AS CALIBRATED"), "{out}");
    house.folder.run("eval report --html r.html --md r.md");
    for report in ["r.html", "r.md"] {
        let text = fs::read_to_string(house.folder.path().join(report)).unwrap();
        assert!(text.contains("suspend the attestations"), "{report}: {text}");
    }

    house.folder.write("suite.yaml", &suite.replace("polite.", "kind."));
    let (_, told) = house.json(line);
    let reason = told["reasons"][0].as_str().unwrap();
    assert!(reason.contains("asked in another way than when it was calibrated"), "{reason}");
    house.folder.write("suite.yaml", &suite.replace("run: {", "run: { canary: 0,"));
    let (code, told) = house.json(line);
    assert_eq!((code, &told["judges"]["fair"]["drift"]), (0, &Value::Null), "{told}");
}

#[test]
fn a_judge_in_pairs_is_told_with_its_bias() {
    let mut known = String::new();
    let mut people = String::new();
    for at in 0..100 {
        let answer = format!("this is the answer number {at}, no other");
        let label = json!({ "fields": { "question": "?", "answer": "x" }, "answer": answer,
            "other": "Another answer.", "human": at % 2 == 0 });
        let _ = writeln!(people, "{label}");
        // Only of every fourth answer it tells which of the two it is.
        for (place, winner) in [("1", 1), ("2", if at % 4 == 0 { 2 } else { 1 })] {
            let when = format!("<answer_{place}>\n{answer}");
            let say = json!({ "winner": winner }).to_string();
            let _ = writeln!(known, "{}", json!({ "when": when, "say": say }));
        }
    }
    let house = House::knowing(5, 0, [&known, ""]);
    let pairs = suite(CALIBRATION)
        .replace("type: rubric", "type: pairwise")
        .replace("rubric: It is polite.", "criteria: Which is better?");
    house.folder.write("suite.yaml", &pairs);
    house.folder.write("people.jsonl", &people);
    let (code, out, err) = house.folder.run(CALIBRATE);
    assert_eq!((code, house.asked()), (1, 200), "{out}{err}");
    assert!(out.contains("it rules alike in both orders on only 25 of 100 items"), "{out}");
    assert!(out.contains("for the answer that stands first        0.88"), "{out}");
    assert!(lines(&house).iter().all(|line| line["orders"].is_array()));
}
