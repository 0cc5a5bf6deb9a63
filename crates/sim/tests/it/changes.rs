//! Answers that are complete and yet not what they should be, and answers that are slow.

use std::time::Duration;

use serde_json::{json, value::to_raw_value};
use tieline_dialect::ir::{Ask, Content, Event, Finish, Reply, Tool, ToolChoice};
use tieline_sim::{Kind, Known, Pace, ProviderSpec, Rule, Sim, Spread};
use tieline_types::{Class, DialectId};

use crate::support::{
    Answer, End, SURFACES, Surface, call, one_of_each_dialect, paced, request, sim, sim_of,
    streamed, text_of, user, with_fault,
};

const SAID: &str = "echo: one two three four five six seven eight";

async fn struck(sim: &Sim, surface: Surface, ask: &Ask, fault: &str) -> Answer {
    let request = with_fault(request(surface, ask), fault);
    call(sim, surface.kind.as_str(), request).await.unwrap()
}

/// The reply to the same question, whole and streamed, which must be the same.
async fn reply(surface: Surface, ask: &Ask, fault: &str) -> Reply {
    let sim = sim(1);
    let whole = struck(&sim, surface, ask, fault).await.reply(surface.dialect).unwrap();
    let told = struck(&sim, surface, &streamed(ask.clone()), fault).await;
    let told = told.collected(surface.dialect).unwrap();
    assert_eq!(text_of(&whole), text_of(&told), "{surface:?} {fault}");
    assert_eq!(whole.finish, told.finish, "{surface:?} {fault}");
    assert_eq!(whole.usage, told.usage, "{surface:?} {fault}");
    whole
}

