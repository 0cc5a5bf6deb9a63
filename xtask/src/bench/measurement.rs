//! What one measurement gives, and what several of them come to.

use serde::{Deserialize, Serialize};

use super::account::Memory;

/// One work done by one candidate for some seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Measurement {
    /// Length of the measurement.
    pub(super) seconds: f64,
    /// Requests that ended well in it.
    pub(super) requests: u64,
    /// Content events that came in it.
    pub(super) chunks: u64,
    /// Requests that did not end well.
    pub(super) failures: u64,
    /// What was wrong with the first of those.
    pub(super) first_failure: Option<String>,
    /// Processor time that the candidate used, in microseconds.
    pub(super) cpu_us: f64,
    /// From the request to the end of its answer, in microseconds.
    pub(super) latency_p50_us: f64,
    pub(super) latency_p99_us: f64,
    /// From the request to the first content event of a stream, in microseconds.
    pub(super) first_token_p50_us: f64,
    pub(super) first_token_p99_us: f64,
    /// Streams that had begun and not ended when the measurement did.
    pub(super) open_streams: u64,
    /// The candidate's memory at the end.
    pub(super) memory: Memory,
}

/// A figure of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    CpuPerRequestUs,
    CpuPerChunkUs,
    RequestsPerSecond,
    LatencyP50Us,
    LatencyP99Us,
    FirstTokenP50Us,
    FirstTokenP99Us,
    PssMb,
    OpenStreams,
}

/// Every figure with its name in JSON.
pub(super) const FIGURES: [(&str, Figure); 9] = [
    ("cpu_us_per_request", Figure::CpuPerRequestUs),
    ("cpu_us_per_chunk", Figure::CpuPerChunkUs),
    ("requests_per_second", Figure::RequestsPerSecond),
    ("latency_p50_us", Figure::LatencyP50Us),
    ("latency_p99_us", Figure::LatencyP99Us),
    ("first_token_p50_us", Figure::FirstTokenP50Us),
    ("first_token_p99_us", Figure::FirstTokenP99Us),
    ("pss_mb", Figure::PssMb),
    ("open_streams", Figure::OpenStreams),
];

impl Measurement {
    /// The figure, or none where there is nothing to tell it from.
    pub(super) fn figure(&self, figure: Figure) -> Option<f64> {
        let value = match figure {
            Figure::CpuPerRequestUs => self.cpu_us / self.requests as f64,
            Figure::CpuPerChunkUs => self.cpu_us / self.chunks as f64,
            Figure::RequestsPerSecond => self.requests as f64 / self.seconds,
            Figure::LatencyP50Us => self.latency_p50_us,
            Figure::LatencyP99Us => self.latency_p99_us,
            Figure::FirstTokenP50Us => self.first_token_p50_us,
            Figure::FirstTokenP99Us => self.first_token_p99_us,
            Figure::PssMb => megabytes(self.memory.pss_kb),
            Figure::OpenStreams => self.open_streams as f64,
        };
        (value.is_finite() && value > 0.0).then_some(value)
    }
}

/// Megabytes of so many kibibytes.
pub(crate) fn megabytes(kb: u64) -> f64 {
    kb as f64 * 1024.0 / 1e6
}

/// The value that a share of all values do not exceed; 0 for no values.
pub(crate) fn percentile(values: &mut [f64], hundredths: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() * hundredths).div_ceil(100).max(1) - 1;
    values.get(place).copied().unwrap_or_default()
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians_are_of_sorted_values() {
        let mut hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut hundred, 50), 50.0);
        assert_eq!(percentile(&mut hundred, 99), 99.0);
        assert_eq!(percentile(&mut [7.0], 99), 7.0);
        assert_eq!(percentile(&mut [], 50), 0.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn figures_need_something_to_tell_them_from() {
        let nothing = Measurement { seconds: 1.0, cpu_us: 10.0, ..Measurement::default() };
        let some = Measurement { requests: 5, ..nothing.clone() };
        assert_eq!(nothing.figure(Figure::CpuPerRequestUs), None);
        assert_eq!(some.figure(Figure::CpuPerRequestUs), Some(2.0));
        assert_eq!(some.figure(Figure::RequestsPerSecond), Some(5.0));
    }
}
