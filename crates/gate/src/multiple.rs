//! Many tests at once: Holm for alarms that block, Benjamini and Hochberg for lists to look at.

/// P-values adjusted so that rejecting those up to α errs anywhere with probability α at most.
///
/// Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut largest: f64 = 0.0;
    adjusted(p_values, ranked(p_values), |rank, p| {
        largest = largest.max(p * (count - rank) as f64).min(1.0);
        largest
    })
}

/// P-values adjusted so that of those up to α a share of α is wrong at most, on average.
///
/// Source: Benjamini, Hochberg 1995, Journal of the Royal Statistical Society B 57:289.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut smallest: f64 = 1.0;
    let mut order = ranked(p_values);
    order.reverse();
    adjusted(p_values, order, |from_top, p| {
        smallest = smallest.min(p * count as f64 / (count - from_top) as f64);
        smallest
    })
}

/// The indices of p-values, smallest first.
fn ranked(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    order.into_iter().map(|(index, _)| index).collect()
}

fn adjusted(
    p_values: &[f64],
    order: Vec<usize>,
    mut adjust: impl FnMut(usize, f64) -> f64,
) -> Vec<f64> {
    let mut adjusted = p_values.to_vec();
    for (step, index) in order.into_iter().enumerate() {
        if let Some(p) = adjusted.get_mut(index) {
            *p = adjust(step, *p);
        }
    }
    adjusted
}
