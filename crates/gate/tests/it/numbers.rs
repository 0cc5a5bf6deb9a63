//! Reference numbers from `tests/reference/numbers.json`.

use serde_json::Value;
use tieline_gate::Interval;

/// The sections that `reference.py` computed with scipy, statsmodels and numpy.
pub(crate) fn numbers(section: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../reference/numbers.json")).unwrap();
    all[section].clone()
}

pub(crate) fn cases(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub(crate) fn real(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

pub(crate) fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))).unwrap()
}

pub(crate) fn reals(value: &Value) -> Vec<f64> {
    cases(value).iter().map(real).collect()
}

pub(crate) fn counts(value: &Value) -> Vec<usize> {
    cases(value).iter().map(count).collect()
}

pub(crate) fn tables(value: &Value) -> Vec<Vec<usize>> {
    cases(value).iter().map(counts).collect()
}

/// Within a billionth.
pub(crate) fn same(what: &str, ours: f64, theirs: &Value) {
    near(what, ours, real(theirs), 1e-9);
}

pub(crate) fn near(what: &str, ours: f64, theirs: f64, allowed: f64) {
    assert!((ours - theirs).abs() <= allowed, "{what}: {ours} is not {theirs}");
}

pub(crate) fn same_interval(what: &str, ours: Interval, theirs: &Value) {
    same(&format!("lower bound, {what}"), ours.lower, &theirs[0]);
    same(&format!("upper bound, {what}"), ours.upper, &theirs[1]);
}
