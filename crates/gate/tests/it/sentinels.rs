//! Sentinels: how answers are looked at, and what is chance and what is drift.

use tieline_gate::{
    rate::fisher_below,
    sentinel::{Drift, Finding, Kind, Look, Prompt, PromptSet, Round, Said, Tally, Want, Watch},
};

use crate::{numbers::near, world::Dice};

fn set() -> PromptSet {
    PromptSet::built_in().unwrap()
}

fn prompt(want: &str) -> Prompt {
    let text = format!(r#"{{"id":"p","ask":"?","want":{want},"answer":"Yes"}}"#);
    serde_json::from_str(&text).unwrap()
}

fn text(text: &str) -> Said {
    Said { text: text.to_owned(), ..Said::default() }
}

fn good(prompt: &Prompt) -> Said {
    match &prompt.want {
        Want::Json(members) => {
            let sample = |name: &String| match serde_json::to_value(members[name]).unwrap() {
                kind if kind == "string" => serde_json::json!("x"),
                kind if kind == "number" => serde_json::json!(1),
                kind if kind == "boolean" => serde_json::json!(true),
                kind if kind == "array" => serde_json::json!([]),
                _ => serde_json::json!({}),
            };
            let members = members.keys().map(|name| (name.clone(), sample(name)));
            text(&serde_json::Value::Object(members.collect()).to_string())
        }
        Want::Word(_) | Want::Number => text(prompt.answer.as_deref().unwrap()),
        Want::Tool(tool) => {
            let required = tool.parameters["required"].as_array().unwrap();
            let given = required.iter().map(|name| (name.as_str().unwrap().to_owned(), 1.into()));
            let given = serde_json::Value::Object(given.collect()).to_string();
            Said { calls: vec![(tool.name.clone(), given)], ..Said::default() }
        }
        Want::Text => text("Gladly."),
    }
}

/// A round in which each prompt is answered by `answer`.
fn round(set: &PromptSet, mut answer: impl FnMut(&Prompt) -> Option<Said>) -> Round {
    let looks: Vec<Option<Look>> =
        set.prompts.iter().map(|prompt| Some(prompt.look(&answer(prompt)?))).collect();
    Round::of(set, &looks)
}

/// A round of a model that gets the form right with this probability.
fn noisy(set: &PromptSet, dice: &mut Dice, rate: f64) -> Round {
    round(set, |prompt| {
        let bad = format!("Well, {}", dice.share());
        Some(if dice.chance(rate) { good(prompt) } else { text(&bad) })
    })
}

#[test]
fn fishers_test_is_exact() {
    // Fisher's own example, a lady tasting tea: 3 of 4 and 1 of 4 right.
    near("tea", fisher_below((1, 4), (3, 4)), 17.0 / 70.0, 1e-12);
    // All lost: one of C(14, 7) ways.
    near("lost", fisher_below((0, 7), (7, 7)), 1.0 / 3432.0, 1e-12);
    // C(12, 0)·C(8, 8)/C(20, 8) and the ways to at most two of 12 among 8.
    let ways = (66.0 * 28.0 + 12.0 * 8.0 + 1.0) / 125_970.0;
    near("some", fisher_below((2, 8), (10, 12)), ways, 1e-12);
    near("equal", fisher_below((5, 5), (5, 5)), 1.0, 1e-12);
    near("nothing", fisher_below((0, 0), (5, 5)), 1.0, 0.0);
}

#[test]
fn every_answer_is_held_against_its_form() {
    let fits = |want: &str, said: &str| prompt(want).look(&text(said)).fits;
    let json = r#"{"json":{"name":"string","age":"number"}}"#;
    for (want, said, expected) in [
        (json, r#" {"name": "Ada", "age": 36, "more": 1} "#, true),
        (json, r#"{"name": "Ada", "age": "36"}"#, false),
        (json, r#"Here: {"name": "Ada", "age": 36}"#, false),
        (json, "```json\n{\"name\": \"Ada\", \"age\": 36}\n```", false),
        (r#"{"word":["yes","no"]}"#, "Yes.", true),
        (r#"{"word":["yes","no"]}"#, "Yes, of course", false),
        (r#""number""#, " 42\n", true),
        (r#""number""#, "42 apples", false),
        (r#""number""#, "NaN", false),
        (r#""text""#, "With a whetstone.", true),
        (r#""text""#, "I’m sorry, but I can't help with that.", false),
        (r#""text""#, " ", false),
    ] {
        assert_eq!(fits(want, said), expected, "{want}: {said}");
    }
    let fence = "```json\n{\"name\": \"Ada\", \"age\": 36}\n```";
    let fenced = |said: &str| prompt(json).look(&text(said)).fenced;
    assert!(fenced(fence) && !fenced("```json\n{}\n```") && !fenced("no"));
    let tool = r#"{"tool":{"name":"f","description":"d","parameters":{"required":["a"]}}}"#;
    let calls = |name: &str, given: &str| {
        let calls = vec![(name.to_owned(), given.to_owned())];
        prompt(tool).look(&Said { calls, ..Said::default() }).fits
    };
    assert!(calls("f", r#"{"a":1}"#));
    assert!(!calls("f", "{}") && !calls("g", r#"{"a":1}"#) && !calls("f", "a"));
    let filtered = prompt(r#""text""#).look(&Said { refused: true, ..text("Fine.") });
    assert!(filtered.refused && !filtered.fits);
}

#[test]
fn the_built_in_set_has_every_kind_often_enough_to_be_told_apart() {
    let set = set();
    let whole = round(&set, |prompt| Some(good(prompt)));
    assert_eq!(whole.format(), Tally { count: set.prompts.len(), of: set.prompts.len() });
    assert_eq!(whole.kinds.len(), 5);
    assert!(whole.kinds.values().all(|kind| kind.of >= 4), "{whole:?}");
    assert_eq!(whole.constant.given.count, 0, "{whole:?}");
}

#[test]
fn a_set_that_cannot_be_used_is_told_by_its_line() {
    let line = r#"{"id":"a","ask":"?","want":"text"}"#;
    let many = |count: usize| -> String {
        (0..count).map(|n| format!("{}\n", line.replace("\"a\"", &format!("\"{n}\"")))).collect()
    };
    assert_eq!(PromptSet::read(&many(10)).unwrap().prompts.len(), 10);
    for (text, told) in [
        (many(9), "9 prompts"),
        (many(101), "101 prompts"),
        (format!("{line}\n{line}"), "line 2: the id was used before"),
        (line.replace("text", "poem"), "line 1: unknown variant"),
        (line.replace("\"?\"", "\" \""), "line 1: nothing is asked"),
        (line.replace("ask", "question"), "line 1: unknown field"),
        (line.replace("\"text\"", r#"{"json":{}}"#), "line 1: no member"),
    ] {
        let error = PromptSet::read(&text).unwrap_err().to_string();
        assert!(error.contains(told), "{error} for {told}");
    }
    let digest = |text: &str| PromptSet::read(text).unwrap().digest;
    assert_ne!(digest(&many(10)), digest(&many(11)));
    assert_eq!(digest(&many(10)), digest(&format!("\n{}", many(10))));
}

/// Suspicions are allowed, suspensions are not: 20 deployments, 500 rounds each.
#[test]
fn a_noisy_deployment_raises_no_false_alarm() {
    let set = set();
    for (rate, allowed) in [(1.0, 0), (0.95, 0), (0.85, 3)] {
        let mut dice = Dice::new(11);
        let mut alarms = 0;
        for _ in 0..20 {
            let mut watch = Watch::new(&set.digest, None);
            for _ in 0..500 {
                let found = watch.take(&noisy(&set, &mut dice, rate));
                alarms += usize::from(matches!(found, Finding::Drifted(_)));
            }
        }
        assert!(alarms <= allowed, "{alarms} in 10,000 rounds at {rate}");
    }
}

/// What `change` makes of every answer is found in two rounds, however few came before.
fn found(change: impl Fn(&Prompt) -> Said) -> Vec<Drift> {
    let set = set();
    let mut first = None;
    for before in [1, 30] {
        let mut dice = Dice::new(5);
        let mut watch = Watch::new(&set.digest, None);
        for _ in 0..before {
            watch.take(&noisy(&set, &mut dice, 0.97));
        }
        let mut take = || watch.take(&round(&set, |prompt| Some(change(prompt))));
        assert!(matches!(take(), Finding::Suspected(_)));
        let Finding::Drifted(drifts) = take() else { panic!("not found after {before} rounds") };
        first.get_or_insert(drifts);
    }
    first.unwrap()
}

#[test]
fn every_drift_is_found_by_two_rounds() {
    let fences = found(|prompt| match good(prompt) {
        said if matches!(prompt.want, Want::Json(_)) => {
            text(&format!("```json\n{}\n```", said.text))
        }
        said => said,
    });
    let [Drift::Format { kind: Some(Kind::Json), is, fenced: 7, .. }] = fences.as_slice() else {
        panic!("{fences:?}")
    };
    assert_eq!(is.count, 0);
    assert!(fences[0].to_string().contains("(7 have a fence around them)"), "{}", fences[0]);
    let words = |drifts: Vec<Drift>| drifts.iter().map(Drift::as_str).collect::<Vec<_>>();
    let refusal = |prompt: &Prompt| match prompt.want {
        Want::Text | Want::Tool(_) => text("I cannot help with that."),
        _ => good(prompt),
    };
    assert!(words(found(refusal)).contains(&"refusals"));
    let fixed = |prompt: &Prompt| match &prompt.want {
        Want::Word(_) | Want::Number => text("fish"),
        _ => good(prompt),
    };
    let constant = found(fixed);
    let one = constant.iter().find(|drift| drift.as_str() == "constant").unwrap();
    assert_eq!(one.to_string(), "8 of 8 prompts with other right answers get `fish`");
}

#[test]
fn another_model_is_found_and_one_round_alone_finds_nothing() {
    let set = set();
    let by = |model: &str| {
        let model = Some(model.to_owned());
        round(&set, |prompt| Some(Said { model: model.clone(), ..good(prompt) }))
    };
    let mut watch = Watch::new(&set.digest, None);
    assert_eq!(watch.take(&by("m-1")), Finding::Baseline);
    assert!(matches!(watch.take(&by("m-2")), Finding::Suspected(_)));
    assert_eq!(watch.take(&by("m-1")), Finding::Baseline, "it was one round");
    assert!(matches!(watch.take(&by("m-2")), Finding::Suspected(_)));
    assert!(matches!(watch.take(&by("m-3")), Finding::Suspected(_)), "not the same");
    let Finding::Drifted(drifts) = watch.take(&by("m-3")) else { panic!("not found") };
    assert_eq!(drifts[0].to_string(), "the model is `m-3`, and was `m-1`");
    watch.accept();
    assert_eq!(watch.take(&by("m-3")), Finding::Baseline, "accepted");
    assert_eq!(watch.baseline().unwrap().models.len(), 1);
}

#[test]
fn what_is_missing_is_no_drift() {
    let set = set();
    let mut watch = Watch::new(&set.digest, None);
    assert_eq!(watch.take(&round(&set, |_| None)), Finding::Silent);
    assert_eq!(watch.baseline(), None, "an outage is no baseline");
    watch.take(&round(&set, |prompt| Some(good(prompt))));
    for answered in 0..set.prompts.len() {
        let mut left = answered;
        let some = round(&set, |prompt| {
            left = left.checked_sub(1)?;
            Some(good(prompt))
        });
        let found = watch.take(&some);
        assert!(matches!(found, Finding::Silent | Finding::Baseline), "{answered}: {found:?}");
    }
    let bad = round(&set, |_| Some(text("")));
    assert!(matches!(watch.take(&bad), Finding::Suspected(_)));
    watch.take(&round(&set, |_| None));
    assert!(matches!(watch.take(&bad), Finding::Drifted(_)), "an outage between says nothing");
}

#[test]
fn a_baseline_is_kept_for_its_own_prompts_only() {
    let set = set();
    let mut watch = Watch::new(&set.digest, None);
    watch.take(&round(&set, |prompt| Some(good(prompt))));
    let kept = serde_json::to_string(watch.baseline().unwrap()).unwrap();
    let kept = || serde_json::from_str(&kept).ok();
    assert_eq!(Watch::new(&set.digest, kept()).baseline(), watch.baseline());
    assert_eq!(Watch::new("other", kept()).baseline(), None);
}
