//! Every grader that asks nobody: right, wrong, turned round, at its edge.

use std::time::Duration;

use tieline_eval::Answer;

use crate::house::{alone, calls, said};

/// Graders with answers, and whether they pass.
async fn hold(table: &[(&str, &str, bool)]) {
    for (grader, text, wanted) in table {
        let grade = alone(grader, &said(text)).await;
        assert_eq!(grade.error, None, "{grader} of {text:?}");
        assert_eq!(grade.pass, *wanted, "{grader} of {text:?}: {}", grade.reason);
        let turned = grader.replacen('}', ", negate: true}", 1);
        let turned = if grader.matches('}').count() > 1 { continue } else { turned };
        let grade = alone(&turned, &said(text)).await;
        assert_eq!(grade.pass, !wanted, "{turned} of {text:?}");
    }
}

#[tokio::test]
async fn wording() {
    hold(&[
        ("{type: equals, value: Paris}", "Paris", true),
        ("{type: equals, value: Paris}", "Paris ", false),
        ("{type: equals, value: paris, ignore_case: true}", "PARIS", true),
        ("{type: equals, value: straße, ignore_case: true}", "STRASSE", false),
        ("{type: equals, value: 4}", "4", true),
        ("{type: equals, value: [1, 2]}", "[1.0, 2]", true),
        ("{type: equals, value: [1, 2]}", "[2, 1]", false),
        ("{type: equals, value: [1, 2]}", "one and two", false),
        ("{type: contains, value: aris}", "In Paris.", true),
        ("{type: contains, value: PARIS}", "In Paris.", false),
        ("{type: contains, value: PARIS, ignore_case: true}", "In Paris.", true),
        ("{type: contains, value: [In, Paris]}", "In Paris.", true),
        ("{type: contains, value: [In, Rome]}", "In Paris.", false),
        ("{type: contains, value: [Rome, Paris], any: true}", "In Paris.", true),
        ("{type: contains, value: [Rome, Oslo], any: true}", "In Paris.", false),
        ("{type: contains, value: 日本}", "日本語", true),
        ("{type: starts_with, value: In}", "In Paris.", true),
        ("{type: starts_with, value: in}", "In Paris.", false),
        ("{type: starts_with, value: in, ignore_case: true}", "In Paris.", true),
        (r"{type: regex, pattern: '\bP\w+s\b'}", "In Paris.", true),
        (r"{type: regex, pattern: '^(?!.*sorry)'}", "so sorry", false),
        (r"{type: regex, pattern: '(\w)\1'}", "hello", true),
    ])
    .await;
}

