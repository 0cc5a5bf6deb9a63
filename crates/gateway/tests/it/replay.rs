//! Recorded traffic under another configuration.

use std::time::Duration;

use proptest::{prelude::*, test_runner::TestRunner};
use tieline_gateway::replay::{Changed, Known, Money, Replay, Replayer};
use tieline_types::{CallRecord, Class, Outcome, PROBE_FEATURE, PassedOver, UsdPico};

use crate::house::{Client, House, config};

const HOUSES: &str = r#"
version: 1
providers:
  anthropic: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
  openai:    { kind: openai, base_url: "http://openai.sim/v1", api_key: { env: KEY } }
  local:     { kind: openai-compatible, base_url: "http://local.sim/v1" }
models:
  m:
    - { provider: anthropic, price: { input: 1, output: 2 } }
    - { provider: openai, price: { input: 2, output: 4 } }
    - { provider: local, name: x }
"#;
const ANTHROPIC: &str = "m@anthropic";
const OPENAI: &str = "m@openai";
const LOCAL: &str = "m@local";

/// Features with one line of keys each.
fn houses(features: &[(&str, &str)]) -> String {
    let lines = features.iter().map(|(name, keys)| format!("  {name}: {{ {keys} }}\n"));
    format!("{HOUSES}features:\n{}", lines.collect::<String>())
}

/// A tier of these deployments in their order.
fn ordered(ids: &[&str]) -> String {
    format!("tiers: [{{ models: [{}] }}]", quoted(ids))
}

fn quoted(ids: &[&str]) -> String {
    ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ")
}

/// Everything on record so far, in the order of arrival.
async fn records(house: &House) -> Vec<CallRecord> {
    let mut records = house.records().await;
    records.sort_by(|one, other| (one.started_ms, &one.id).cmp(&(other.started_ms, &other.id)));
    records
}

fn replay(now: &str, other: &str, records: &[CallRecord]) -> Replay {
    let (now, other) = (config(now), config(other));
    let since_ms = records.first().map_or(0, |first| first.started_ms);
    let mut replayer = Replayer::new(Some(&now), &other, since_ms).unwrap();
    records.iter().for_each(|record| replayer.take(record).unwrap());
    replayer.finish()
}

async fn ask(house: &House, feature: &str, times: usize) {
    for at in 0..times {
        let client = if at % 2 == 0 { Client::Chat } else { Client::Messages };
        house.ask(client, feature, at % 3 == 0, "How do tie lines help?").await;
    }
}

/// Requests by what answers them, before and after.
fn shares(changed: &Changed) -> Vec<(&str, u64, u64)> {
    changed.answers.iter().map(|one| (&*one.by, one.before, one.after)).collect()
}

/// What the records' answers come to at other prices.
fn worth(records: &[CallRecord], input: &str, output: &str) -> UsdPico {
    let price = |text: &str| text.parse::<UsdPico>().unwrap();
    let cost = |record: &CallRecord| {
        let usage = record.usage.unwrap();
        let sum =
            price(input).times(usage.input_total()).plus(price(output).times(usage.output_total()));
        UsdPico::new(sum.pico() / 1_000_000)
    };
    records.iter().map(cost).sum()
}

