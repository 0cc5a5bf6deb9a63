//! Prepared answers for load tests.

use std::time::Duration;

use tieline_sim::{FixedReply, Pace, ProviderSpec, Rule};

use crate::support::{SURFACES, call, request, sim_of, streamed, text_of, user};

fn spec(kind: tieline_sim::Kind) -> ProviderSpec {
    ProviderSpec {
        fixed: Some(FixedReply { reply_bytes: 1000, chunks: 10 }),
        pace: Pace { first_token: Duration::from_secs(1), per_token: Duration::from_millis(100) },
        ..ProviderSpec::new("p", kind)
    }
}

#[tokio::test(start_paused = true)]
async fn every_path_has_a_prepared_answer() {
    for surface in SURFACES {
        let sim = sim_of(spec(surface.kind));
        let whole = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
        let reply = whole.reply(surface.dialect).unwrap();
        assert_eq!(text_of(&reply).len(), 1000, "{surface:?}");

        let ask = streamed(user("hi"));
        let stream = call(&sim, "p", request(surface, &ask)).await.unwrap();
        assert_eq!(stream.content(surface.dialect), 10, "{surface:?}");
        let told = stream.collected(surface.dialect).unwrap();
        assert_eq!(text_of(&told), text_of(&reply), "{surface:?}");
        for answer in [whole, stream] {
            let last = answer.chunks.last().unwrap().0;
            let off = last.abs_diff(Duration::from_millis(1900));
            assert!(off <= Duration::from_millis(3), "{surface:?}: {last:?}");
        }
        assert_eq!(sim.count("p"), 2);
        assert!(sim.seen("p").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn faults_strike_prepared_answers_too() {
    for surface in SURFACES {
        let sim = sim_of(spec(surface.kind));
        sim.script().set([
            Rule { stream: Some(true), ..Rule::new("p", "cut-clean-after=4".parse().unwrap()) },
            Rule::new("p", "status=503".parse().unwrap()),
        ]);
        let whole = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
        assert_eq!(whole.status, 503, "{surface:?}");
        let ask = streamed(user("hi"));
        let stream = call(&sim, "p", request(surface, &ask)).await.unwrap();
        assert_eq!(stream.content(surface.dialect), 4, "{surface:?}");
        assert!(stream.collected(surface.dialect).is_err(), "{surface:?}");
    }
}
