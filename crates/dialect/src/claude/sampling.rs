//! Sampling and stop strings as Claude takes them, and Converse for all its models.

use crate::{Losses, ir::Ask};

/// The least nucleus that is accepted while thinking.
const THINKING_TOP_P_MIN: f64 = 0.95;

/// The highest temperature; while thinking it is the only one.
const TEMPERATURE_MAX: f64 = 1.0;

/// The sampling fields.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sampling {
    /// At most 1.
    pub(crate) temperature: Option<f64>,
    /// Nucleus mass.
    pub(crate) top_p: Option<f64>,
    /// The k likeliest tokens.
    pub(crate) top_k: Option<u64>,
}

/// The sampling that the deployment `accepts` while `thinking` or not.
pub(crate) fn plan(ask: &Ask, accepts: bool, thinking: bool, losses: &mut Losses) -> Sampling {
    let allowed = |while_thinking: bool| accepts && (!thinking || while_thinking);
    let temperature = ask.temperature.map(|wanted| wanted.min(TEMPERATURE_MAX));
    let sampling = Sampling {
        temperature: temperature.filter(|value| allowed(*value >= TEMPERATURE_MAX)),
        top_p: ask.top_p.filter(|value| allowed(*value >= THINKING_TOP_P_MIN)),
        top_k: ask.top_k.filter(|_| allowed(false)),
    };
    losses.drop_given(&[
        ("temperature", ask.temperature.is_some() && sampling.temperature.is_none()),
        ("top_p", ask.top_p.is_some() && sampling.top_p.is_none()),
        ("top_k", ask.top_k.is_some() && sampling.top_k.is_none()),
    ]);
    if sampling.temperature.is_some() && sampling.temperature != ask.temperature {
        losses.downgrade("temperature");
    }
    sampling
}

/// The stop strings; those of white space alone are refused.
pub(crate) fn stops<'a>(ask: &'a Ask, losses: &mut Losses) -> Vec<&'a str> {
    let spoken = |text: &&str| !text.trim().is_empty();
    let stops: Vec<&str> = ask.stop.iter().map(String::as_str).filter(spoken).collect();
    if stops.len() < ask.stop.len() {
        losses.drop("stop");
    }
    stops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_is_clamped_dropped_or_kept() {
        let ask =
            Ask { temperature: Some(1.5), top_p: Some(0.5), top_k: Some(9), ..Ask::default() };
        for (accepts, thinking, lost) in [
            (true, false, "downgrade:temperature"),
            (true, true, "drop:top_p, drop:top_k, downgrade:temperature"),
            (false, false, "drop:temperature, drop:top_p, drop:top_k"),
        ] {
            let mut losses = Losses::default();
            let sampling = plan(&ask, accepts, thinking, &mut losses);
            assert_eq!(sampling.temperature, accepts.then_some(1.0));
            assert_eq!(losses.to_string(), lost);
        }
    }
}
