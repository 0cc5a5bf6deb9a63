//! One seed and one sequence of requests: the same bytes at the same times.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tieline_sim::{Kind, Pace, ProviderSpec, Quota, Ramp, Rule, Sim, Spread};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::support::{SURFACES, call, request, streamed, user};

/// Faults that draw, count or measure, each for a share of requests.
const FAULTS: [(&str, f64); 8] = [
    ("status=529", 0.1),
    ("garble=0.3", 0.2),
    ("slow-tokens=3x", 0.2),
    ("in-band=overloaded_error,after=2", 0.1),
    ("wrong", 0.1),
    ("schema-drift", 0.1),
    ("cut-after=1", 0.1),
    ("high-demand,retry-after=2s", 0.1),
];

fn world(seed: u64) -> Sim {
    let spec = |kind: Kind| ProviderSpec {
        pace: Pace {
            first_token: Duration::from_millis(300),
            per_token: Duration::from_millis(15),
        },
        spread: Some(Spread {
            first_token_p95: Duration::from_millis(900),
            per_token_p95: Duration::from_millis(40),
        }),
        ..ProviderSpec::new(kind.as_str(), kind)
    };
    let sim = Sim::new(seed, Kind::ALL.map(spec).to_vec());
    for kind in Kind::ALL {
        let provider = kind.as_str();
        for (at, (fault, share)) in FAULTS.into_iter().enumerate() {
            let fault = fault.parse().unwrap();
            let share = Some(share);
            sim.script().add(Rule { share, sticky: at % 2 == 1, ..Rule::new(provider, fault) });
        }
        sim.quotas().add(Quota {
            requests_per_minute: Some(100),
            tokens_per_minute: Some(6000),
            ramp: Some(Ramp::above(3000)),
            ..Quota::new(provider)
        });
    }
    sim
}

/// Everything that is seen of 150 requests, many of them under way at once.
async fn log(seed: u64) -> Vec<String> {
    let sim = world(seed);
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    for number in 0_usize..150 {
        let surface = SURFACES[number % SURFACES.len()];
        let ask = user(&format!("question {}", number % 40));
        let ask = if number % 3 == 0 { ask } else { streamed(ask) };
        let handle = sim.clone();
        under_way.spawn(async move {
            let provider = surface.kind.as_str();
            let answer = call(&handle, provider, request(surface, &ask)).await;
            let seen = answer.map(|answer| {
                let hash = Sha256::digest(answer.body());
                let times: Vec<Duration> = answer.chunks.iter().map(|(at, _)| *at).collect();
                (answer.status, answer.headers, answer.end, times, format!("{hash:x}"))
            });
            (number, format!("{number} {:?} {seen:?}", begun.elapsed()))
        });
        sleep(Duration::from_millis(70)).await;
        if number == 75 {
            sim.quotas().scale("openai", None, 0.3);
        }
    }
    let mut lines = under_way.join_all().await;
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_the_same_bytes_at_the_same_times() {
    let first = log(7).await;
    let again = log(7).await;
    for (one, other) in first.iter().zip(&again) {
        assert_eq!(one, other);
    }
    assert_ne!(first, log(8).await);
    let refused = first.iter().filter(|line| line.contains("(429")).count();
    assert!((10..125).contains(&refused), "{refused} of 150 met a limit");
}
