//! What a run can show and will cost, before anything is asked.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use serde_json::Value;
use tieline_gate::power::NonInferiority;

use crate::{Arm, GateFile};

/// Shares of cases on which two deployments give different verdicts, from much alike to hardly.
const DISCORDANCES: [f64; 3] = [0.05, 0.1, 0.2];
/// Bytes of a request per token, roughly.
const BYTES_PER_TOKEN: usize = 4;
/// What an answer takes where nobody has measured it.
const ANSWER_TIME: Duration = Duration::from_secs(4);
/// Tokens that a judge is sent beside the answer, and that it writes.
const JUDGE_TOKENS: (u64, u64) = (400, 120);

/// What so many cases can show of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricPlan {
    /// The metric.
    pub metric: String,
    /// How much worse the candidate may be.
    pub margin: f64,
    /// The same for several shares of cases on which the deployments differ.
    pub at: Vec<Chance>,
}

/// What so many cases can show where the deployments differ on a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Chance {
    /// The share of cases that one passes and the other does not.
    pub discordance: f64,
    /// How likely an equally good candidate is to pass, where a repeat of a case tells nothing new.
    pub power: f64,
    /// The same where all the difference is chance, which repeats average out; none where each
    /// case is asked once.
    pub power_if_chance: Option<f64>,
    /// The cases with which it passes as likely as it should.
    pub cases_needed: Option<usize>,
    /// The margin that these cases can show as likely.
    pub detectable: f64,
}

/// What so many cases, each asked so often, can show of each metric that has a margin.
#[must_use]
pub fn chances(
    gate: &GateFile,
    cases: usize,
    repeats: u32,
    discordance: Option<f64>,
) -> Vec<MetricPlan> {
    let shares = discordance.map_or_else(|| DISCORDANCES.to_vec(), |share| vec![share]);
    let metrics = gate.metrics().into_iter();
    let planned = metrics.filter_map(|(metric, rule)| {
        let margin = rule.margin?;
        let at = shares.iter().map(|&share| chance(gate, (cases, repeats), margin, share));
        let at = at.collect();
        Some(MetricPlan { metric, margin, at })
    });
    planned.collect()
}

fn chance(
    gate: &GateFile,
    (cases, repeats): (usize, u32),
    margin: f64,
    discordance: f64,
) -> Chance {
    let test = NonInferiority::binary(discordance, 0.0, gate.alpha);
    let averaged = NonInferiority { variance: test.variance / f64::from(repeats.max(1)), ..test };
    Chance {
        discordance,
        power: test.power(margin, cases),
        power_if_chance: (repeats > 1).then(|| averaged.power(margin, cases)),
        cases_needed: test.items(margin, gate.min_power),
        detectable: test.margin(cases, gate.min_power),
    }
}

/// What tokens of a deployment cost, dollars a million; none where nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TokenPrice {
    /// Those of prompts.
    pub input: Option<f64>,
    /// Those of answers.
    pub output: Option<f64>,
}

impl TokenPrice {
    fn of(&self, input: u64, output: u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate need not be exact")]
        let (input, output) = (input as f64, output as f64);
        Some((input * self.input? + output * self.output?) / 1e6)
    }

    /// What tokens cost that nothing is written for, such as those of embeddings.
    fn of_input(&self, tokens: u64) -> Option<f64> {
        Self { output: Some(0.0), ..*self }.of(tokens, 0)
    }
}

/// What is known of the requests of a run.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Tokens of each case's prompt.
    pub prompts: Vec<u64>,
    /// Tokens that an answer is taken to have.
    pub output_tokens: u64,
    /// How often each judge's deployment is asked for one answer to each case, by deployment.
    pub judges: BTreeMap<String, u64>,
    /// How often each judge's deployment is asked for labels again when the run begins.
    pub canaries: BTreeMap<String, u64>,
    /// How often each deployment of embeddings compares one answer to each case.
    pub embeddings: BTreeMap<String, u64>,
    /// How often each case is asked of each arm.
    pub repeats: u32,
    /// How much is under way at once.
    pub concurrency: u32,
}

/// What a run is expected to cost and take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Asks of both arms.
    pub asks: u64,
    /// Asks of judges.
    pub judge_asks: u64,
    /// Tokens that an answer was taken to have.
    pub output_tokens: u64,
    /// Dollars by arm, judges of its answers included; none where something has no price.
    pub usd: BTreeMap<Arm, Option<f64>>,
    /// Dollars in all.
    pub total_usd: Option<f64>,
    /// How long it takes, in seconds.
    pub seconds: u64,
}

impl Estimate {
    /// What one ask of an arm is expected to cost, with its judges.
    #[must_use]
    pub fn per_ask(&self, arm: Arm) -> Option<f64> {
        let arms = u64::try_from(self.usd.len().max(1)).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "an estimate need not be exact")]
        let asks = (self.asks / arms).max(1) as f64;
        self.usd.get(&arm).copied().flatten().map(|usd| usd / asks)
    }
}

/// The tokens of a request, roughly.
#[must_use]
pub fn tokens(request: &Value) -> u64 {
    u64::try_from(request.to_string().len() / BYTES_PER_TOKEN).unwrap_or(u64::MAX)
}

