//! Every way to fail is what it says, in every dialect.

use http::Request;
use http_body_util::Full;
use tieline_dialect::ir::Event;
use tieline_types::{Class, DialectId};

use crate::support::{
    Answer, End, NoAnswer, SURFACES, Surface, call, call_http2, one_of_each_dialect, request, sim,
    streamed, text_of, user, with_fault,
};

const SAID: &str = "echo: one two three four";

fn whole(surface: Surface, fault: &str) -> Request<Full<bytes::Bytes>> {
    with_fault(request(surface, &user(SAID)), fault)
}

fn stream(surface: Surface, fault: &str) -> Request<Full<bytes::Bytes>> {
    with_fault(request(surface, &streamed(user(SAID))), fault)
}

async fn answer(surface: Surface, request: Request<Full<bytes::Bytes>>) -> Answer {
    call(&sim(1), surface.kind.as_str(), request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn statuses_are_read_as_what_they_mean() {
    for surface in SURFACES {
        for (status, class) in [
            (400, Class::ClientInvalid),
            (401, Class::Auth),
            (403, Class::Auth),
            (404, Class::UnsupportedHere),
            (408, Class::Timeout),
            (413, Class::TooLarge),
            (429, Class::RateLimited),
            (500, Class::ServerError),
            (503, Class::Overloaded),
            (529, Class::Overloaded),
        ] {
            for request in [whole, stream] {
                let answer = answer(surface, request(surface, &format!("status={status}"))).await;
                assert_eq!((answer.status, answer.end), (status, End::Whole));
                let fault = answer.error(surface.dialect);
                assert_eq!(fault.class, class, "{surface:?} {status}: {}", answer.text());
                assert!(!fault.message.is_empty() && fault.upstream_request_id.is_some());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn code_words_refine_statuses() {
    let [openai, _, anthropic, bedrock] = one_of_each_dialect();
    let azure = SURFACES[2];
    for (surface, fault, class) in [
        (openai, "status=429,error=insufficient_quota", Class::Billing),
        (openai, "status=429,error=credit_balance_exhausted", Class::Billing),
        (openai, "status=400,error=context_length_exceeded", Class::ContextOverflow),
        (azure, "status=400,error=content_filter", Class::PolicyBlock),
        (anthropic, "status=402", Class::Billing),
        (anthropic, "status=400,error=context_length_exceeded", Class::ContextOverflow),
        (bedrock, "status=429,error=ModelNotReadyException", Class::Overloaded),
        (bedrock, "status=424", Class::ServerError),
        (bedrock, "status=400,error=context_length_exceeded", Class::ContextOverflow),
    ] {
        let answer = answer(surface, whole(surface, fault)).await;
        let read = answer.error(surface.dialect);
        assert_eq!(read.class, class, "{surface:?} {fault}: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn silence_before_during_and_instead_of_the_answer() {
    for surface in one_of_each_dialect() {
        let provider = surface.kind.as_str();
        for request in [whole, stream] {
            let hung = call(&sim(1), provider, request(surface, "hang")).await;
            assert_eq!(hung.unwrap_err(), NoAnswer::Never, "{surface:?}");
            let refused = call(&sim(1), provider, request(surface, "refuse")).await;
            assert_eq!(refused.unwrap_err(), NoAnswer::Closed, "{surface:?}");
            let refused = call_http2(&sim(1), provider, request(surface, "refuse")).await;
            assert_eq!(refused.unwrap_err(), NoAnswer::Closed, "{surface:?}");
            let answer = answer(surface, request(surface, "hang-after-headers")).await;
            assert_eq!((answer.status, answer.end), (200, End::Never), "{surface:?}");
            assert!(answer.body().is_empty());
        }
        let stalled = answer(surface, stream(surface, "stall-after=3")).await;
        assert_eq!(stalled.end, End::Never, "{surface:?}");
        assert_eq!(stalled.content(surface.dialect), 3, "{surface:?}");
        let stalled = answer(surface, whole(surface, "stall-after=3")).await;
        assert_eq!(stalled.end, End::Never, "{surface:?}");
        assert!(!stalled.body().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_stream_never_looks_complete() {
    for surface in one_of_each_dialect() {
        for (fault, end, content) in [
            ("cut-after=2", End::Broken, 2),
            ("cut-clean-after=2", End::Whole, 2),
            ("cut-clean-after=0", End::Whole, 0),
            ("cut-clean-after=99", End::Whole, 5),
        ] {
            let cut = answer(surface, stream(surface, fault)).await;
            assert_eq!(cut.end, end, "{surface:?} {fault}");
            assert_eq!(cut.content(surface.dialect), content, "{surface:?} {fault}");
            let fault = cut.collected(surface.dialect).unwrap_err();
            assert_eq!(fault.class, Class::StreamTruncated, "{surface:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_cut_ends_within_an_event() {
    for surface in one_of_each_dialect() {
        let healthy = answer(surface, request(surface, &streamed(user(SAID)))).await.body();
        let clean = answer(surface, stream(surface, "cut-clean-after=2")).await.body();
        let broken = answer(surface, stream(surface, "cut-after=2")).await.body();
        assert!(healthy.starts_with(&broken) && broken.starts_with(&clean), "{surface:?}");
        assert!(broken.len() > clean.len(), "{surface:?}");
        let cut = stream(surface, "cut-after=2");
        let reset = call_http2(&sim(1), surface.kind.as_str(), cut).await.unwrap();
        assert_eq!(reset.end, End::Broken, "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_whole_body_is_short() {
    for surface in one_of_each_dialect() {
        for (fault, end) in [("cut-after=0", End::Broken), ("cut-clean-after=0", End::Whole)] {
            let cut = answer(surface, whole(surface, fault)).await;
            assert_eq!(cut.end, end, "{surface:?}");
            let read = cut.reply(surface.dialect).unwrap_err();
            assert_eq!(read.class, Class::BadPayload, "{surface:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_cannot_be_read() {
    for surface in one_of_each_dialect() {
        let page = answer(surface, whole(surface, "garbage")).await;
        assert_eq!(page.header("content-type"), Some("text/html"));
        assert_eq!(page.reply(surface.dialect).unwrap_err().class, Class::BadPayload);

        let garbled = answer(surface, stream(surface, "garbage")).await;
        let events = garbled.events(surface.dialect);
        let fault = events.iter().find_map(|event| match event {
            Event::Error(fault) => Some(fault),
            _ => None,
        });
        assert_eq!(fault.map(|fault| fault.class), Some(Class::BadPayload), "{surface:?}");
        assert_eq!(garbled.content(surface.dialect), 0, "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_band_errors_have_the_dialects_form() {
    for surface in one_of_each_dialect() {
        let (code, mark) = match surface.dialect {
            DialectId::OpenaiChat => ("server_error", "data: {\"error\":"),
            DialectId::OpenaiResponses => ("server_error", "response.failed"),
            DialectId::AnthropicMessages => ("overloaded_error", "event: error\n"),
            DialectId::BedrockConverse => ("ThrottlingException", "throttlingException"),
        };
        for (after, form) in
            [(0, format!("in-band={code}")), (3, format!("in-band={code},after=3"))]
        {
            let failed = answer(surface, stream(surface, &form)).await;
            assert_eq!(failed.content(surface.dialect), after, "{surface:?}");
            assert!(failed.text().contains(mark), "{surface:?}: {}", failed.text());
            assert_eq!(failed.end, End::Whole);
            let fault = failed.collected(surface.dialect).unwrap_err();
            assert_ne!(fault.class, Class::StreamTruncated, "{surface:?}");
            assert_ne!(fault.class, Class::BadPayload, "{surface:?}");
        }
        let failed = answer(surface, whole(surface, &format!("in-band={code}"))).await;
        assert_eq!(failed.status, 200);
        assert!(failed.reply(surface.dialect).is_err(), "{surface:?}: {}", failed.text());
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_complete_and_says_nothing() {
    for surface in SURFACES {
        let reply = answer(surface, whole(surface, "empty")).await.reply(surface.dialect).unwrap();
        assert_eq!(text_of(&reply), "", "{surface:?}");
        assert_eq!(reply.usage.unwrap().output_total(), 0, "{surface:?}");
        let told = answer(surface, stream(surface, "empty")).await;
        assert_eq!(told.content(surface.dialect), 0, "{surface:?}");
        assert_eq!(told.collected(surface.dialect).unwrap().finish, reply.finish);
    }
}
