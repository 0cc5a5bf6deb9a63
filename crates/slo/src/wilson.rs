//! What a sample says of a share.

/// The 97.5th percentile of the normal distribution, for an interval of 95 %.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// The bounds of the share of which `count` of `total` is a sample, with a confidence of 95 %: the
/// score interval of Wilson, Journal of the American Statistical Association 22 (1927). None of an
/// empty sample.
#[must_use]
pub fn wilson(count: u64, total: u64) -> Option<(f64, f64)> {
    if total == 0 {
        return None;
    }
    let (n, share) = (total as f64, count as f64 / total as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some((((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0)))
}