/// What a run is expected to cost and take, by what tokens cost at each arm and at each deployment
/// that helps to grade.
#[must_use]
pub fn estimate(
    load: &Load,
    arms: &BTreeMap<Arm, TokenPrice>,
    graders: &BTreeMap<String, TokenPrice>,
) -> Estimate {
    let cases = u64::try_from(load.prompts.len()).unwrap_or(u64::MAX);
    let (repeats, input) = (u64::from(load.repeats), load.prompts.iter().sum::<u64>());
    let of_arm = cases * repeats;
    let asks = of_arm * u64::try_from(arms.len()).unwrap_or(u64::MAX);
    let judged = load.judges.iter().try_fold(0.0, |sum, (deployment, times)| {
        let (sent, written) = JUDGE_TOKENS;
        let price = graders.get(deployment)?;
        let input = cases * (sent + load.output_tokens);
        Some(sum + price.of(input * times * repeats, cases * written * times * repeats)?)
    });
    // A reference is taken to be as long as an answer.
    let compared = load.embeddings.iter().try_fold(0.0, |sum, (deployment, times)| {
        let tokens = 2 * load.output_tokens * times * of_arm;
        Some(sum + graders.get(deployment)?.of_input(tokens)?)
    });
    let judged = judged.zip(compared).map(|(judged, compared)| judged + compared);
    let usd: BTreeMap<Arm, Option<f64>> = arms
        .iter()
        .map(|(arm, price)| {
            let usd = price.of(input * repeats, load.output_tokens * of_arm);
            (*arm, usd.zip(judged).map(|(asked, judged)| asked + judged))
        })
        .collect();
    let canaries = load.canaries.iter().try_fold(0.0, |sum, (deployment, times)| {
        let (sent, written) = JUDGE_TOKENS;
        let input = times * (sent + load.output_tokens);
        Some(sum + graders.get(deployment)?.of(input, times * written)?)
    });
    let total_usd =
        usd.values().copied().chain([canaries]).try_fold(0.0, |sum, usd| Some(sum + usd?));
    let per_answer: u64 = load.judges.values().sum();
    let judge_asks = asks * per_answer + load.canaries.values().sum::<u64>();
    let rounds = (asks + judge_asks).div_ceil(u64::from(load.concurrency.max(1)));
    let seconds = rounds * ANSWER_TIME.as_secs();
    Estimate { asks, judge_asks, output_tokens: load.output_tokens, usd, total_usd, seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_cases_show_more() {
        let gate = GateFile::default();
        let few = chances(&gate, 50, 1, Some(0.1));
        let many = chances(&gate, 1_000, 1, Some(0.1));
        let (few, many) = (few[0].at[0], many[0].at[0]);
        assert!(few.power < 0.5 && many.power > 0.99, "{few:?} {many:?}");
        assert_eq!(few.cases_needed, many.cases_needed);
        let needed = few.cases_needed.unwrap();
        assert!((240..260).contains(&needed), "{needed}");
        assert!(few.detectable > 0.05 && many.detectable < 0.05);
        assert_eq!(chances(&gate, 50, 1, None)[0].at.len(), 3);
        assert_eq!(few.power_if_chance, None);
        let repeated = chances(&gate, 50, 5, Some(0.1))[0].at[0];
        assert!((repeated.power - few.power).abs() < 1e-12);
        // Five answers to fifty cases that differ by chance tell what 250 cases tell.
        let averaged = repeated.power_if_chance.unwrap();
        let as_many = chances(&gate, 250, 1, Some(0.1))[0].at[0].power;
        assert!((averaged - as_many).abs() < 1e-12, "{averaged}");
    }

    #[test]
    fn what_has_no_price_has_no_sum() {
        let load = Load {
            prompts: vec![1_000, 3_000],
            output_tokens: 500,
            repeats: 2,
            concurrency: 4,
            ..Load::default()
        };
        let price = TokenPrice { input: Some(1.0), output: Some(10.0) };
        let arms = BTreeMap::from([(Arm::Candidate, price), (Arm::Incumbent, price)]);
        let known = estimate(&load, &arms, &BTreeMap::new());
        assert_eq!((known.asks, known.judge_asks, known.seconds), (8, 0, 8));
        let each = (4_000.0 * 2.0 + 10.0 * 500.0 * 4.0) / 1e6;
        assert!((known.total_usd.unwrap() - 2.0 * each).abs() < 1e-12);
        assert!((known.per_ask(Arm::Candidate).unwrap() - each / 4.0).abs() < 1e-12);
        let mut arms = arms;
        arms.insert(Arm::Incumbent, TokenPrice::default());
        let unknown = estimate(&load, &arms, &BTreeMap::new());
        assert_eq!((unknown.total_usd, unknown.usd[&Arm::Incumbent]), (None, None));
        let one = || BTreeMap::from([("j".to_owned(), 1)]);
        let judged = Load { judges: one(), ..load.clone() };
        assert_eq!(estimate(&judged, &arms, &BTreeMap::new()).total_usd, None);
        let compared = Load { embeddings: one(), ..load };
        assert_eq!(estimate(&compared, &arms, &BTreeMap::new()).total_usd, None);
        arms.insert(Arm::Incumbent, price);
        let input = TokenPrice { input: Some(2.0), output: None };
        let priced = BTreeMap::from([("j".to_owned(), input)]);
        let more = estimate(&compared, &arms, &priced).total_usd.unwrap() - 2.0 * each;
        assert!((more - 2.0 * 4.0 * 1_000.0 * 2.0 / 1e6).abs() < 1e-12, "{more}");
    }
}
