//! Quotas by the second, and as they are written.

use super::*;

fn at(at_ms: u64) -> Draw<'static> {
    Draw { provider: "p", model: "m", at: Duration::from_millis(at_ms) }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}

fn quotas(quota: Quota) -> Quotas {
    let quotas = Quotas::default();
    quotas.add(quota);
    quotas
}

/// How many requests of 10 tokens pass, of one every `every_ms` in a span of time.
fn passing(quotas: &Quotas, from_s: u64, until_s: u64, every_ms: u64) -> u64 {
    let times = (from_s * 1000..until_s * 1000).step_by(usize::try_from(every_ms).unwrap());
    let passed = times.filter(|ms| quotas.admit(&at(*ms), &tokens(6, 4)).is_ok()).count();
    u64::try_from(passed).unwrap()
}

#[test]
fn a_minutes_worth_at_once_and_then_as_it_comes_back() {
    let requests = Quota { requests_per_minute: Some(60), ..Quota::new("p") };
    let with_tokens = Quota { tokens_per_minute: Some(600), ..Quota::new("p") };
    let input = Quota { input_tokens_per_minute: Some(360), ..Quota::new("p") };
    let output = Quota { output_tokens_per_minute: Some(240), ..Quota::new("p") };
    for quota in [requests, with_tokens, input, output] {
        let quotas = quotas(quota.clone());
        assert_eq!(passing(&quotas, 0, 1, 5), 60, "{quota:?}");
        assert_eq!(passing(&quotas, 1, 61, 100), 60, "{quota:?}");
        let narrow = Quota { window: Some(Duration::from_secs(1)), ..quota };
        let quotas = self::quotas(narrow.clone());
        assert_eq!(passing(&quotas, 0, 1, 100), 1, "{narrow:?}");
        assert_eq!(passing(&quotas, 1, 61, 100), 60, "{narrow:?}");
    }
}

#[test]
fn a_refusal_says_when_there_is_room() {
    let quotas = quotas(Quota { tokens_per_minute: Some(600), ..Quota::new("p") });
    assert!(quotas.admit(&at(0), &tokens(590, 5)).is_ok());
    let refused = quotas.admit(&at(0), &tokens(10, 5)).unwrap_err();
    assert_eq!(refused.why, Why::Limit(Counted::Tokens, 600.0));
    assert_eq!(refused.wait, Duration::from_secs(1));
    assert!(quotas.admit(&at(999), &tokens(10, 5)).is_err());
    assert!(quotas.admit(&at(1000), &tokens(10, 5)).is_ok());
}

#[test]
fn who_is_larger_than_the_window_waits_until_it_is_full_and_leaves_a_debt() {
    let quotas = quotas(Quota { tokens_per_minute: Some(600), ..Quota::new("p") });
    assert!(quotas.admit(&at(0), &tokens(1200, 0)).is_ok());
    let refused = quotas.admit(&at(0), &tokens(1, 0)).unwrap_err();
    assert_eq!(refused.wait, Duration::from_millis(60_100));
    let refused = quotas.admit(&at(0), &tokens(5000, 0)).unwrap_err();
    assert_eq!(refused.wait, Duration::from_secs(120));
}

#[test]
fn every_quota_must_have_room_and_a_refusal_uses_none() {
    let quotas = Quotas::default();
    quotas.set([
        Quota { requests_per_minute: Some(10), ..Quota::new("p") },
        Quota { model: Some("m".to_owned()), requests_per_minute: Some(2), ..Quota::new("p") },
        Quota { requests_per_minute: Some(1), ..Quota::new("q") },
    ]);
    assert_eq!(passing(&quotas, 0, 1, 100), 2, "the model's own quota is the narrowest");
    let other = Draw { model: "other", ..at(0) };
    let passed = (0..20).filter(|_| quotas.admit(&other, &tokens(1, 1)).is_ok()).count();
    assert_eq!(passed, 8, "what was refused took nothing from the quota of all");
    assert!(quotas.level(&at(0), Counted::Requests).unwrap().remaining < 1.0);
    assert_eq!(quotas.level(&at(0), Counted::Tokens), None);
    quotas.clear();
    assert_eq!(passing(&quotas, 0, 1, 10), 100);
}