#[tokio::test(start_paused = true)]
async fn another_order_moves_all_and_costs_what_it_costs_there() {
    let now = houses(&[("f", &ordered(&[ANTHROPIC, OPENAI]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 30).await;
    let records = records(&house).await;
    let other = houses(&[("f", &ordered(&[OPENAI, ANTHROPIC]))]);
    let found = replay(&now, &other, &records);
    let total = &found.total;
    assert_eq!((total.requests, total.moved, total.same, total.lost), (30, 30, 0, 0));
    assert_eq!(shares(total), [(ANTHROPIC, 30, 0), (OPENAI, 0, 30)]);
    let money = |usd| Money { usd, priced: 30, ..Money::default() };
    assert_eq!(total.before.money, money(worth(&records, "1", "2")));
    assert_eq!(total.after.money, money(worth(&records, "2", "4")));
    assert_eq!(found.features[0].changed, *total);
    let day = &found.days[0];
    assert_eq!((found.days.len(), day.requests), (1, 30));
    assert_eq!((day.before, day.after), (total.before.money, total.after.money));
    let moves = &total.moves[0];
    assert_eq!((&*moves.from, &*moves.to, moves.requests), (ANTHROPIC, OPENAI, 30));
    // Nobody ever called it.
    assert_eq!((total.after.first, total.after.whole), (None, None));
    assert_eq!(total.before.first.unwrap().known, 10);
    let assumed: Vec<_> = found.deployments.iter().map(|one| one.assumed).collect();
    assert_eq!(assumed, [false, true]);
    assert_eq!(found.check.unwrap().agrees, 30);
}

#[tokio::test(start_paused = true)]
async fn times_are_those_of_like_requests_at_the_same_deployment() {
    let now = houses(&[("f", &ordered(&[ANTHROPIC])), ("g", &ordered(&[OPENAI]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 9).await;
    ask(&house, "g", 9).await;
    let records = records(&house).await;
    let other = houses(&[("f", &ordered(&[OPENAI])), ("g", &ordered(&[OPENAI]))]);
    let found = replay(&now, &other, &records);
    let times = |feature: &str| {
        let one = found.features.iter().find(|one| &*one.feature == feature).unwrap();
        (one.changed.before.whole.unwrap(), one.changed.after.whole.unwrap())
    };
    let (g_before, g_after) = times("g");
    assert_eq!(g_before, g_after);
    let (_, f_after) = times("f");
    assert_eq!((f_after.known, f_after.unknown), (9, 0));
    let close = f_after.p50_us.abs_diff(g_before.p50_us) <= g_before.p50_us / 10;
    assert!(close, "{f_after:?} {g_before:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_no_price_is_told_and_not_counted_as_free() {
    let now = houses(&[("f", &ordered(&[ANTHROPIC]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 5).await;
    let mut records = records(&house).await;
    // As before there were costs.
    records[0].attempts[0].cost = None;
    // Nobody counted it.
    records[1].attempts[0].usage = None;
    records[1].usage = None;
    let other = houses(&[("f", &ordered(&[LOCAL]))]);
    let Changed { before, after, .. } = replay(&now, &other, &records).total;
    assert_eq!((before.money.priced, before.money.unknown), (4, 1));
    assert_eq!((after.money.unpriced, after.money.unknown), (4, 1));
    assert_eq!(after.money.usd, UsdPico::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_policy_closes_is_lost_and_told_by_rule() {
    let now = houses(&[("f", &ordered(&[ANTHROPIC, OPENAI])), ("g", &ordered(&[OPENAI]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 4).await;
    ask(&house, "g", 3).await;
    let records = records(&house).await;
    let other = houses(&[
        ("f", &format!("deny: {{ providers: [anthropic] }}, {}", ordered(&[ANTHROPIC, OPENAI]))),
        ("g", &format!("deny: {{ providers: [openai] }}, {}", ordered(&[OPENAI]))),
    ]);
    let found = replay(&now, &other, &records);
    let [f, g] = found.features.as_slice() else { panic!("{:?}", found.features) };
    let counts = |of: &Changed| (of.moved, of.lost, of.dropped, of.after.refused);
    assert_eq!((counts(&f.changed), counts(&g.changed)), ((4, 4, 0, 0), (0, 3, 3, 3)));
    assert_eq!(shares(&g.changed), [(OPENAI, 3, 0), ("refused by policy", 0, 3)]);
    let closed = &g.changed.closed[0];
    assert_eq!((&*closed.deployment, &*closed.rule), (OPENAI, "feature g: deny"));
    let before = g.changed.before.money;
    assert_eq!((g.changed.after.money, before.lacks()), (Money::default(), 0));
    // Those that were refused would be answered.
    let back = replay(&other, &now, &records);
    assert_eq!(back.check.unwrap().agrees, 0);
}

#[tokio::test(start_paused = true)]
async fn requests_that_were_refused_by_policy_may_be_answered() {
    let open = houses(&[("f", &ordered(&[ANTHROPIC]))]);
    let deny = format!("deny: {{ providers: [anthropic] }}, {}", ordered(&[ANTHROPIC]));
    let shut = houses(&[("f", &deny)]);
    let house = House::new(&shut).await;
    ask(&house, "f", 4).await;
    let records = records(&house).await;
    let Changed { gained, before, after, .. } = replay(&shut, &open, &records).total;
    assert_eq!((gained, before.refused, after.answered), (4, 4, 4));
    assert_eq!(after.money, Money { unknown: 4, ..Money::default() }, "nobody knows its length");
}

#[tokio::test(start_paused = true)]
async fn what_was_ill_then_is_ill_in_the_replay() {
    let now = houses(&[("f", &ordered(&[ANTHROPIC])), ("g", &ordered(&[OPENAI, ANTHROPIC]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 2).await;
    house.fault("openai", "status=500");
    for _ in 0..10 {
        ask(&house, "g", 1).await;
        ask(&house, "f", 1).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    house.sim.script().clear();
    tokio::time::sleep(Duration::from_secs(120)).await;
    ask(&house, "f", 3).await;
    let records = records(&house).await;
    let first = ordered(&[OPENAI, ANTHROPIC]);
    let other = houses(&[("f", &first), ("g", &first)]);
    let found = replay(&now, &other, &records);
    let f = found.features.iter().find(|one| &*one.feature == "f").unwrap();
    assert_eq!(shares(&f.changed), [(ANTHROPIC, 15, 10), (OPENAI, 0, 5)]);
    let g = found.features.iter().find(|one| &*one.feature == "g").unwrap();
    assert_eq!((g.changed.same, g.changed.moved), (10, 0), "it tells itself of what it met");
    let openai = found.deployments.iter().find(|one| &*one.deployment == OPENAI).unwrap();
    assert!(openai.failed >= 5 && !openai.assumed, "{openai:?}");
}

#[tokio::test(start_paused = true)]
async fn features_of_one_configuration_are_said() {
    let tiers = ordered(&[ANTHROPIC]);
    let now = houses(&[("gone", &tiers), ("stays", &tiers), ("idle-now", &tiers)]);
    let house = House::new(&now).await;
    ask(&house, "gone", 2).await;
    ask(&house, "stays", 1).await;
    house.ask(Client::Chat, "unheard-of", false, "a").await;
    let other = houses(&[("stays", &tiers), ("new", &tiers)]);
    let mut records = records(&house).await;
    let mut probe = records[0].clone();
    probe.feature = PROBE_FEATURE.into();
    records.push(probe);
    let found = replay(&now, &other, &records);
    assert_eq!((found.requests, found.left_out.probes, found.left_out.refused), (3, 1, 1));
    let known: Vec<_> = found.features.iter().map(|one| (&*one.feature, one.known)).collect();
    assert_eq!(known, [("gone", Known::Now), ("stays", Known::Both)]);
    let gone = &found.features[0].changed;
    assert_eq!((gone.dropped, gone.lost, gone.after.unanswered), (2, 2, 2));
    assert_eq!(&*gone.closed[0].rule, "no such feature");
    let idle: Vec<_> = found.idle.iter().map(|one| (&*one.feature, one.known)).collect();
    assert_eq!(idle, [("idle-now", Known::Now), ("new", Known::Other)]);
    let none = replay(&now, &other, &[]);
    assert_eq!((none.requests, none.days.len(), none.features.len()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn objectives_choose_by_what_each_request_was_like() {
    let now = houses(&[("f", &ordered(&[OPENAI]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 20).await;
    let records = records(&house).await;
    let of = |tier: &str| {
        let keys = format!("tiers: [{{ models: [{}], {tier} }}]", quoted(&[OPENAI, ANTHROPIC]));
        replay(&now, &houses(&[("f", &keys)]), &records).total
    };
    assert_eq!(shares(&of("prefer: cheapest")), [(ANTHROPIC, 0, 20), (OPENAI, 20, 0)]);
    let none = of("max_usd_per_request: 0.000001");
    assert_eq!((none.after.unanswered, none.dropped), (20, 20), "each is too dear");
    let weighted = of("prefer: weighted");
    assert_eq!(weighted, of("prefer: weighted"), "the same lots are drawn");
    assert!((1..20).contains(&weighted.moved), "{}", weighted.moved);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_price_is_out_where_a_budget_pays() {
    let now = houses(&[("f", &ordered(&[ANTHROPIC]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 3).await;
    let records = records(&house).await;
    let of = |ids: &[&str]| {
        let keys = format!("budget: {{ usd: 5, per: day }}, {}", ordered(ids));
        replay(&now, &houses(&[("f", &keys)]), &records)
    };
    assert_eq!(shares(&of(&[LOCAL, OPENAI]).total), [(ANTHROPIC, 3, 0), (OPENAI, 0, 3)]);
    let none = of(&[LOCAL]);
    assert_eq!((none.total.dropped, none.total.after.unanswered), (3, 3));
    assert!(none.notes.iter().any(|note| note.contains("budgets")), "{:?}", none.notes);
}

#[tokio::test(start_paused = true)]
async fn a_budget_pays_for_as_many_as_it_has_room_for() {
    let now = houses(&[("f", &ordered(&[OPENAI]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 20).await;
    let records = records(&house).await;
    let all = replay(&now, &now, &records).total.after.money.usd;
    // Between ten and eleven of them.
    let room = UsdPico::new(all.pico() * 107 / 200);
    let of = |keys: &str, tiers: &str| {
        let keys = format!("budget: {{ usd: {room}, per: month{keys} }}, {tiers}");
        replay(&now, &houses(&[("f", &keys)]), &records).total
    };
    let stops = of("", &ordered(&[OPENAI]));
    assert!((9..=11).contains(&stops.same) && stops.after.money.usd <= room, "{stops:?}");
    assert_eq!(stops.after.unanswered, stops.dropped);
    assert_eq!(&*stops.moves[0].to, "no budget left");
    // There is room for one more at half the price.
    let cheaper = of("", &ordered(&[OPENAI, ANTHROPIC]));
    assert!(cheaper.moved >= 1 && cheaper.after.money.usd <= room, "{cheaper:?}");
    let refuses = of(", on_limit: refuse", &ordered(&[OPENAI, ANTHROPIC]));
    assert_eq!((refuses.moved, refuses.same), (0, stops.same), "{refuses:?}");
    let sorry = "tiers: [{ models: [\"m@openai\"] }, { name: sorry, reply: Sorry }]";
    assert_eq!(of(", on_limit: refuse", sorry).moved, stops.dropped, "which costs nothing");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_ladder_answers_what_nothing_else_does() {
    let plain = ordered(&[ANTHROPIC]);
    let now = houses(&[("f", &plain)]);
    let house = House::new(&now).await;
    house.fault("anthropic", "status=500");
    ask(&house, "f", 3).await;
    let records = records(&house).await;
    let reply = "tiers: [{ models: [\"m@anthropic\"] }, { name: sorry, reply: Sorry }]";
    let found = replay(&now, &houses(&[("f", reply)]), &records).total;
    assert_eq!((found.gained, found.before.unanswered), (3, 3));
    assert_eq!(shares(&found), [("nobody", 3, 0), ("tier sorry", 0, 3)]);
    assert_eq!(found.after.money, Money::default(), "a fixed answer costs nothing");
}

#[tokio::test(start_paused = true)]
async fn what_had_no_time_left_may_answer_where_it_comes_first() {
    let house = House::new(&houses(&[("f", &ordered(&[ANTHROPIC]))])).await;
    house.fault("anthropic", "status=500");
    ask(&house, "f", 1).await;
    let mut records = records(&house).await;
    records[0].passed_over.push(PassedOver {
        tier: "1".into(),
        deployment: OPENAI.into(),
        why: "time".into(),
        opens_in_ms: None,
    });
    let both = |ids: &[&str]| houses(&[("f", &ordered(ids))]);
    let (now, other) = (both(&[ANTHROPIC, OPENAI]), both(&[OPENAI, ANTHROPIC]));
    let found = replay(&now, &now, &records).total;
    assert_eq!((found.same, found.after.unanswered), (1, 1));
    assert_eq!(replay(&now, &other, &records).total.gained, 1);
}

#[tokio::test(start_paused = true)]
async fn who_left_early_pays_nothing_here_or_there() {
    let now = houses(&[("f", &ordered(&[ANTHROPIC]))]);
    let house = House::new(&now).await;
    ask(&house, "f", 1).await;
    let mut records = records(&house).await;
    let one = &mut records[0];
    (one.outcome, one.fault) = (Outcome::Cancelled, Some(Class::ClientGone));
    (one.deployment, one.tier, one.usage) = (None, None, None);
    let attempt = &mut one.attempts[0];
    (attempt.fault, attempt.usage, attempt.cost) = (Some(Class::ClientGone), None, None);
    let found = replay(&now, &houses(&[("f", &ordered(&[OPENAI]))]), &records).total;
    assert_eq!((found.moved, found.lost), (1, 1));
    assert_eq!((found.before.money, found.after.money), (Money::default(), Money::default()));
}

/// A feature's deployments in their order, and how many of them it has.
type Ladder = (Vec<&'static str>, usize);
/// A provider, and the round in which it goes out.
type Outage = (&'static str, usize);

#[test]
fn a_configuration_moves_nothing_of_its_own_traffic() {
    let orders = Just(vec![ANTHROPIC, OPENAI, LOCAL]).prop_shuffle();
    let features = prop::collection::vec((orders, 1_usize..4), 1..4);
    let faults = prop::collection::vec(
        (prop::sample::select(vec!["anthropic", "openai", "local"]), 0_usize..3),
        0..2,
    );
    let mut runner = TestRunner::new(ProptestConfig { cases: 12, ..ProptestConfig::default() });
    let run = |(features, faults): (Vec<Ladder>, Vec<Outage>)| {
        let named: Vec<(String, String)> = features
            .iter()
            .enumerate()
            .map(|(at, (ids, length))| (format!("f{at}"), ordered(&ids[..*length.min(&3)])))
            .collect();
        let lines: Vec<_> = named.iter().map(|(name, keys)| (&**name, &**keys)).collect();
        let text = houses(&lines);
        let clock = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let found = clock.block_on(async {
            let house = House::new(&text).await;
            for round in 0..4 {
                for (provider, _) in faults.iter().filter(|(_, at)| *at == round) {
                    house.fault(provider, "status=503");
                }
                for (name, _) in &named {
                    ask(&house, name, 6).await;
                }
                tokio::time::sleep(Duration::from_secs(7)).await;
            }
            replay(&text, &text, &records(&house).await)
        });
        let total = &found.total;
        assert_eq!(total.same, total.requests, "{text} {faults:?} {:?}", total.moves);
        assert_eq!((total.lost, total.dropped, total.gained), (0, 0, 0));
        assert_eq!(total.before, total.after, "and costs and takes the same");
        assert_eq!(found.check.unwrap().agrees, found.requests);
        Ok(())
    };
    runner.run(&(features, faults), run).unwrap();
}
