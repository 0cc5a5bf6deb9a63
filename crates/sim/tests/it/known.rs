//! Questions with known answers.

use std::sync::Arc;

use tieline_sim::{Known, ProviderSpec, Sim};

use crate::support::{SURFACES, call, request, text_of, user};

const LINES: &str = r#"
{"when": "capital of France", "say": "Paris", "wrong": "Lyon"}
{"when": "capital", "say": "It depends."}
"#;

fn sim(kind: tieline_sim::Kind, share: f64) -> Sim {
    let known = Arc::new(Known::read(LINES).unwrap().wrong("p", share));
    Sim::new(7, vec![ProviderSpec { known: Some(known), ..ProviderSpec::new("p", kind) }])
}

async fn said(sim: &Sim, surface: crate::support::Surface, text: &str) -> String {
    let answer = call(sim, "p", request(surface, &user(text))).await.unwrap();
    text_of(&answer.reply(surface.dialect).unwrap()).to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_answered_on_every_surface() {
    for surface in SURFACES {
        let (right, wrong) = (sim(surface.kind, 0.0), sim(surface.kind, 1.0));
        for (text, good, bad) in [
            ("What is the capital of France?", "Paris", "Lyon"),
            ("What is the capital of Peru?", "It depends.", "I do not know."),
        ] {
            assert_eq!(said(&right, surface, text).await, good, "{surface:?}");
            assert_eq!(said(&wrong, surface, text).await, bad, "{surface:?}");
        }
        let other = said(&right, surface, "Who are you?").await;
        assert!(!other.contains("Paris") && other.len() > 20, "{surface:?}: {other}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_share_of_wrong_answers_is_always_the_same_ones() {
    let surface = SURFACES[0];
    let sim = sim(surface.kind, 0.25);
    let mut wrong = Vec::new();
    for at in 0..400 {
        let text = format!("What is the capital of France, asked for the {at}th time?");
        let first = said(&sim, surface, &text).await;
        assert_eq!(said(&sim, surface, &text).await, first);
        wrong.extend((first == "Lyon").then_some(at));
    }
    assert!((70..130).contains(&wrong.len()), "{} of 400", wrong.len());
}

#[test]
fn a_bad_line_is_named() {
    let told = Known::read("{\"when\": \"a\", \"say\": \"b\"}\n{\"when\": 3}").unwrap_err();
    assert!(told.to_string().starts_with("line 2: "), "{told}");
}