#[test]
fn quotas_shrink_come_back_and_have_their_times() {
    let quotas = quotas(Quota { requests_per_minute: Some(100), ..Quota::new("p") });
    quotas.scale("p", None, 0.3);
    let level = quotas.level(&at(0), Counted::Requests).unwrap();
    assert_eq!((level.limit, level.remaining), (30.0, 30.0));
    assert_eq!(passing(&quotas, 0, 1, 5), 30);
    quotas.scale("p", Some("m"), 1.0);
    assert_eq!(quotas.level(&at(0), Counted::Requests).unwrap().limit, 30.0, "of no model");
    quotas.scale("p", None, 1.0);
    assert_eq!(passing(&quotas, 60, 61, 5), 101, "a second's worth came back meanwhile");
    quotas.scale("p", None, 0.0);
    let refused = quotas.admit(&at(90_000), &tokens(0, 0)).unwrap_err();
    assert_eq!(refused.wait, Duration::from_secs(24 * 3600));

    quotas.set([Quota {
        from: Some(Duration::from_secs(60)),
        until: Some(Duration::from_secs(120)),
        requests_per_minute: Some(0),
        ..Quota::new("p")
    }]);
    for (minute, passes) in [(0, 60), (1, 0), (2, 60)] {
        assert_eq!(passing(&quotas, minute * 60, minute * 60 + 60, 1000), passes);
    }
}

#[test]
fn load_is_what_came_of_late() {
    let quotas = quotas(Quota { requests_per_minute: Some(60), ..Quota::new("p") });
    assert_eq!(quotas.load(&at(0)), 0.0);
    for second in 0..100 {
        quotas.arrived(&at(second * 1000));
        quotas.arrived(&Draw { provider: "q", ..at(second * 1000) });
    }
    assert_eq!(quotas.load(&at(99_000)), 1.0);
    quotas.scale("p", None, 0.5);
    assert_eq!(quotas.load(&at(99_000)), 2.0, "of half as much");
    quotas.scale("p", None, 1.0);
    assert_eq!(quotas.load(&at(114_000)), 0.5);
    assert_eq!(quotas.load(&at(200_000)), 0.0);
}

/// Tokens a minute that pass of 2,000 a minute, in every quarter of an hour.
fn climbed(quotas: &Quotas, quarters: u64) -> Vec<u64> {
    let quarter = |at: u64| passing(quotas, at * 900, (at + 1) * 900, 300) * 10 / 15;
    (0..quarters).map(quarter).collect()
}

#[test]
fn use_grows_by_half_in_a_quarter_of_an_hour_above_the_floor() {
    let ramped = quotas(Quota { ramp: Some(Ramp::above(400)), ..Quota::new("p") });
    let passed = climbed(&ramped, 6);
    for (quarter, expected) in [400.0, 600.0, 900.0, 1350.0, 2000.0, 2000.0].iter().enumerate() {
        let share = passed[quarter] as f64 / expected;
        assert!((0.93..=1.05).contains(&share), "{quarter}: {passed:?}");
    }
    let refused = quotas(Quota { ramp: Some(Ramp::above(60)), ..Quota::new("p") });
    assert!(refused.admit(&at(0), &tokens(50, 10)).is_ok());
    assert_eq!(refused.admit(&at(0), &tokens(6, 4)).unwrap_err().why, Why::Ramp);
}

#[test]
fn what_was_not_used_for_long_climbs_anew() {
    let ramped = quotas(Quota { ramp: Some(Ramp::above(400)), ..Quota::new("p") });
    climbed(&ramped, 5);
    let rested = passing(&ramped, 3 * 3600, 3 * 3600 + 900, 300) * 10 / 15;
    assert!((380..=440).contains(&rested), "{rested}");
}

#[test]
fn quotas_are_data() {
    let ramp = r#"{"tokens_per_minute":100,"growth":0.5,"every":"15m"}"#;
    let text = format!(r#"{{"provider":"p","from":"10m","tokens_per_minute":600,"ramp":{ramp}}}"#);
    let quota: Quota = serde_json::from_str(&text).unwrap();
    assert_eq!(quota.ramp, Some(Ramp::above(100)));
    assert_eq!(serde_json::to_string(&quota).unwrap(), text);
    let short = r#"{"provider":"p","ramp":{"tokens_per_minute":100}}"#;
    assert_eq!(serde_json::from_str::<Quota>(short).unwrap().ramp, Some(Ramp::above(100)));
    assert!(serde_json::from_str::<Quota>(r#"{"provider":"p","rpm":1}"#).is_err());
}