#[tokio::test(start_paused = true)]
async fn a_silently_short_answer_looks_complete() {
    for surface in SURFACES {
        let short = reply(surface, &user(SAID), "silent-short=3").await;
        assert_eq!(text_of(&short), "one two thre", "{surface:?}");
        assert_eq!(short.finish, Finish::Stop, "{surface:?}");
        assert_eq!(short.usage.unwrap().output_total(), 3, "{surface:?}");
        let whole = reply(surface, &user(SAID), "silent-short=99").await;
        assert_eq!(text_of(&whole), &SAID[6..], "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_content_filter_can_cut_in() {
    for surface in SURFACES {
        let filtered = reply(surface, &user(SAID), "content-filter,after=2").await;
        let cut_in = matches!(filtered.finish, Finish::ContentFilter | Finish::Refusal);
        assert!(cut_in, "{surface:?}: {:?}", filtered.finish);
        assert_eq!(text_of(&filtered), "one two ", "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn garbled_tokens_are_a_share_and_the_same_each_time() {
    let said = format!("echo: {}", "word".repeat(600));
    for surface in one_of_each_dialect() {
        let garbled = text_of(&reply(surface, &user(&said), "garble=0.16").await);
        let left = garbled.matches("word").count();
        assert!((470..540).contains(&left), "{surface:?}: {left} of 600");
        for (fault, kept) in [("garble=0", 600), ("garble=1", 0)] {
            let text = text_of(&reply(surface, &user(&said), fault).await);
            assert_eq!(text.matches("word").count(), kept, "{surface:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sticky_share_strikes_the_same_conversations_and_users() {
    let surface = one_of_each_dialect()[0];
    let sim = sim(1);
    let fault = "garble=1".parse().unwrap();
    sim.script().add(Rule { share: Some(0.5), sticky: true, ..Rule::new("openai", fault) });
    let mut hits = 0;
    for number in 0..40 {
        let asked = |user_id: Option<String>, text: &str| Ask { user: user_id, ..user(text) };
        let said = format!("echo: this is conversation {number}");
        for ask in [asked(None, &said), asked(Some(format!("user-{number}")), "echo: hello")] {
            let mut answers = Vec::new();
            for _ in 0..3 {
                let answer = call(&sim, "openai", request(surface, &ask)).await.unwrap();
                answers.push(text_of(&answer.reply(surface.dialect).unwrap()));
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "{said}");
            hits += u32::from(!answers[0].is_ascii());
        }
    }
    assert!((25..55).contains(&hits), "{hits} of 80");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_answer_has_the_form_of_a_right_one() {
    let known = r#"{"when": "capital of France", "say": "Paris", "wrong": "Lyon"}"#;
    for surface in one_of_each_dialect() {
        let known = Known::read(known).unwrap();
        let spec = ProviderSpec::new("p", surface.kind);
        let sim = sim_of(ProviderSpec { known: Some(known.into()), ..spec });
        for (question, right) in [("the capital of France", "Paris"), ("echo: Paris", "Paris")] {
            let ask = user(question);
            let well = call(&sim, "p", request(surface, &ask)).await.unwrap();
            assert_eq!(text_of(&well.reply(surface.dialect).unwrap()), right, "{surface:?}");
            let wrong = with_fault(request(surface, &ask), "wrong");
            let wrong = call(&sim, "p", wrong).await.unwrap().reply(surface.dialect).unwrap();
            assert_ne!(text_of(&wrong), right, "{surface:?}: {question}");
            assert_eq!(wrong.finish, Finish::Stop, "{surface:?}");
            assert!(!text_of(&wrong).is_empty(), "{surface:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_announced_is_added_to_a_good_answer() {
    for surface in SURFACES {
        let sim = sim(1);
        let ask = user(SAID);
        for ask in [ask.clone(), streamed(ask)] {
            let answer = struck(&sim, surface, &ask, "schema-drift").await;
            let added = answer.text().matches("unannounced").count();
            let read = match ask.stream {
                true => answer.collected(surface.dialect),
                false => answer.reply(surface.dialect),
            };
            assert_eq!(text_of(&read.unwrap()), &SAID[6..], "{surface:?}");
            assert!(added > if ask.stream { 10 } else { 0 }, "{surface:?}: {added}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn consumption_may_be_kept_secret() {
    for surface in SURFACES {
        let sim = sim(1);
        let whole = struck(&sim, surface, &user(SAID), "no-usage").await;
        let read = whole.reply(surface.dialect).unwrap();
        assert_eq!(text_of(&read), &SAID[6..], "{surface:?}");
        assert_eq!(read.usage.unwrap_or_default().output_total(), 0, "{surface:?}");
        let told = struck(&sim, surface, &streamed(user(SAID)), "no-usage").await;
        let usage = told.events(surface.dialect).into_iter().find_map(|event| match event {
            Event::Usage(usage) => Some(usage.output_total()),
            _ => None,
        });
        assert_eq!(usage.unwrap_or_default(), 0, "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cold_cache_is_paid_for() {
    let surface = one_of_each_dialect()[0];
    let turns = ["hello there, this is a longer beginning", "echo: one", "echo: two"];
    let mut ask = Ask { cache_key: Some("k".to_owned()), ..user(turns[0]) };
    for (turn, role) in turns[1..].iter().zip(["assistant", "user"]) {
        let mut message = user(turn).messages.remove(0);
        if role == "assistant" {
            message.role = tieline_dialect::ir::Role::Assistant;
        }
        ask.messages.push(message);
    }
    let warm = reply(surface, &ask, "silent-short=99").await.usage.unwrap();
    let cold = reply(surface, &ask, "cache-miss").await.usage.unwrap();
    assert!(warm.cache_read > 0, "{warm:?}");
    assert_eq!((cold.cache_read, cold.input_total()), (0, warm.input_total()));
}

/// A request that is answered by a call with several tokens of arguments.
fn calling() -> Ask {
    let schema = json!({
        "type": "object", "required": ["city", "days"],
        "properties": {
            "city": { "type": "string", "minLength": 30 },
            "days": { "type": "integer" },
        },
    });
    let tool = Tool {
        name: "weather".to_owned(),
        description: None,
        parameters: Some(to_raw_value(&schema).unwrap()),
        strict: None,
        cache: None,
    };
    Ask { tools: vec![tool], tool_choice: Some(ToolChoice::Required), ..user("hi") }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_tool_breaks_within_its_arguments() {
    for surface in SURFACES {
        let sim = sim(1);
        let whole = struck(&sim, surface, &streamed(calling()), "silent-short=0").await;
        let whole = whole.collected(surface.dialect).unwrap();
        let Some(Content::ToolCall(call)) = whole.blocks.first() else {
            panic!("{surface:?}: {whole:?}")
        };
        for (fault, end, class) in [
            ("cut-after=3", End::Broken, Class::StreamTruncated),
            ("cut-clean-after=3", End::Whole, Class::StreamTruncated),
            ("stall-after=3", End::Never, Class::StreamTruncated),
            ("in-band=modelStreamErrorException,after=3", End::Whole, Class::StreamError),
        ] {
            let cut = struck(&sim, surface, &streamed(calling()), fault).await;
            assert_eq!(cut.end, end, "{surface:?} {fault}");
            let events = cut.events(surface.dialect);
            let said: String = events.iter().filter_map(arguments).collect();
            let begun = !said.is_empty() && call.arguments.starts_with(&said);
            assert!(begun && said.len() < call.arguments.len(), "{surface:?} {fault}: {said}");
            let read = cut.collected(surface.dialect).unwrap_err();
            let in_band = fault.starts_with("in-band");
            assert_eq!(read.class == Class::StreamTruncated, !in_band, "{surface:?}: {read}");
            if surface.dialect == DialectId::BedrockConverse {
                assert_eq!(read.class, class, "{surface:?} {fault}");
            }
        }
    }
}

fn arguments(event: &Event) -> Option<&str> {
    match event {
        Event::Delta { delta: tieline_dialect::ir::Delta::Arguments(text), .. } => Some(text),
        _ => None,
    }
}

const FIRST: Duration = Duration::from_millis(400);
const EACH: Duration = Duration::from_millis(30);

#[tokio::test(start_paused = true)]
async fn slowness_can_be_a_factor() {
    for surface in one_of_each_dialect() {
        let sim = paced(surface.kind, FIRST, EACH);
        for (fault, first, each) in [
            ("slow-first-token=8x", FIRST * 8, EACH),
            ("slow-tokens=8x", FIRST, EACH * 8),
            ("slow-tokens=0.5x", FIRST, EACH / 2),
        ] {
            let ask = streamed(user("echo: one two three"));
            let slow = with_fault(request(surface, &ask), fault);
            let answer = call(&sim, "p", slow).await.unwrap();
            for token in 0..4 {
                let due = first + each * token;
                let near = |at: &Duration| at.abs_diff(due) <= Duration::from_millis(4);
                let times = answer.chunks.iter().map(|(at, _)| at);
                assert!(times.clone().any(near), "{surface:?} {fault}: {due:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn paces_are_drawn_for_every_answer() {
    let surface = one_of_each_dialect()[2];
    let spread = Spread { first_token_p95: FIRST * 4, per_token_p95: EACH * 2 };
    let spec = ProviderSpec {
        pace: Pace { first_token: FIRST, per_token: EACH },
        spread: Some(spread),
        ..ProviderSpec::new("p", Kind::Anthropic)
    };
    let times = async || {
        let sim = sim_of(spec.clone());
        let mut times = Vec::new();
        for _ in 0..200 {
            let answer = call(&sim, "p", request(surface, &user("echo: hi"))).await.unwrap();
            times.push(answer.chunks[0].0);
        }
        times
    };
    let first = times().await;
    assert_eq!(first, times().await, "the same seed draws the same paces");
    let faster = first.iter().filter(|time| **time < FIRST).count();
    let slowest = first.iter().filter(|time| **time > FIRST * 4).count();
    assert!((70..130).contains(&faster), "{faster} of 200 are below the median");
    assert!((2..25).contains(&slowest), "{slowest} of 200 are above the 95th percentile");
}