#[tokio::test]
async fn holes_are_filled_from_the_case_and_the_answer() {
    for (grader, text, wanted) in [
        ("{type: equals, value: '{{ ideal }}'}", "Paris", true),
        ("{type: equals, value: '{{ item.ideal | lower }}'}", "paris", true),
        ("{type: contains, value: '{{ vars.texts }}', any: true}", "in Paris", true),
        ("{type: contains, value: '{{ texts }}'}", "in Paris", false),
        ("{type: equals, value: {city: '{{ ideal }}'}}", r#"{"city": "Paris"}"#, true),
        ("{type: regex, pattern: '^{{ ideal }}$'}", "Paris", true),
        ("{type: number, value: '{{ number }}'}", "It is 4", true),
        ("{type: equals, value: '{{ sample.output_json.city }}'}", r#"{"city": 1}"#, false),
        ("{type: equals, value: '{{ sample.choices[0].message.content }}'}", "any", true),
        ("{type: starts_with, value: '{{ case.id }}'}", "one and only", true),
        ("{type: script, source: 'output === \"{{ ideal }}\"'}", "Paris", true),
        ("{type: script, source: 'output.length > {{ number }}'}", "four", false),
    ] {
        let grade = alone(grader, &said(text)).await;
        assert_eq!((grade.error, grade.pass), (None, wanted), "{grader}");
    }
    let grade = alone("{type: equals, value: '{{ item.answer }}'}", &said("Paris")).await;
    assert_eq!(
        grade.error.as_deref(),
        Some("case `one` has no `item.answer`, which the template asks for")
    );
    assert!(!grade.pass);
}

#[tokio::test]
async fn json() {
    let schema = "schema: {type: object, required: [city], properties: {city: {type: string}}}";
    let fits = format!("{{type: json, {schema}}}");
    let within = format!("{{type: json, anywhere: true, {schema}}}");
    hold(&[
        ("{type: json}", r#"{"a": [1]}"#, true),
        ("{type: json}", "3", true),
        ("{type: json}", "```json\n{}\n```", false),
        ("{type: json, anywhere: true}", "```json\n{}\n```", true),
        ("{type: json, anywhere: true}", "a [1 and {2", false),
        (&fits, r#"{"city": "Oslo"}"#, true),
        (&fits, r#"{"city": 1}"#, false),
        (&fits, "Oslo", false),
        (&within, r#"{"town": 1} and {"city": "Oslo"}"#, true),
        (&within, r#"{"town": 1}"#, false),
    ])
    .await;
    let grade = alone(&fits, &said(r#"{"city": 1}"#)).await;
    assert_eq!(grade.reason, r#"1 is not of type "string" at /city"#);
}

#[tokio::test]
async fn numbers() {
    hold(&[
        ("{type: number, value: 1234.5}", "It is $1,234.50.", true),
        ("{type: number, value: 42}", "41, no: 42", true),
        ("{type: number, value: 42}", "42, no: 41", false),
        ("{type: number, value: -3}", "minus three: -3", true),
        ("{type: number, value: -3}", "minus three: \u{2212}3", true),
        ("{type: number, value: 7}", "It takes 5-7 days.", true),
        ("{type: number, value: 19}", "COVID-19", true),
        ("{type: number, value: 0.5}", "it is .5", true),
        ("{type: number, value: 1000}", "1e3", true),
        ("{type: number, value: 10, tolerance: 0.5}", "10.5", true),
        ("{type: number, value: 10, tolerance: 0.5}", "10.51", false),
        ("{type: number, value: 200, tolerance: 0.05, relative: true}", "210", true),
        ("{type: number, value: 200, tolerance: 0.05, relative: true}", "211", false),
        ("{type: number, value: 1}", "one", false),
    ])
    .await;
}

#[tokio::test]
async fn what_was_measured() {
    hold(&[
        ("{type: latency, at_most_ms: 800}", "", true),
        ("{type: latency, at_most_ms: 799}", "", false),
        ("{type: cost, at_most_usd: 0.002}", "", true),
        ("{type: cost, at_most_usd: 0.0019}", "", false),
        ("{type: finish_reason, value: stop}", "", true),
        ("{type: finish_reason, value: length}", "", false),
        ("{type: word_count, min: 2, max: 3}", "one  two\nthree", true),
        ("{type: word_count, min: 4}", "one two three", false),
        ("{type: word_count, max: 2}", "one two three", false),
        ("{type: refusal}", "I’m sorry, but I can’t help with that.", true),
        ("{type: refusal}", " \n", true),
        ("{type: refusal}", "Paris is what they say when they cannot decide.", false),
    ])
    .await;
    let marked = Answer { refusal: Some("No.".to_owned()), ..said("text") };
    assert!(alone("{type: refusal}", &marked).await.pass);
    let unpriced = Answer { cost_usd: None, ..said("text") };
    let grade = alone("{type: cost, at_most_usd: 1}", &unpriced).await;
    assert_eq!(grade.error.as_deref(), Some("the answer has no price"));
    let slow = Answer { took: Duration::from_secs(9), ..said("text") };
    assert!(!alone("{type: latency, at_most_ms: 800}", &slow).await.pass);
}

#[tokio::test]
async fn tool_calls() {
    let two: &[(&str, &str)] = &[("a", r#"{"x": 1, "y": "z"}"#), ("b", "")];
    let both: &[(&str, &str)] = &[("a", r#"{"x": 1}"#), ("a", "{}")];
    let none: &[(&str, &str)] = &[];
    let cases = [
        ("{type: tool_calls, compare: names, expected: [b, a]}", two, 1.0),
        ("{type: tool_calls, compare: names, expected: [b, b]}", two, 0.0),
        ("{type: tool_calls, compare: names, expected: '{{ tools }}'}", two, 1.0),
        ("{type: tool_calls, compare: sequence, expected: [a, b]}", two, 1.0),
        ("{type: tool_calls, compare: sequence, expected: [b, a]}", two, 0.0),
        (
            "{type: tool_calls, compare: arguments, expected: [{name: a, arguments: {x: 1.0}}]}",
            two,
            1.0,
        ),
        (
            "{type: tool_calls, compare: arguments, expected: [{name: a, arguments: {x: 2}}]}",
            two,
            0.0,
        ),
        (
            "{type: tool_calls, compare: arguments, expected: [a, {name: a, arguments: {x: 1}}]}",
            both,
            1.0,
        ),
        ("{type: tool_calls, compare: arguments, expected: [{name: b, arguments: {}}]}", two, 1.0),
        ("{type: tool_calls, compare: f1, expected: [a, b]}", two, 1.0),
        ("{type: tool_calls, compare: f1, expected: [a, c]}", two, 0.5),
        ("{type: tool_calls, compare: f1, expected: [{name: a, arguments: {x: 1}}]}", two, 0.0),
        ("{type: tool_calls, compare: f1, expected: []}", none, 1.0),
        ("{type: tool_calls, compare: names, expected: [a]}", none, 0.0),
    ];
    for (grader, made, score) in cases {
        let grade = alone(grader, &calls(made)).await;
        assert_eq!((grade.error.as_deref(), grade.score), (None, score), "{grader}");
        assert_eq!(grade.pass, score >= 1.0, "{grader}");
    }
    let edge = "{type: tool_calls, compare: f1, expected: [a, c], threshold: 0.5}";
    assert!(alone(edge, &calls(two)).await.pass);
    // What graders of wording see of an answer that only calls tools.
    assert!(alone(r#"{type: contains, value: '"name":"a"'}"#, &calls(two)).await.pass);
}

#[tokio::test]
async fn similarity_passes_from_its_threshold_on() {
    hold(&[
        (
            "{type: similarity, measure: levenshtein, reference: kitten, threshold: 0.5}",
            "sitting",
            true,
        ),
        (
            "{type: similarity, measure: levenshtein, reference: kitten, threshold: 0.6}",
            "sitting",
            false,
        ),
        ("{type: similarity, measure: rouge_1, reference: [x, the cat]}", "The cat.", true),
        ("{type: similarity, measure: bleu, reference: 'on the mat'}", "on the mat", true),
        ("{type: similarity, measure: meteor, reference: cats}", "cat", true),
        (
            "{type: similarity, measure: cosine, reference: aab, embeddings: e@house}",
            "aaaabb",
            true,
        ),
        ("{type: similarity, measure: cosine, reference: aab, embeddings: e@house}", "ccc", false),
    ])
    .await;
}

#[tokio::test]
async fn vectors_cost_and_an_empty_answer_has_none() {
    let cosine = "{type: similarity, measure: cosine, reference: [aab, b], embeddings: e@house}";
    let near = alone(cosine, &said("aab")).await;
    assert_eq!((near.pass, near.score, near.cost_usd), (true, 1.0, Some(0.375)));
    let empty = alone(cosine, &said(" ")).await;
    assert_eq!((empty.pass, empty.score, empty.cost_usd), (false, 0.0, None));
    let none = alone(cosine, &said("xyz")).await;
    assert_eq!(none.error.as_deref(), Some("a vector has no direction"));
    assert_eq!(none.cost_usd, Some(0.375), "what fails is paid all the same");
}

#[tokio::test]
async fn scripts() {
    hold(&[
        ("{type: script, source: output.length > 3}", "long", true),
        ("{type: script, source: output.length > 3}", "no", false),
        ("{type: script, source: 'output === context.vars.ideal'}", "Paris", true),
        ("{type: script, source: '0.4'}", "", true),
        ("{type: script, source: '0'}", "", false),
        ("{type: script, source: '0.4', threshold: 0.4}", "", true),
        ("{type: script, source: '0.4', threshold: 0.5}", "", false),
        ("{type: script, source: 'context.provider.id === \"gpt-5.5@house\"'}", "", true),
        ("{type: script, source: 'context.providerResponse.latencyMs === 800'}", "", true),
    ])
    .await;
    for (source, pass, score, reason) in [
        ("({pass: true, score: 0.2, reason: \"so\"})", true, 0.2, "so"),
        ("({pass: false, score: 7})", false, 1.0, ""),
        ("({pass_: true})", true, 1.0, ""),
        ("({score: 0.1})", true, 0.1, ""),
        ("JSON.parse(output)", false, 0.0, "the script threw \"unexpected token: 'x'\" in line 1"),
    ] {
        let grade = alone(&format!("{{type: script, source: '{source}'}}"), &said("x")).await;
        let found = (grade.pass, grade.score, grade.reason.as_str(), grade.error.as_deref());
        assert_eq!(found, (pass, score, reason, None), "{source}");
    }
    let thrown =
        alone("{type: script, negate: true, source: JSON.parse(output)}", &said("x")).await;
    assert!(!thrown.pass, "what cannot be looked at is not good either");
    let wrong = alone("{type: script, source: '\"yes\"'}", &said("x")).await;
    assert_eq!(
        wrong.error.as_deref(),
        Some("expected true or false, a score, or {pass, score, reason}, got \"\"yes\"\"")
    );
    let transformed = "{type: equals, value: Paris, transform: JSON.parse(output).city}";
    assert!(alone(transformed, &said(r#"{"city": "Paris"}"#)).await.pass);
    let unlike = alone(transformed, &said("Paris")).await;
    assert!(!unlike.pass && unlike.error.is_none(), "{unlike:?}");
}

#[tokio::test]
async fn programs() {
    for (argv, pass, error) in [
        ("[sh, -c, 'grep -q Paris && echo true || echo false']", true, None),
        ("[sh, -c, 'echo 0.4']", true, None),
        ("[sh, -c, 'echo \"{\\\"pass\\\": false, \\\"reason\\\": \\\"no\\\"}\"']", false, None),
        ("[sh, -c, 'test -z \"$CARGO_MANIFEST_DIR\" && echo true']", true, None),
        ("[sh, -c, 'exit 3']", false, Some("the program `sh` ended with exit status: 3")),
        ("[sh, -c, 'echo so']", false, Some("the program wrote no JSON: ")),
        ("[no-such-program]", false, Some("the program `no-such-program`: ")),
    ] {
        let grade = alone(&format!("{{type: command, argv: {argv}}}"), &said("In Paris")).await;
        assert_eq!(grade.pass, pass, "{argv}: {grade:?}");
        match (grade.error.as_deref(), error) {
            (None, None) => {}
            (Some(found), Some(wanted)) => assert!(found.starts_with(wanted), "{argv}: {found}"),
            (found, wanted) => panic!("{argv}: {found:?} is not {wanted:?}"),
        }
    }
}

#[tokio::test]
async fn sets() {
    let set = |rest: &str, first: &str| {
        format!(
            "{{type: set, {rest}, graders: [{{type: contains, value: a, id: first{first}}}, \
             {{type: contains, value: b, id: second}}]}}"
        )
    };
    for (grader, text, pass, score) in [
        (set("weight: 1", ""), "ab", true, 1.0),
        (set("weight: 1", ""), "a", false, 0.5),
        (set("threshold: 0.5", ""), "a", true, 0.5),
        (set("threshold: 0.51", ""), "a", false, 0.5),
        (set("threshold: 0.7", ", weight: 3"), "a", true, 0.75),
        (set("weight: 1", ", weight: 0"), "b", true, 1.0),
        (set("weight: 1", ", role: reported"), "b", true, 1.0),
        (set("formula: '0.7 * first + 0.3 * second'", ""), "a", true, 0.7),
        (set("formula: 'min(first, second)'", ""), "a", false, 0.0),
        (set("formula: 'max(first, second) ^ 2'", ""), "a", true, 1.0),
        (set("negate: true", ""), "ab", false, 0.0),
    ] {
        let grade = alone(&grader, &said(text)).await;
        assert_eq!(grade.error, None, "{grader}");
        assert_eq!((grade.pass, grade.score), (pass, score), "{grader}: {}", grade.reason);
        assert_eq!(grade.parts.len(), 2);
    }
    let broken =
        "{type: set, graders: [{type: contains, value: a}, {type: script, source: 'null'}]}";
    let grade = alone(broken, &said("a")).await;
    let error = grade.error.expect("a set is no better than its parts");
    assert!(error.starts_with("script: expected true or false"), "{error}");
}
