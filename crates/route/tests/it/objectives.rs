//! What a tier prefers, and what it will not have.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};
use tieline_route::{
    Ask, Candidate, Ceilings, Configured, Criticality, Decision, Demand, Deployment, Feature,
    Limits, Live, Mode, OnBreak, Plan, Prefer, Prospect, Role, Step, Tier, Verdict, Weights, Who,
    decide,
};
use tieline_types::{Class, Fault, Rates, TokenPrices, Usage, UsdPico};

use crate::{all, pass};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn usd(text: &str) -> UsdPico {
    text.parse().unwrap()
}

fn prices(input: &str, output: &str) -> TokenPrices {
    TokenPrices { input: Some(usd(input)), output: Some(usd(output)), ..TokenPrices::default() }
}

pub(crate) fn rates(input: &str, output: &str) -> Rates {
    Rates { usual: prices(input, output), long: None }
}

/// A feature of one tier over deployments with these prices and qualities.
pub(crate) struct Shop {
    feature: Arc<Feature>,
    live: Live,
}

impl Shop {
    pub(crate) fn new(
        prefer: Prefer,
        ceilings: Ceilings,
        wares: &[(Option<Rates>, Option<f64>)],
    ) -> Self {
        let deployment =
            |(n, (rates, quality)): (usize, &(Option<Rates>, Option<f64>))| Deployment {
                id: format!("m@p{n}").into(),
                model: "m".into(),
                provider: format!("p{n}").into(),
                domains: Vec::new(),
                limits: Configured::default(),
                rates: rates.map(Arc::new),
                max_output: None,
                quality: *quality,
            };
        let candidates = (0..wares.len())
            .map(|deployment| Candidate { deployment, weight: 1, role: Role::Serving })
            .collect();
        let tier = Tier {
            name: "t".into(),
            mode: Mode::Models { candidates, prefer },
            ttft: None,
            deadline: None,
            acceptable: true,
            ceilings,
        };
        let feature = Arc::new(Feature {
            name: "f".into(),
            owner: None,
            criticality: Criticality::Critical,
            deadline: s(20),
            return_after: s(300),
            strict: false,
            hedge: None,
            on_break: OnBreak::Error,
            limits: Limits::default(),
            implicit: false,
            tiers: vec![tier],
        });
        let plan = Plan {
            deployments: wares.iter().enumerate().map(deployment).collect(),
            features: BTreeMap::from([(Arc::clone(&feature.name), Arc::clone(&feature))]),
            ..Plan::default()
        };
        Self { feature, live: Live::new(&plan) }
    }

    fn priced(prefer: Prefer, wares: &[Rates]) -> Self {
        let wares: Vec<_> = wares.iter().map(|rates| (Some(*rates), None)).collect();
        Self::new(prefer, Ceilings::default(), &wares)
    }

    fn decide(&self, now: Duration, input: u64) -> Decision {
        let ask = Ask { demand: Demand { input, output: 0 }, ..Ask::default() };
        let seed = u64::try_from(now.as_millis()).unwrap();
        decide(&self.feature, &all(), &self.live, now, ask, &mut StdRng::seed_from_u64(seed))
    }

    /// The deployments in the order in which a request of so much input tries them.
    pub(crate) fn order(&self, now: Duration, input: u64) -> Vec<usize> {
        calls(&self.decide(now, input))
    }

    /// A stream whose first content came after a time, and which used so much.
    pub(crate) fn serve(&self, deployment: usize, now: Duration, first: Duration, usage: &Usage) {
        let demand = Demand { input: usage.input_total(), output: 0 };
        let lease = self.live.admit(pass(deployment), &self.feature, now, 0.5, demand, false);
        let mut lease = lease.unwrap();
        self.live.served(&mut lease, now, Who { feature: 1, caller: 1 }, Some(first));
        self.live.completed(&mut lease, now);
        if let Some(habits) = self.live.habits(&self.feature) {
            self.live.note_use(&lease, habits, now, usage);
        }
        self.live.release(lease, now, None);
    }

    pub(crate) fn prospect(&self, deployment: usize, now: Duration, input: u64) -> Prospect {
        let decision = self.decide(now, input);
        let one = decision.considered.iter().find(|one| one.deployment == deployment);
        one.and_then(|one| one.prospect).unwrap()
    }
}

fn calls(decision: &Decision) -> Vec<usize> {
    let call = |step: &Step| match step {
        Step::Call { deployment, .. } => Some(*deployment),
        _ => None,
    };
    decision.steps.iter().filter_map(call).collect()
}

