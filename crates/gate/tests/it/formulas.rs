//! Every formula against numbers that were computed elsewhere.

use serde_json::Value;
use tieline_gate::{
    EProcess, Interval,
    agreement::{cohen_kappa, fleiss_kappa, krippendorff_alpha},
    binary::PairedCounts,
    bootstrap::{Pair, bootstrap_t, quantile_ratio},
    calibration::Confusion,
    mean::{Correction, Mean, Variance, clustered_standard_error, differences, standard_error},
    multiple::{benjamini_hochberg, holm},
    power::{NonInferiority, Spread, detectable_difference, items_to_detect},
    quantile::{quantile, quantile_bounds},
    rate::{clopper_pearson, pass_at_k, pass_hat_k, rate_below, wilson, zero_failure_bound},
    ratio::{Ratio, latency_ratio},
};

use crate::numbers::{
    cases, count, counts, near, numbers, real, reals, same, same_interval, tables,
};

/// Labels of items that are independent.
fn apart(n: usize) -> Vec<usize> {
    (0..n).collect()
}

#[test]
fn standard_errors_of_means_differences_and_clusters() {
    let numbers = numbers("means");
    for case in cases(&numbers["cases"]) {
        let (candidate, incumbent) = (reals(&case["candidate"]), reals(&case["incumbent"]));
        let (d, labels) = (differences(&candidate, &incumbent), counts(&case["labels"]));
        let clustered = |correction| clustered_standard_error(&d, &labels, correction).unwrap();
        same("of the mean", standard_error(&candidate).unwrap(), &case["se_candidate"]);
        same("paired", standard_error(&d).unwrap(), &case["se_paired"]);
        let by_covariance = &case["se_paired_by_covariance"];
        same("paired, by covariance", standard_error(&d).unwrap(), by_covariance);
        same("clustered", clustered(Correction::Finite), &case["se_clustered"]);
        same("as Miller", clustered(Correction::None), &case["se_clustered_uncorrected"]);

        let independent = Mean::of(&d, &apart(d.len())).unwrap();
        same("mean", independent.mean, &case["mean"]);
        same_interval("of t", independent.interval(0.05), &case["t_interval"]);
        same("p", independent.below(-0.05), &case["p_below_minus_5_points"]);
        let clustered = Mean::of(&d, &labels).unwrap().interval(0.05);
        same_interval("of clustered t", clustered, &case["clustered_interval"]);
    }
}

#[test]
fn the_law_of_total_variance_splits_repeats() {
    let numbers = &numbers("means")["variance"];
    let repeats: Vec<Vec<f64>> = cases(&numbers["repeats"]).iter().map(reals).collect();
    let variance = Variance::of(&repeats).unwrap();
    same("between", variance.between, &numbers["between"]);
    same("within", variance.within, &numbers["within"]);
    same("items", variance.items, &numbers["items"]);
    assert!(Variance::of(&[vec![1.0], vec![0.0]]).is_none(), "one answer each tells nothing");
}

