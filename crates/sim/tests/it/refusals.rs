//! Refusals in each vendor's words, as the dialect's reader understands them.

use tieline_dialect::ir::{Ask, Block, Content, Message, Role};
use tieline_sim::{Kind, ProviderSpec, Quota, Ramp, Rule, Sim};
use tieline_types::Class;

use crate::support::{
    Answer, SURFACES, Surface, call, one_of_each_dialect, request, sim, sim_of, streamed, user,
    with_fault,
};

async fn struck(surface: Surface, ask: &Ask, fault: &str) -> Answer {
    let request = with_fault(request(surface, ask), fault);
    call(&sim(1), surface.kind.as_str(), request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_refusal_means_the_same_in_the_words_of_every_vendor() {
    for surface in SURFACES {
        for (fault, class) in [
            ("model-gone", Class::UnsupportedHere),
            ("billing-exhausted", Class::Billing),
            ("high-demand", Class::Overloaded),
            ("content-filter", Class::PolicyBlock),
            ("context-limit=1", Class::ContextOverflow),
        ] {
            for ask in [user("one two three four"), streamed(user("one two three four"))] {
                let answer = struck(surface, &ask, fault).await;
                let read = answer.error(surface.dialect);
                assert_eq!(read.class, class, "{surface:?} {fault}: {}", answer.text());
                assert_eq!(read.retry_after, None, "{surface:?} {fault}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_refuses_some_requests_answers_the_others() {
    let warm = Ask { temperature: Some(0.5), ..user("hi") };
    let begun = Ask {
        messages: vec![
            user("hi").messages.remove(0),
            Message {
                role: Role::Assistant,
                blocks: vec![Block::from(Content::Text("Well".to_owned()))],
            },
        ],
        ..user("hi")
    };
    for surface in SURFACES {
        for (fault, struck_by, class) in [
            ("reject-param=temperature", &warm, Class::UnsupportedHere),
            ("reject-prefill", &begun, Class::UnsupportedHere),
            ("context-limit=3", &user("one two three four"), Class::ContextOverflow),
        ] {
            let answer = struck(surface, struck_by, fault).await;
            let read = answer.error(surface.dialect);
            assert_eq!(read.class, class, "{surface:?} {fault}: {}", answer.text());
            let spared = struck(surface, &user("hi"), fault).await;
            assert_eq!(spared.status, 200, "{surface:?} {fault}: {}", spared.text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn high_demand_says_how_long_and_that_quotas_are_left() {
    for surface in SURFACES {
        let answer = struck(surface, &user("hi"), "high-demand,retry-after=6s").await;
        let read = answer.error(surface.dialect);
        assert_eq!(read.class, Class::Overloaded, "{surface:?}");
        let told = (surface.kind != Kind::Bedrock).then_some(6);
        assert_eq!(read.retry_after.map(|wait| wait.as_secs()), told, "{surface:?}");
        let left = tieline_dialect::limits(&answer.headers).requests.remaining;
        assert_ne!(left, Some(0), "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn large_prompts_can_be_struck_first() {
    let sim = sim(1);
    for surface in one_of_each_dialect() {
        let provider = surface.kind.as_str();
        let fault = "high-demand,retry-after=6s".parse().unwrap();
        sim.script().set([Rule { prompt_above: Some(20), ..Rule::new(provider, fault) }]);
        for (text, passes) in [("a few words", true), (&*"many words ".repeat(20), false)] {
            let answer = call(&sim, provider, request(surface, &user(text))).await.unwrap();
            assert_eq!(answer.status == 200, passes, "{surface:?}: {text}");
        }
    }
}

/// A provider whose one account has this quota.
fn limited(kind: Kind, quota: Quota) -> Sim {
    let sim = sim_of(ProviderSpec::new("p", kind));
    sim.quotas().add(quota);
    sim
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_refuses_says_so_and_comes_back() {
    for surface in SURFACES {
        let quota = Quota { requests_per_minute: Some(2), ..Quota::new("p") };
        let sim = limited(surface.kind, quota);
        let mut left = Vec::new();
        for status in [200, 200, 429] {
            let answer = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
            assert_eq!(answer.status, status, "{surface:?}");
            left.push(tieline_dialect::limits(&answer.headers).requests);
            if status == 429 {
                let read = answer.error(surface.dialect);
                assert_eq!(read.class, Class::RateLimited, "{surface:?}: {}", answer.text());
                let told = (surface.kind != Kind::Bedrock).then_some(30);
                assert_eq!(read.retry_after.map(|wait| wait.as_secs()), told, "{surface:?}");
            }
        }
        let tells = !matches!(surface.kind, Kind::Bedrock | Kind::OpenaiCompatible);
        let told = left.iter().map(|limit| (limit.limit, limit.remaining));
        let expected = [1, 0, 0].map(|n| if tells { (Some(2), Some(n)) } else { (None, None) });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{surface:?}");
        let resets = left.iter().filter_map(|limit| limit.reset).map(|reset| reset.as_secs());
        let expected: &[u64] = if tells { &[30, 60, 60] } else { &[] };
        assert_eq!(resets.collect::<Vec<_>>(), expected, "{surface:?}");

        tokio::time::advance(std::time::Duration::from_secs(30)).await;
        let answer = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
        assert_eq!(answer.status, 200, "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_of_prompts_and_answers_are_told_as_each_vendor_counts_them() {
    let ask = user("echo: one two three four");
    for surface in one_of_each_dialect() {
        let sim = limited(
            surface.kind,
            Quota {
                tokens_per_minute: Some(600),
                input_tokens_per_minute: Some(500),
                output_tokens_per_minute: Some(400),
                ..Quota::new("p")
            },
        );
        let answer = call(&sim, "p", request(surface, &ask)).await.unwrap();
        let used = answer.reply(surface.dialect).unwrap().usage.unwrap();
        let limits = tieline_dialect::limits(&answer.headers);
        let all = 600 - used.input_total() - used.output_total();
        let expected = match surface.kind {
            Kind::Openai => [Some(all), None, None],
            Kind::Anthropic => {
                [Some(all), Some(500 - used.input_total()), Some(400 - used.output_total())]
            }
            _ => [None; 3],
        };
        let told = [limits.tokens, limits.input_tokens, limits.output_tokens];
        assert_eq!(told.map(|limit| limit.remaining), expected, "{surface:?}");

        sim.quotas().scale("p", None, 0.3);
        let answer = call(&sim, "p", request(surface, &ask)).await.unwrap();
        let limit = tieline_dialect::limits(&answer.headers).tokens.limit;
        assert_eq!(limit, expected[0].map(|_| 180), "{surface:?}: a quota that was cut says so");
    }
}

#[tokio::test(start_paused = true)]
async fn load_that_grows_too_fast_is_told_to_slow_down() {
    for surface in SURFACES {
        let ramp = Some(Ramp::above(60));
        let sim = limited(surface.kind, Quota { ramp, ..Quota::new("p") });
        let first = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
        assert_eq!(first.status, 200, "{surface:?}");
        let second = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
        let read = second.error(surface.dialect);
        assert_eq!((second.status, read.class), (429, Class::RateLimited), "{surface:?}");
        if surface.kind == Kind::Openai {
            assert_eq!(read.code.as_deref(), Some("slow_down"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn errors_can_depend_on_load() {
    let surface = one_of_each_dialect()[0];
    let sim = limited(surface.kind, Quota { requests_per_minute: Some(60), ..Quota::new("p") });
    let broken = Rule { load_above: Some(0.6), ..Rule::new("p", "status=500".parse().unwrap()) };
    sim.script().add(broken);
    let mut failed = [0, 0, 0];
    // One request every two seconds, then one a second, then every two seconds again.
    for (phase, gap_s) in [2, 1, 2].into_iter().enumerate() {
        for _ in 0..60 {
            let answer = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
            failed[phase] += u32::from(answer.status == 500);
            tokio::time::advance(std::time::Duration::from_secs(gap_s)).await;
        }
    }
    assert_eq!(failed[0], 0);
    assert!(failed[1] > 50, "{failed:?}");
    assert!(failed[2] > 0 && failed[2] < 20, "{failed:?}: it gets well when load falls");
}