#[test]
fn the_cheapest_comes_first_and_what_has_no_price_last() {
    let wares = [
        (None, None),
        (Some(rates("3", "15")), None),
        (Some(rates("1", "5")), None),
        (Some(rates("1", "5")), None),
        (Some(rates("0", "0")), None),
    ];
    let shop = Shop::new(Prefer::Cheapest, Ceilings::default(), &wares);
    assert_eq!(shop.order(s(0), 1_000), [4, 2, 3, 1, 0], "equals as configured");
    // 1,000 tokens of prompt, and 500 of answer while nothing is known of any.
    assert_eq!(shop.prospect(1, s(0), 1_000).usd, Some(usd("0.0105")));
    assert_eq!(shop.prospect(0, s(0), 1_000).usd, None, "unknown is not nothing");
}

#[test]
fn a_long_prompt_may_be_cheaper_elsewhere() {
    let stepped = Rates { usual: prices("1", "5"), long: Some((200_000, prices("4", "20"))) };
    let shop = Shop::priced(Prefer::Cheapest, &[stepped, rates("2", "10")]);
    assert_eq!(shop.order(s(0), 200_000), [0, 1]);
    assert_eq!(shop.order(s(0), 200_001), [1, 0]);
}

#[test]
fn a_warm_cache_is_worth_its_price_while_it_is_warm() {
    let cached = |input: &str, read: &str| Rates {
        usual: TokenPrices { cache_read: Some(usd(read)), ..prices(input, "10") },
        long: None,
    };
    let shop = Shop::priced(Prefer::Cheapest, &[cached("3", "0.3"), cached("2", "2")]);
    assert_eq!(shop.order(s(0), 10_000), [1, 0]);
    let warm = Usage { input: 1_000, cache_read: 9_000, output: 500, ..Usage::default() };
    shop.serve(0, s(0), s(1), &warm);
    assert_eq!(shop.order(s(1), 10_000), [0, 1]);
    assert_eq!(shop.order(s(400), 10_000), [1, 0], "it has been forgotten there");
}

#[test]
fn the_length_of_answers_decides_what_is_cheap() {
    let shop = Shop::priced(Prefer::Cheapest, &[rates("1", "20"), rates("4", "10")]);
    let answer = |output| Usage { input: 100, output, ..Usage::default() };
    shop.serve(0, s(0), s(1), &answer(10));
    assert_eq!(shop.order(s(0), 1_000), [0, 1]);
    (0..30).for_each(|_| shop.serve(1, s(0), s(1), &answer(5_000)));
    (0..30).for_each(|_| shop.serve(0, s(0), s(1), &answer(5_000)));
    assert_eq!(shop.order(s(0), 1_000), [1, 0]);
}

#[test]
fn a_balance_follows_its_weights() {
    let wares = [
        (Some(rates("1", "1")), Some(0.6)),
        (Some(rates("8", "8")), Some(0.9)),
        (Some(rates("2", "2")), None),
    ];
    for (cost, latency, quality, order) in [
        (1, 0, 0, [0, 2, 1]),
        (0, 0, 1, [1, 0, 2]),
        (0, 1, 0, [1, 2, 0]),
        (1, 0, 10, [1, 0, 2]),
        (1, 1, 1, [1, 0, 2]),
    ] {
        let balanced = Prefer::Balanced(Weights { cost, latency, quality });
        let shop = Shop::new(balanced, Ceilings::default(), &wares);
        let used = Usage { input: 100, output: 100, ..Usage::default() };
        for (deployment, first) in [(0, 2_000), (1, 200), (2, 1_500)] {
            shop.serve(deployment, s(0), Duration::from_millis(first), &used);
        }
        assert_eq!(shop.order(s(0), 1_000), order, "{cost} {latency} {quality}");
        let scores: Vec<_> = order.iter().map(|at| shop.prospect(*at, s(0), 1_000).score).collect();
        assert!(scores.is_sorted() && scores.iter().all(Option::is_some), "{scores:?}");
    }
}

#[test]
fn what_misses_a_ceiling_comes_after_the_rest() {
    let ceilings = Ceilings { max_usd: None, ttft_p95: Some(s(2)), min_quality: Some(0.8) };
    let wares: Vec<_> =
        [Some(0.9), Some(0.7), None, Some(0.9)].map(|quality| (None, quality)).to_vec();
    let shop = Shop::new(Prefer::Ordered, ceilings, &wares);
    assert_eq!(shop.order(s(0), 10), [0, 3, 1, 2], "nobody is known to be slow");
    for _ in 0..100 {
        shop.serve(0, s(0), s(5), &Usage::default());
        shop.serve(1, s(0), s(5), &Usage::default());
    }
    assert_eq!(shop.order(s(100), 10), [3, 0, 2, 1], "too slow before not good enough");
}

