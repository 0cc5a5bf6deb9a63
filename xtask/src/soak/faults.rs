//! Which provider fails when and how, drawn from a seed.

use rand::{Rng, rngs::SmallRng};
use serde_json::{Value, json};

use super::features::{FEATURES, PROVIDERS};

/// Faults before the first content, which nobody may notice. A 400 is missing: until many met it,
/// nothing tells it from a mistake of the client, and it goes back to it.
const ANY: [&str; 17] = [
    "status=401",
    "status=402",
    "status=403",
    "status=404",
    "status=408",
    "status=429,retry-after=2s",
    "status=429,retry-after=1500ms,retry-form=millis",
    "status=500",
    "status=502",
    "status=503",
    "status=529",
    "slow-first-token=8s",
    "hang",
    "hang-after-headers",
    "garbage",
    "empty",
    "refuse",
];
/// Faults in the middle of an answer. Those of a stream come after its first content and cannot be
/// hidden, so only whole answers get them.
const WHOLE: [&str; 3] = ["cut-after=3", "cut-clean-after=3", "stall-after=3"];

/// How long a fault lasts, in seconds.
const LASTS_S: std::ops::Range<f64> = 3.0..25.0;
/// How long a provider is well between two faults, in seconds.
const WELL_S: std::ops::Range<f64> = 5.0..40.0;
/// The share of requests that a partial fault strikes.
const PARTIAL: f64 = 0.3;

/// One fault of one provider, in seconds since the start.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outage {
    provider: &'static str,
    from_s: f64,
    until_s: f64,
    fault: &'static str,
    /// Whether it strikes only a share of the requests.
    partial: bool,
}

/// Draws the outages of a run. At no time are all providers of a feature struck.
pub(super) fn draw(seconds: f64, rng: &mut SmallRng) -> Vec<Outage> {
    let mut outages: Vec<Outage> = Vec::new();
    // By the time at which the next may begin, so that no provider has the first choice.
    let mut turns = PROVIDERS.map(|(provider, ..)| (rng.random_range(WELL_S), provider));
    loop {
        turns.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let [(next_s, provider), ..] = &mut turns;
        if *next_s >= seconds {
            return outages;
        }
        let from_s = *next_s;
        let until_s = from_s + rng.random_range(LASTS_S);
        let at = rng.random_range(0..ANY.len() + WHOLE.len());
        let fault = ANY.iter().chain(&WHOLE).nth(at).copied().unwrap_or("hang");
        let partial = rng.random_bool(0.25);
        let outage = Outage { provider, from_s, until_s, fault, partial };
        *next_s = until_s + rng.random_range(WELL_S);
        if leaves_one(&outages, &outage) {
            outages.push(outage);
        }
    }
}

/// Whether every feature keeps a provider that is well while `new` lasts.
fn leaves_one(outages: &[Outage], new: &Outage) -> bool {
    let struck = |provider: &str| {
        provider == new.provider
            || outages.iter().any(|other| {
                other.provider == provider
                    && other.from_s < new.until_s
                    && new.from_s < other.until_s
            })
    };
    FEATURES.iter().all(|feature| feature.providers.iter().any(|provider| !struck(provider)))
}

/// The outages as `tieline sim --faults` reads them.
pub(super) fn rules(outages: &[Outage]) -> Value {
    let rule = |outage: &Outage| {
        let mut rule = json!({
            "provider": outage.provider,
            "from": format!("{:.0}ms", outage.from_s * 1000.0),
            "until": format!("{:.0}ms", outage.until_s * 1000.0),
            "fault": outage.fault,
        });
        if let Some(rule) = rule.as_object_mut() {
            if WHOLE.contains(&outage.fault) {
                rule.insert("stream".to_owned(), false.into());
            }
            if outage.partial {
                rule.insert("share".to_owned(), PARTIAL.into());
            }
        }
        rule
    };
    outages.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn every_feature_keeps_a_provider_and_every_provider_fails() {
        for seed in 0..50 {
            let outages = draw(600.0, &mut SmallRng::seed_from_u64(seed));
            assert_eq!(outages, draw(600.0, &mut SmallRng::seed_from_u64(seed)));
            for (provider, ..) in PROVIDERS {
                assert!(outages.iter().any(|outage| outage.provider == provider), "{provider}");
            }
            for at in (0..6000).map(|tenth| f64::from(tenth) / 10.0) {
                let struck = |provider: &&str| {
                    outages.iter().any(|outage| {
                        outage.provider == *provider
                            && (outage.from_s..outage.until_s).contains(&at)
                    })
                };
                for feature in &FEATURES {
                    assert!(!feature.providers.iter().all(&struck), "{seed} at {at} s");
                }
            }
        }
    }

    #[test]
    fn rules_say_whom_and_when() {
        let outage = Outage {
            provider: "azure",
            from_s: 1.5,
            until_s: 4.0,
            fault: "cut-after=3",
            partial: true,
        };
        let wanted = json!([{
            "provider": "azure", "from": "1500ms", "until": "4000ms", "fault": "cut-after=3",
            "stream": false, "share": 0.3,
        }]);
        assert_eq!(rules(&[outage]), wanted);
    }
}
