//! The distributions that the formulas need, by the special functions of `statrs`.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::{
    beta::{checked_beta_reg, inv_beta_reg},
    erf::{erfc, erfc_inv},
    gamma::ln_gamma,
};

/// Steps of Newton's method that take a quantile to the last digits its distribution has.
const POLISH: usize = 3;

/// A probability within the open interval that every quantile is finite on.
fn open(p: f64) -> f64 {
    let p = if p.is_nan() { 0.5 } else { p };
    p.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON)
}

/// The regularised incomplete beta function; no number where it is not defined.
fn beta_reg(a: f64, b: f64, x: f64) -> f64 {
    checked_beta_reg(a, b, x).unwrap_or(f64::NAN)
}

/// P(Z ≤ z) of the standard normal distribution.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    erfc(-z / SQRT_2) / 2.0
}

/// The z below which a standard normal variable lies with probability `p`.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    let p = open(p);
    let start = -SQRT_2 * erfc_inv(2.0 * p);
    polished(start, |z| normal_cdf(z) - p, |z| (-z * z / 2.0).exp() / (2.0 * PI).sqrt())
}

/// P(T ≤ t) of Student's t with `df` degrees of freedom.
pub(crate) fn t_cdf(t: f64, df: f64) -> f64 {
    let tail = beta_reg(df / 2.0, 0.5, df / (df + t * t)) / 2.0;
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The t below which Student's t with `df` degrees of freedom lies with probability `p`.
pub(crate) fn t_quantile(p: f64, df: f64) -> f64 {
    let tail = open(p).min(1.0 - open(p));
    let y = inv_beta_reg(df / 2.0, 0.5, 2.0 * tail);
    let start = (df * (1.0 - y) / y).sqrt();
    let ln_scale = ln_gamma(df.midpoint(1.0)) - ln_gamma(df / 2.0) - (df * PI).ln() / 2.0;
    let density = |t: f64| (ln_scale - df.midpoint(1.0) * (1.0 + t * t / df).ln()).exp();
    // The upper tail is what is small here, and 1 - cdf of a lower point keeps its digits.
    let size = polished(start, |t| tail - t_cdf(-t, df), density);
    if p < 0.5 { -size } else { size }
}

/// The x below which a beta variable lies with probability `p`.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let ln_scale = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    let density = |x: f64| (ln_scale + (a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p()).exp();
    let error = |x: f64| beta_reg(a, b, open(x)) - p;
    open(polished(open(inv_beta_reg(a, b, open(p))), error, |x| density(open(x))))
}

/// P(X ≤ k) of `n` trials that each succeed with probability `p`.
pub(crate) fn binomial_cdf(k: usize, n: usize, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta_reg((n - k) as f64, (k + 1) as f64, 1.0 - p)
}

/// ln of C(n, k), the ways to choose k of n.
pub(crate) fn ln_choose(n: usize, k: usize) -> f64 {
    let ln_factorial = |n: usize| ln_gamma(n as f64 + 1.0);
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n.saturating_sub(k))
}

/// A root that is nearly known, by Newton's method.
fn polished(start: f64, error: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> f64 {
    let mut x = start;
    for _ in 0..POLISH {
        let step = error(x) / slope(x);
        if !step.is_finite() || step.abs() > 0.1 * x.abs() {
            break;
        }
        x -= step;
    }
    x
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Numbers of scipy: see `tests/reference/reference.py`.
    const NUMBERS: &str = include_str!("../tests/reference/numbers.json");

    #[test]
    fn distributions_are_scipys() {
        let numbers: Value = serde_json::from_str(NUMBERS).unwrap();
        let of = |case: &Value, name: &str| case[name].as_f64().unwrap();
        let check = |family: &str, wanted: &str, ours: &dyn Fn(&Value) -> f64| {
            for case in numbers["distributions"][family].as_array().unwrap() {
                let (ours, theirs) = (ours(case), of(case, wanted));
                let allowed = 1e-10 * theirs.abs().max(1e-3);
                assert!((ours - theirs).abs() <= allowed, "{family} {case}: {ours}");
            }
        };
        check("normal", "z", &|case| normal_quantile(of(case, "p")));
        check("normal", "p", &|case| normal_cdf(of(case, "z")));
        check("t", "t", &|case| t_quantile(of(case, "p"), of(case, "df")));
        check("t", "p", &|case| t_cdf(of(case, "t"), of(case, "df")));
        check("beta", "x", &|case| beta_quantile(of(case, "p"), of(case, "a"), of(case, "b")));
        let whole = |case: &Value, name: &str| crate::number::whole(of(case, name));
        check("binomial", "cdf", &|case| {
            binomial_cdf(whole(case, "k"), whole(case, "n"), of(case, "p"))
        });
    }
}
