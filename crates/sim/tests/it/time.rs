//! Pace: when tokens come, on paused time.

use std::time::Duration;

use tieline_dialect::ir::Event;
use tieline_sim::{Fault, Rule};

use crate::support::{call, one_of_each_dialect, paced, request, streamed, user, with_fault};

const FIRST: Duration = Duration::from_millis(400);
const EACH: Duration = Duration::from_millis(30);

#[tokio::test(start_paused = true)]
async fn tokens_come_at_the_providers_pace() {
    for surface in one_of_each_dialect() {
        let sim = paced(surface.kind, FIRST, EACH);
        let ask = streamed(user("echo: one two three"));
        let answer = call(&sim, "p", request(surface, &ask)).await.unwrap();
        let content = answer.content(surface.dialect);
        assert_eq!(content, 4);
        let times: Vec<Duration> = answer.chunks.iter().map(|(at, _)| *at).collect();
        assert!(times[0] < FIRST, "{surface:?}: the stream opens before its first token");
        let due: Vec<Duration> = (0..4).map(|token| FIRST + EACH * token).collect();
        for at in &due {
            assert!(times.iter().any(|time| same(*time, *at)), "{surface:?}: {times:?}");
        }
        assert!(times.last().is_some_and(|last| same(*last, due[3])), "{surface:?}: {times:?}");
        assert!(answer.events(surface.dialect).contains(&Event::End));

        let ask = user("echo: one two three");
        let whole = call(&sim, "p", request(surface, &ask)).await.unwrap();
        assert!(same(whole.chunks[0].0, due[3]), "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_token_delays_the_rest_as_well() {
    for surface in one_of_each_dialect() {
        let sim = paced(surface.kind, FIRST, EACH);
        for ask in [streamed(user("echo: one two three")), user("echo: one two three")] {
            let slow = with_fault(request(surface, &ask), "slow-first-token=5s");
            let answer = call(&sim, "p", slow).await.unwrap();
            let last = answer.chunks.last().unwrap().0;
            assert!(same(last, Duration::from_secs(5) + FIRST + EACH * 3), "{surface:?}: {last:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_comes_and_goes_with_time() {
    let surface = one_of_each_dialect()[0];
    let sim = paced(surface.kind, Duration::ZERO, Duration::ZERO);
    sim.script().add(Rule {
        from: Some(Duration::from_secs(600)),
        until: Some(Duration::from_secs(1200)),
        ..Rule::new("p", "status=503".parse::<Fault>().unwrap())
    });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
        statuses.push((answer.status, answer.header("date").unwrap().to_owned()));
        tokio::time::advance(Duration::from_secs(500)).await;
    }
    let codes: Vec<u16> = statuses.iter().map(|(status, _)| *status).collect();
    assert_eq!(codes, [200, 200, 503, 200]);
    assert_eq!(statuses[3].1, "Sun, 22 Nov 2026 00:25:00 GMT");
}

/// Timers have a resolution of a millisecond.
fn same(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= Duration::from_millis(3)
}
