//! Releases: which outcomes lead to which stage.

use tieline_gate::release::{Outcome, Progress, ReleaseSettings, Stage};

use crate::world::Dice;

fn begun(settings: ReleaseSettings) -> Progress {
    Progress::begin(settings).unwrap()
}

/// Good with this probability.
fn answer(dice: &mut Dice, good: f64) -> Outcome {
    Outcome::Answered(Some(if dice.share() < good { 1.0 } else { 0.0 }))
}

/// Goes on until the release rests; the stages on the way, with the outcomes they took.
fn run(
    progress: &mut Progress,
    mut outcomes: impl FnMut() -> (Outcome, Outcome),
) -> Vec<(Stage, u64)> {
    let mut stages = vec![(progress.stage(), 0)];
    for _ in 0..50_000 {
        if !progress.stage().is_under_way() {
            break;
        }
        let (candidate, incumbent) = outcomes();
        let changed = match progress.stage() {
            Stage::Shadow => progress.pair(candidate, incumbent),
            _ => {
                progress.of_candidate(candidate);
                progress.of_incumbent(incumbent)
            }
        };
        if let Some(last) = stages.last_mut() {
            last.1 += 1;
        }
        if changed {
            stages.push((progress.stage(), 0));
        }
    }
    stages
}

#[test]
fn an_equal_candidate_goes_through_every_stage_and_serves() {
    let mut dice = Dice::new(7);
    let mut progress = begun(ReleaseSettings::default());
    let stages = run(&mut progress, || {
        let good = answer(&mut dice, 0.9);
        // The same requests are hard for both, mostly.
        (if dice.share() < 0.9 { good } else { answer(&mut dice, 0.9) }, good)
    });
    let names: Vec<Stage> = stages.iter().map(|(stage, _)| *stage).collect();
    let canary = |step| Stage::Canary { step };
    assert_eq!(names, [Stage::Shadow, canary(0), canary(1), canary(2), Stage::Serving]);
    let pairs: Vec<u64> = stages.iter().map(|(_, pairs)| *pairs).collect();
    assert_eq!(pairs.get(..3), Some(&[100, 100, 100][..]));
    assert!(progress.reason().starts_with("not worse by the margin: "), "{}", progress.reason());
    assert!((progress.share() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_candidate_ten_points_worse_is_rolled_back_and_seldom_serves() {
    let mut served = 0;
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let mut progress = begun(ReleaseSettings::default());
        run(&mut progress, || (answer(&mut dice, 0.8), answer(&mut dice, 0.9)));
        match progress.stage() {
            Stage::RolledBack => {
                assert!(progress.reason().starts_with("answers are worse by more than the margin"));
            }
            Stage::Serving => served += 1,
            stage => panic!("{stage:?}"),
        }
    }
    assert!(served <= 2, "{served} of 200 served");
}

/// At the margin itself both proofs are wrong, and each may be found with a probability of alpha,
/// however often one looks.
#[test]
fn a_candidate_at_the_margin_is_seldom_let_through_and_seldom_rolled_back() {
    const RUNS: u32 = 400;
    let (mut served, mut back) = (0, 0);
    for seed in 0..RUNS {
        let mut dice = Dice::new(1_000 + u64::from(seed));
        let settings = ReleaseSettings { pairs_max: 3_000, ..ReleaseSettings::default() };
        let mut progress = begun(settings);
        run(&mut progress, || (answer(&mut dice, 0.87), answer(&mut dice, 0.9)));
        match progress.stage() {
            Stage::Serving => served += 1,
            Stage::RolledBack => back += 1,
            stage => assert_eq!(stage, Stage::Paused),
        }
    }
    let most = 0.05 + 3.0 * (0.05_f64 * 0.95 / f64::from(RUNS)).sqrt();
    for (what, count) in [("served", served), ("rolled back", back)] {
        let share = f64::from(count) / f64::from(RUNS);
        assert!(share <= most, "{share} {what}");
    }
}

#[test]
fn what_does_not_answer_is_rolled_back_without_a_word_on_its_answers() {
    let mut dice = Dice::new(3);
    let mut progress = begun(ReleaseSettings::default());
    run(&mut progress, || {
        let candidate = match dice.share() < 0.3 {
            true => Outcome::Unanswered,
            false => Outcome::Answered(Some(1.0)),
        };
        (candidate, Outcome::Answered(Some(1.0)))
    });
    assert_eq!(progress.stage(), Stage::RolledBack);
    assert!(progress.reason().starts_with("it answers less by more than the margin"));
    assert_eq!(progress.quality().log_wealth().1, 0.0);
}

#[test]
fn nobody_goes_up_while_what_is_seen_is_beyond_the_margin() {
    let mut progress = begun(ReleaseSettings { pairs_per_stage: 3, ..Default::default() });
    let good = Outcome::Answered(Some(1.0));
    for _ in 0..5 {
        assert!(!progress.pair(Outcome::Answered(Some(0.0)), good));
    }
    assert_eq!((progress.stage(), progress.quality().mean()), (Stage::Shadow, Some(-1.0)));
}

#[test]
fn an_outage_of_both_proves_nothing() {
    let mut progress = begun(ReleaseSettings::default());
    for _ in 0..90 {
        assert!(!progress.pair(Outcome::Unanswered, Outcome::Unanswered));
    }
    assert_eq!((progress.quality().pairs(), progress.stage()), (0, Stage::Shadow));
}

#[test]
fn without_a_proof_it_pauses_and_somebody_decides() {
    let settings = ReleaseSettings { pairs_max: 350, ..ReleaseSettings::default() };
    let mut dice = Dice::new(12);
    let mut progress = begun(settings);
    run(&mut progress, || (answer(&mut dice, 0.5), answer(&mut dice, 0.5)));
    assert_eq!(progress.stage(), Stage::Paused);
    assert_eq!(progress.reason(), "no proof after 350 pairs");
    assert!(!progress.pair(Outcome::Answered(Some(0.0)), Outcome::Answered(Some(1.0))));
    assert!(progress.promote("seen by hand"));
    assert_eq!((progress.stage(), progress.reason()), (Stage::Serving, "seen by hand"));
    assert!(!progress.promote("again"));
    assert!(progress.roll_back("complaints"));
    assert!(!progress.roll_back("again"));
    assert!(!progress.promote("no"), "what was rolled back is begun anew");
}

#[test]
fn it_goes_on_where_it_was_written_down() {
    let mut dice = Dice::new(5);
    let mut progress = begun(ReleaseSettings::default());
    let mut twin = progress.clone();
    for _ in 0..400 {
        let (one, other) = (answer(&mut dice, 0.8), answer(&mut dice, 0.9));
        for progress in [&mut progress, &mut twin] {
            progress.of_candidate(one);
            let paired = progress.pair(one, other);
            let waited = progress.of_incumbent(other);
            assert!(!(paired && waited));
        }
        let text = serde_json::to_string(&twin).unwrap();
        twin = serde_json::from_str(&text).unwrap();
    }
    // The last digit of a number may be lost on the way.
    let said = |one: &Progress| (one.stage(), one.reason().to_owned(), one.quality().pairs());
    assert_eq!(said(&twin), said(&progress));
    assert_eq!(twin.stage(), Stage::RolledBack);
}

#[test]
fn settings_that_cannot_be_are_told() {
    let usual = ReleaseSettings::default;
    let cases = [
        (ReleaseSettings { margin: 0.0, ..usual() }, "margin must be between 0 and 1, not 0"),
        (ReleaseSettings { alpha: 0.7, ..usual() }, "alpha must be between 0 and 0.5, not 0.7"),
        (
            ReleaseSettings { shadow_share: 1.5, ..usual() },
            "the share of mirrored requests must be from 0 to 1, not 1.5",
        ),
        (
            ReleaseSettings { steps: vec![0.05, 0.01], ..usual() },
            "the steps of a canary must be shares above 0 and up to 1, each above the one before",
        ),
        (
            ReleaseSettings { steps: Vec::new(), ..usual() },
            "the steps of a canary must be shares above 0 and up to 1, each above the one before",
        ),
    ];
    for (settings, message) in cases {
        assert_eq!(Progress::begin(settings).unwrap_err().to_string(), message);
    }
    let direct = begun(ReleaseSettings { shadow_share: 0.0, ..usual() });
    assert_eq!(direct.stage(), Stage::Canary { step: 0 });
}
