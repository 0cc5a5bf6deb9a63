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