fn paired(value: &Value) -> PairedCounts {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn paired_binary_intervals_and_tests() {
    let numbers = numbers("binary");
    for case in cases(&numbers["cases"]) {
        let (of, tail) = (paired(&case["counts"]), real(&case["tail"]));
        let what = |name: &str| format!("{name} of {of:?} at {tail}");
        same_interval(&what("tango"), of.tango(tail), &case["tango"]);
        same(&what("p"), of.below(-0.05), &case["tango_p_at_minus_5_points"]);
        same_interval(&what("newcombe"), of.newcombe(tail), &case["newcombe"]);
        same_interval(&what("bonett, price"), of.bonett_price(tail), &case["bonett_price"]);
        same(&what("exact"), of.exact(tail).lower, &case["exact_lower"]);
        let wanted = &case["mcnemar"];
        if wanted.is_null() {
            continue;
        }
        let mcnemar = of.mcnemar();
        same(&what("exact"), mcnemar.exact, &wanted["exact"]);
        same(&what("mid-p"), mcnemar.mid_p, &wanted["mid_p"]);
        same(&what("asymptotic"), mcnemar.asymptotic, &wanted["asymptotic"]);
        same(&what("corrected"), mcnemar.corrected, &wanted["corrected"]);
    }
}

#[test]
fn paired_binary_intervals_are_the_published_ones() {
    let numbers = &numbers("binary")["published"];
    let of = paired(&numbers["counts"]);
    let published = |name: &str, ours: Interval| {
        near(name, ours.lower, real(&numbers[name][0]), 5e-5);
        near(name, ours.upper, real(&numbers[name][1]), 5e-5);
    };
    published("tango", of.tango(0.025));
    published("newcombe", of.newcombe(0.025));
    published("bonett_price", of.bonett_price(0.025));
    let tests = of.mcnemar();
    let ours = [tests.exact, tests.mid_p, tests.asymptotic, tests.corrected];
    for (ours, theirs) in ours.iter().zip(reals(&numbers["mcnemar"])) {
        near("mcnemar", *ours, theirs, 5e-5);
    }
}

#[test]
fn nothing_discordant_proves_no_difference_and_bounds_it() {
    let equal = PairedCounts { both: 40, neither: 10, ..PairedCounts::default() };
    near("mid-p", equal.mcnemar().mid_p, 1.0, 0.0);
    let z2 = 1.644_853_626_951_472_7_f64.powi(2);
    near("tango", equal.tango(0.05).lower, -z2 / (50.0 + z2), 1e-10);
    let to_one_side = |gained, lost| {
        let counts = PairedCounts { both: 40, gained, lost, neither: 10 };
        counts.exact_to_one_side(0.05)
    };
    assert_eq!(to_one_side(1, 1), None);
    let none_differs = to_one_side(0, 0).unwrap();
    near("upper", none_differs.upper, zero_failure_bound(50, 0.05), 1e-12);
    near("lower", none_differs.lower, -none_differs.upper, 1e-12);
    let lost = clopper_pearson(5, 55, 0.05);
    assert_eq!(to_one_side(0, 5), Some(Interval { lower: -lost.upper, upper: -lost.lower }));
    assert_eq!(to_one_side(5, 0), Some(lost));
    let none = PairedCounts::default();
    assert_eq!(none.tango(0.05), Interval { lower: -1.0, upper: 1.0 });
}

#[test]
fn rates() {
    let numbers = numbers("rates");
    for case in cases(&numbers["cases"]) {
        let (x, n, tail) = (count(&case["successes"]), count(&case["n"]), real(&case["tail"]));
        let what = format!("{x} of {n}");
        same_interval(&what, wilson(x, n, tail), &case["wilson"]);
        same_interval(&what, clopper_pearson(x, n, tail), &case["clopper_pearson"]);
        same(&what, rate_below(x, n, 0.9), &case["p_below_90_percent"]);
    }
    for case in cases(&numbers["zero_failures"]) {
        same("zero", zero_failure_bound(count(&case["n"]), real(&case["tail"])), &case["bound"]);
    }
    near("rule of three", zero_failure_bound(59, 0.05), 0.0495, 5e-5);
}

#[test]
fn attempts() {
    let numbers = numbers("rates");
    for case in cases(&numbers["attempts"]) {
        let (n, c, k) = (count(&case["n"]), count(&case["c"]), count(&case["k"]));
        same("pass@k", pass_at_k(n, c, k).unwrap(), &case["pass_at_k"]);
        same("pass^k", pass_hat_k(n, c, k).unwrap(), &case["pass_hat_k"]);
    }
    let counted = &numbers["pass_hat_2_of_3_in_5_by_counting"];
    same("pass^2 by counting", pass_hat_k(5, 3, 2).unwrap(), counted);
    assert_eq!(pass_at_k(3, 1, 4), None);
}

#[test]
fn sizes_and_power() {
    let numbers = numbers("power");
    for case in cases(&numbers["non_inferiority"]) {
        let (psi, delta) = (real(&case["discordance"]), real(&case["delta"]));
        let (test, margin) = (NonInferiority::binary(psi, delta, 0.05), real(&case["margin"]));
        assert_eq!(test.items(margin, 0.8), Some(count(&case["items"])), "{case}");
        same("power", test.power(margin, 300), &case["power_at_300"]);
        same("margin", test.margin(300, 0.8), &case["margin_at_300"]);
    }
    assert_eq!(NonInferiority::binary(0.1, -0.03, 0.05).items(0.03, 0.8), None);
    let equal = NonInferiority::binary(0.0, 0.0, 0.05);
    assert_eq!(equal.items(0.05, 0.8), Some(59), "none of 59 differs");
    assert_eq!((equal.power(0.05, 58), equal.power(0.05, 59)), (0.0, 1.0));
    near("margin", equal.margin(59, 0.8), zero_failure_bound(59, 0.05), 0.0);
    let published = &numbers["published"];
    for (index, case) in cases(&numbers["miller"]).iter().enumerate() {
        let (sigma, repeats) = (real(&case["sigma2"]), real(&case["repeats"]));
        let spread = Spread {
            items: real(&case["omega2"]),
            candidate: sigma,
            incumbent: sigma,
            candidate_repeats: repeats,
            incumbent_repeats: repeats,
        };
        let items = items_to_detect(&spread, 0.03, 0.05, 0.8);
        assert_eq!(items, count(&case["items_for_3_points"]));
        assert_eq!(items, count(&published["items_for_3_points"][index]));
        let detectable = detectable_difference(&spread, 198, 0.05, 0.8);
        same("detectable", detectable, &case["detectable_at_198"]);
        if let Some(published) = published["detectable_at_198"][index].as_f64() {
            near("published", detectable, published, 5e-4);
        }
    }
}

#[test]
fn ratios_and_quantiles() {
    let numbers = numbers("ratios");
    let (cost, success) = (reals(&numbers["cost"]), reals(&numbers["success"]));
    let ratio = Ratio::of(&cost, &success, &apart(cost.len())).unwrap();
    same("cost per success", ratio.ratio, &numbers["ratio"]);
    same("its error", ratio.standard_error, &numbers["ratio_se"]);

    let times = reals(&numbers["fast"]).into_iter().zip(reals(&numbers["slow"])).enumerate();
    let pairs: Vec<Pair> =
        times.map(|(label, (candidate, incumbent))| Pair { candidate, incumbent, label }).collect();
    let (estimate, bounds) = latency_ratio(&pairs, 0.05).unwrap();
    same("latency", estimate, &numbers["latency"][0]);
    same("latency", bounds.lower, &numbers["latency"][1]);
    same("latency", bounds.upper, &numbers["latency"][2]);

    let (estimate, bounds) = quantile_ratio(&pairs, 0.95, 0.05, 7).unwrap();
    same("p95 ratio", estimate, &numbers["p95_ratio"]);
    let theirs = reals(&numbers["p95_ratio_bootstrap"]);
    near("drawn lower bound", bounds.lower, theirs[0], 0.03);
    near("drawn upper bound", bounds.upper, theirs[1], 0.06);

    let mut slow = reals(&numbers["slow"]);
    slow.sort_by(f64::total_cmp);
    for case in cases(&numbers["quantiles"]) {
        same("quantile", quantile(&slow, real(&case["level"])).unwrap(), &case["value"]);
    }
}

#[test]
fn a_quantile_has_an_upper_bound_from_59_values_on() {
    let values = |n: u32| (1..=n).map(f64::from).collect::<Vec<_>>();
    assert_eq!(quantile_bounds(&values(58), 0.95, 0.05).1, None);
    assert_eq!(quantile_bounds(&values(59), 0.95, 0.05).1, Some(59.0));
    let (lower, upper) = quantile_bounds(&values(500), 0.95, 0.05);
    assert!(lower < Some(475.0) && upper > Some(475.0), "{lower:?} to {upper:?}");
}

#[test]
fn the_bootstrap_knows_skew_and_its_seed() {
    let numbers = numbers("bootstrap");
    let values = reals(&numbers["values"]);
    let ours = bootstrap_t(&values, &apart(values.len()), 0.05, 1).unwrap();
    near("lower", ours.lower, real(&numbers["interval"][0]), 0.004);
    near("upper", ours.upper, real(&numbers["interval"][1]), 0.004);
    assert_eq!(Some(ours), bootstrap_t(&values, &apart(values.len()), 0.05, 1));
    assert_ne!(Some(ours), bootstrap_t(&values, &apart(values.len()), 0.05, 2));
    assert_eq!(bootstrap_t(&[0.5; 10], &apart(10), 0.05, 1), None);
}

#[test]
fn many_tests() {
    let numbers = numbers("multiple");
    let p_values = reals(&numbers["p"]);
    for (name, ours) in
        [("holm", holm(&p_values)), ("benjamini_hochberg", benjamini_hochberg(&p_values))]
    {
        for (ours, theirs) in ours.iter().zip(cases(&numbers[name])) {
            same(name, *ours, theirs);
        }
    }
    assert!(holm(&[]).is_empty());
}

#[test]
fn agreement_beyond_chance() {
    let numbers = numbers("agreement");
    for case in cases(&numbers["kappas"]) {
        let kappa = cohen_kappa(&tables(&case["table"]), 0.025).unwrap();
        same("kappa", kappa.estimate, &case["kappa"]);
        same_interval("kappa", kappa.interval, &case["interval"]);
    }
    let fleiss = fleiss_kappa(&tables(&numbers["fleiss_table"])).unwrap();
    same("fleiss", fleiss, &numbers["fleiss"]);
    for (ratings, wanted) in [("ragged", "krippendorff"), ("full", "krippendorff_full")] {
        let alpha = krippendorff_alpha(&tables(&numbers[ratings])).unwrap();
        same(wanted, alpha, &numbers[wanted]);
    }
    assert_eq!(cohen_kappa(&[vec![9, 0], vec![0, 0]], 0.025), None, "only one label was given");
    assert_eq!(krippendorff_alpha(&[vec![1, 1], vec![1]]), None, "only one label was given");
}

#[test]
fn what_a_biased_judge_says_can_be_put_right() {
    let numbers = numbers("judges");
    let rate = |case: &Value| {
        let (good, bad) = (count(&case["good_as_good"]), count(&case["bad_as_bad"]));
        let labels = Confusion {
            good_as_good: good,
            good_as_bad: count(&case["m1"]) - good,
            bad_as_good: count(&case["m0"]) - bad,
            bad_as_bad: bad,
        };
        let (good, n) = (count(&case["good"]), count(&case["n"]));
        labels.corrected_rate(good, n, real(&case["tail"])).unwrap()
    };
    for case in cases(&numbers["cases"]) {
        same("corrected", rate(case).estimate, &case["estimate"]);
        same_interval("corrected", rate(case).interval, &case["interval"]);
    }
    let (ours, published) = (rate(&numbers["cases"][0]), &numbers["published"]);
    near("published", ours.estimate, real(&published["estimate"]), 5e-5);
    near("published", ours.interval.lower, real(&published["interval"][0]), 5e-5);
    near("published", ours.interval.upper, real(&published["interval"][1]), 5e-5);
}

#[test]
fn bets_are_those_of_whole_arrays() {
    for case in cases(&numbers("sequential")) {
        let mut process = EProcess::new(real(&case["margin"]), 0.05).unwrap();
        let wealth = cases(&case["up"]).iter().zip(cases(&case["down"]));
        for (difference, (up, down)) in reals(&case["differences"]).iter().zip(wealth) {
            process.step(*difference);
            same("for it", process.log_wealth().0, up);
            same("against it", process.log_wealth().1, down);
        }
        same_interval("at all times", process.confidence().unwrap().1, &case["confidence"]);
    }
}