#[test]
fn what_is_too_dear_is_never_called() {
    let ceilings = Ceilings { max_usd: Some(usd("0.01")), ..Ceilings::default() };
    let wares = [(Some(rates("3", "15")), None), (None, None), (Some(rates("2", "15")), None)];
    let shop = Shop::new(Prefer::Ordered, ceilings, &wares);
    let decision = shop.decide(s(0), 1_000);
    assert_eq!(calls(&decision), [2]);
    let verdicts: Vec<_> =
        decision.considered.iter().map(|one| (one.deployment, one.verdict)).collect();
    assert_eq!(verdicts, [(0, Verdict::TooDear), (1, Verdict::Unpriced), (2, Verdict::In)]);
}

/// Prices in dollars a million tokens; some have none.
fn ware() -> impl Strategy<Value = (Option<Rates>, Option<f64>)> {
    let dollars = |pico: i128| Some(UsdPico::new(pico * 1_000_000_000));
    let price = (0i128..20_000, 0i128..60_000).prop_map(move |(input, output)| Rates {
        usual: TokenPrices {
            input: dollars(input),
            output: dollars(output),
            ..TokenPrices::default()
        },
        long: None,
    });
    (prop::option::weighted(0.8, price), prop::option::of(0.0f64..1.0))
}

fn preference() -> impl Strategy<Value = Prefer> {
    prop_oneof![
        Just(Prefer::Ordered),
        Just(Prefer::Weighted),
        Just(Prefer::Fastest),
        Just(Prefer::Cheapest),
        (0u32..4, 0u32..4, 0u32..4).prop_map(|(cost, latency, quality)| Prefer::Balanced(
            Weights { cost, latency, quality }
        )),
    ]
}

proptest! {
    #[test]
    fn no_step_is_above_the_ceiling_and_nobody_is_forgotten(
        wares in prop::collection::vec(ware(), 1..8),
        prefer in preference(),
        most in prop::option::of(0i128..40),
        out in prop::collection::vec(0usize..8, 0..4),
        input in 0u64..50_000,
        budgeted in any::<bool>(),
    ) {
        let ceilings = Ceilings {
            max_usd: most.map(|cents| UsdPico::new(cents * 10_000_000_000)),
            ttft_p95: Some(s(1)),
            min_quality: Some(0.5),
        };
        let shop = Shop::new(prefer, ceilings, &wares);
        for at in out.into_iter().filter(|at| *at < wares.len()) {
            for _ in 0..5 {
                let admitted =
                    shop.live.admit(pass(at), &shop.feature, s(0), 0.5, Demand::default(), true);
                let mut lease = admitted.unwrap();
                shop.live.failed(&mut lease, s(0), &Fault::new(Class::ServerError, "made up"));
                shop.live.release(lease, s(0), None);
            }
        }
        let ask = Ask { demand: Demand { input, output: 0 }, budgeted, ..Ask::default() };
        let plan = || {
            decide(&shop.feature, &all(), &shop.live, s(1), ask, &mut StdRng::seed_from_u64(7))
        };
        let decision = plan();
        prop_assert_eq!(&decision, &plan(), "the same again");
        prop_assert_eq!(decision.considered.len(), wares.len());
        for at in calls(&decision) {
            let one = decision.considered.iter().find(|one| one.deployment == at).unwrap();
            let expected = one.prospect.and_then(|prospect| prospect.usd);
            if let Some(most) = ceilings.max_usd {
                prop_assert!(expected.is_some_and(|usd| usd <= most));
            }
            prop_assert!(!budgeted || wares[at].0.is_some());
        }
    }

    #[test]
    fn the_cheapest_is_cheapest(
        wares in prop::collection::vec(ware(), 1..8), input in 0u64..50_000,
    ) {
        let shop = Shop::new(Prefer::Cheapest, Ceilings::default(), &wares);
        let order = shop.order(s(0), input);
        prop_assert_eq!(order.len(), wares.len());
        let expected: Vec<_> =
            order.iter().map(|at| shop.prospect(*at, s(0), input).usd).collect();
        let priced: Vec<_> = expected.iter().flatten().collect();
        prop_assert!(priced.is_sorted());
        prop_assert!(expected.iter().skip(priced.len()).all(Option::is_none));
    }
}
