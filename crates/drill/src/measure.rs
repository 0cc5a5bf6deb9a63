//! What the books of a drill say to each expectation.

use std::{collections::BTreeSet, time::Duration};

use tieline_config::Config;
use tieline_gateway::{
    CallKind,
    contingency::{FeatureLoad, Serves, Topology},
};
use tieline_slo::{Event, Indicator, Moment};
use tieline_types::{Outcome, Reason};

use crate::{
    book::{Closed, Pages},
    client::{Answer, End},
    scenario::{Expectation, Invariant, Scenario, Select, Window},
};

/// The buckets that mitigation and restoration are looked for in.
const MITIGATION: Duration = Duration::from_secs(10);
const RESTORATION: Duration = Duration::from_secs(60);
/// Upstream calls beyond the second that retry budgets allow: a share of the requests, and some
/// that small features always have.
const RETRY_SHARE: f64 = 0.2;
const RETRY_FLOOR: f64 = 10.0;

/// What an expectation found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) passed: bool,
    /// The value; none where there was nothing to measure.
    pub(crate) value: Option<f64>,
    /// The same for people.
    pub(crate) told: String,
}

/// A drill that is over.
#[derive(Clone, Copy)]
pub(crate) struct Measured<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) topology: &'a Topology,
    pub(crate) config: &'a Config,
    pub(crate) pages: &'a Pages,
}

/// Good ones and all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) good: u64,
    pub(crate) all: u64,
}

impl Tally {
    fn add(&mut self, good: bool) {
        self.good += u64::from(good);
        self.all += 1;
    }

    /// The share that was good; none of nothing.
    pub(crate) fn ratio(self) -> Option<f64> {
        (self.all > 0).then(|| number(self.good) / number(self.all))
    }
}

impl<'a> Measured<'a> {
    /// What an expectation comes to.
    pub(crate) fn check(&self, expectation: &Expectation) -> Found {
        if let Some(value) = self.value(expectation) {
            return value;
        }
        match expectation {
            Expectation::Alert { slo, severity, fires, within } => {
                self.alert(slo, severity, *fires, *within)
            }
            Expectation::Invariant(one) => self.invariant(*one),
            _ => nothing("nothing was measured"),
        }
    }

    /// Those whose values have bounds.
    fn value(&self, expectation: &Expectation) -> Option<Found> {
        let (bound, value) = match expectation {
            Expectation::Ratio { feature, indicator, ratio, during } => {
                (ratio, self.tally(feature, indicator, during).ratio())
            }
            Expectation::BudgetSpent { feature, indicator, objective, period, spent, during } => {
                let of = (feature.as_str(), indicator);
                (spent, self.budget_spent(of, *objective, *period, during))
            }
            Expectation::TimeToMitigate { feature, objective, within } => {
                (within, self.time_to_mitigate(feature, *objective))
            }
            Expectation::TimeToRestore { feature, share, within } => {
                (within, self.time_to_restore(feature, *share))
            }
            Expectation::Amplification(bound, during) => (bound, self.amplification(during)),
            Expectation::ProbeRate(select, bound, during) => {
                let probes = number(self.attempts_at(select, during, true));
                (bound, Some(probes / seconds(during)))
            }
            Expectation::Attempts(select, bound, during) => {
                (bound, Some(number(self.attempts_at(select, during, false))))
            }
            Expectation::Opens(select, bound, during) => {
                (bound, Some(number(self.opens(select, during))))
            }
            Expectation::OpensWithin(select, bound) => (bound, self.opens_after(select)),
            Expectation::ReusedWithin(select, bound) => (bound, self.reused_after(select)),
            Expectation::StormWithin(select, bound) => (bound, self.storm_after(select)),
            Expectation::Drops(feature, bound, during) => {
                (bound, Some(number(self.drops(feature, during))))
            }
            Expectation::ClientErrors(feature, bound, during) => {
                (bound, Some(number(self.client_errors(feature.as_deref(), during))))
            }
            Expectation::Hedges(bound, during) => (bound, self.hedges(during)),
            Expectation::CostDelta(feature, bound, during) => {
                (bound, self.cost_delta(feature.as_deref(), during))
            }
            Expectation::Alert { .. } | Expectation::Invariant(_) => return None,
        };
        let Some(value) = value else {
            return Some(nothing("it did not happen, or nothing was there to measure"));
        };
        let told = bound.tell(value);
        Some(Found { passed: bound.holds(value), value: Some(value), told })
    }

    /// Requests of clients that came within a window.
    pub(crate) fn requests(&self, during: &Window) -> impl Iterator<Item = &'a Closed> + use<'a> {
        let Window { begin, end, .. } = *during;
        let came = move |one: &&Closed| begin <= one.came && one.came < end;
        let client = |one: &&Closed| one.kind == CallKind::Client;
        self.pages.calls.iter().filter(client).filter(came)
    }

    /// How many of a feature's requests were good.
    pub(crate) fn tally(&self, feature: &str, indicator: &Indicator, during: &Window) -> Tally {
        let mut tally = Tally::default();
        if indicator.moment() == Moment::JobEnded {
            let ended = self.pages.jobs.iter().filter(|(name, at, end)| {
                let began = at.saturating_sub(end.took);
                name == feature && during.begin <= began && began < during.end
            });
            let blank = self.pages.calls.first();
            for (_, _, end) in ended {
                let Some(blank) = blank else { continue };
                let event = Event { job: Some(*end), ..Event::new(&blank.call, None) };
                indicator.judge(&event).into_iter().for_each(|good| tally.add(good));
            }
            return tally;
        }
        for one in self.requests(during).filter(|one| *one.call.feature == *feature) {
            indicator.judge(&event(one)).into_iter().for_each(|good| tally.add(good));
        }
        tally
    }

    fn whole(&self) -> Window {
        Window { name: "all".to_owned(), begin: Duration::ZERO, end: self.scenario.length() }
    }

    fn budget_spent(
        &self,
        (feature, indicator): (&str, &Indicator),
        objective: f64,
        period: Duration,
        during: &Window,
    ) -> Option<f64> {
        let all = self.tally(feature, indicator, &self.whole()).all;
        let Tally { good, all: asked } = self.tally(feature, indicator, during);
        let length = self.scenario.length().as_secs_f64();
        // As many requests in all of the period as in the drill, for their time.
        let of_period = number(all) * period.as_secs_f64() / length;
        let budget = (1.0 - objective) * of_period;
        (budget > 0.0).then(|| number(asked - good) / budget)
    }

    /// The tallies of a feature in buckets of a length, from one time to another, with the begin of
    /// each.
    fn buckets(
        &self,
        feature: &str,
        indicator: &Indicator,
        (begin, end): (Duration, Duration),
        length: Duration,
    ) -> Vec<(Duration, Tally)> {
        let mut buckets = Vec::new();
        let mut at = begin;
        while at < end {
            let during = Window { name: String::new(), begin: at, end: (at + length).min(end) };
            buckets.push((at, Tally::default()));
            at = during.end;
        }
        let all = Window { name: String::new(), begin, end };
        for one in self.requests(&all).filter(|one| *one.call.feature == *feature) {
            let place = (one.came - begin).as_secs_f64() / length.as_secs_f64();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is rounded down, and came after the begin"
            )]
            let place = place as usize;
            if let (Some((_, tally)), Some(good)) =
                (buckets.get_mut(place), indicator.judge(&event(one)))
            {
                tally.add(good);
            }
        }
        buckets
    }

    fn time_to_mitigate(&self, feature: &str, objective: f64) -> Option<f64> {
        let (begin, _) = self.scenario.faulty()?;
        let served = Indicator::Availability { max_tier: None };
        let span = (begin, self.scenario.length());
        let buckets = self.buckets(feature, &served, span, MITIGATION);
        let bad = |tally: &Tally| tally.ratio().is_some_and(|ratio| ratio < objective);
        let first = buckets.iter().position(|(_, tally)| bad(tally));
        let Some(first) = first else { return Some(0.0) };
        let mut rest = buckets.iter().skip(first);
        let back = rest.find(|(_, tally)| tally.all > 0 && !bad(tally))?;
        Some((back.0 - begin).as_secs_f64())
    }

    fn time_to_restore(&self, feature: &str, share: f64) -> Option<f64> {
        let (begin, end) = self.scenario.faulty()?;
        let before = Window { name: String::new(), begin: Duration::ZERO, end: begin };
        let usual = self.tally(feature, &Indicator::BestTier, &before).ratio()?;
        let span = (end, self.scenario.length());
        let buckets = self.buckets(feature, &Indicator::BestTier, span, RESTORATION);
        let restored = |tally: &Tally| tally.ratio().is_some_and(|ratio| ratio >= share * usual);
        let first = buckets.iter().find(|(_, tally)| restored(tally))?;
        Some((first.0 - end).as_secs_f64())
    }

    pub(crate) fn amplification(&self, during: &Window) -> Option<f64> {
        let (mut requests, mut calls) = (0_u32, 0.0);
        for one in self.requests(during) {
            requests += 1;
            calls += count(one.call.attempts.len());
        }
        // Clients that ask again count by what they asked first.
        let answers = self.answers(None, during).count();
        let asked = if answers > 0 { count(answers) } else { f64::from(requests) };
        (requests > 0).then(|| calls / asked)
    }

    fn ids(&self, select: &Select) -> BTreeSet<&str> {
        let selected = self.topology.nodes.iter().filter(|node| select.has(node));
        selected.map(|node| &*node.id).collect()
    }

    fn attempts_at(&self, select: &Select, during: &Window, probes: bool) -> u64 {
        let ids = self.ids(select);
        let calls = self.pages.calls.iter();
        let calls = calls.filter(|one| during.begin <= one.came && one.came < during.end);
        let calls = calls.filter(|one| (one.kind == CallKind::Probe) == probes);
        let attempts = calls.flat_map(|one| &one.call.attempts);
        attempts.filter(|one| ids.contains(&*one.deployment)).map(|_| 1).sum()
    }

    fn opens(&self, select: &Select, during: &Window) -> u64 {
        let ids = self.ids(select);
        let changes = self.pages.states.iter();
        let changes = changes.filter(|one| during.begin <= one.at && one.at < during.end);
        changes.filter(|one| one.state == "open" && ids.contains(&*one.deployment)).map(|_| 1).sum()
    }

    fn opens_after(&self, select: &Select) -> Option<f64> {
        let ids = self.ids(select);
        self.first_state(|one| one.state == "open" && ids.contains(&*one.deployment))
    }

    fn storm_after(&self, select: &Select) -> Option<f64> {
        let ids = self.ids(select);
        self.first_state(|one| one.storm.is_some() && ids.contains(&*one.deployment))
    }

    fn first_state(&self, is: impl Fn(&crate::book::StateChange) -> bool) -> Option<f64> {
        let (begin, _) = self.scenario.faulty()?;
        let first = self.pages.states.iter().find(|one| one.at >= begin && is(one))?;
        Some((first.at - begin).as_secs_f64())
    }

    /// From the end of the last fault that strikes them until one of each answers well.
    fn reused_after(&self, select: &Select) -> Option<f64> {
        let ids = self.ids(select);
        let struck = |one: &&crate::scenario::Injected| {
            self.topology.nodes.iter().any(|node| ids.contains(&*node.id) && one.select.has(node))
        };
        let healed = self.scenario.faults.iter().filter(struck).map(|one| one.end).max()?;
        let last = |id: &&str| {
            let answered = self.pages.calls.iter().find(|one| {
                let ok = |attempt: &tieline_types::AttemptRecord| {
                    *attempt.deployment == **id && attempt.fault.is_none()
                };
                one.kind == CallKind::Client
                    && one.came >= healed
                    && one.call.attempts.iter().any(ok)
            })?;
            Some((answered.came - healed).as_secs_f64())
        };
        let all: Option<Vec<f64>> = ids.iter().map(last).collect();
        all?.into_iter().reduce(f64::max)
    }

    fn drops(&self, feature: &str, during: &Window) -> u64 {
        let changes = self.pages.tiers.iter().filter(|one| one.feature == feature && one.dropped);
        changes.filter(|one| during.begin <= one.at && one.at < during.end).map(|_| 1).sum()
    }

    fn answers<'f>(
        &self,
        feature: Option<&'f str>,
        during: &Window,
    ) -> impl Iterator<Item = &'a Answer> + use<'a, 'f> {
        let Window { begin, end, .. } = *during;
        let answers = self.pages.answers.iter();
        let answers = answers.filter(move |one| begin <= one.asked && one.asked < end);
        answers.filter(move |one| feature.is_none_or(|feature| one.feature == feature))
    }

    fn client_errors(&self, feature: Option<&str>, during: &Window) -> u64 {
        self.answers(feature, during).filter(|one| one.end != End::Whole).map(|_| 1).sum()
    }

    fn hedges(&self, during: &Window) -> Option<f64> {
        let mut tally = Tally::default();
        for attempt in self.requests(during).flat_map(|one| &one.call.attempts) {
            tally.add(attempt.reason == Reason::Hedge);
        }
        tally.ratio()
    }

    fn cost_delta(&self, feature: Option<&str>, during: &Window) -> Option<f64> {
        let mean = |window: &Window| {
            let of = self.requests(window);
            let of = of.filter(|one| feature.is_none_or(|feature| *one.call.feature == *feature));
            let (mut usd, mut requests) = (0.0, 0_u32);
            for one in of.filter(|one| one.call.outcome == Outcome::Served) {
                usd += one.call.cost().map_or(0.0, |cost| cost.usd.approximately());
                requests += 1;
            }
            (requests > 0).then(|| usd / f64::from(requests))
        };
        let first = self.scenario.phases.first()?;
        let before = Window { name: String::new(), begin: first.begin, end: first.end };
        let usual = mean(&before).filter(|usd| *usd > 0.0)?;
        Some(mean(during)? / usual - 1.0)
    }

    fn alert(&self, slo: &str, severity: &str, fires: bool, within: Option<Duration>) -> Found {
        let begin = self.scenario.faulty().map_or(Duration::ZERO, |(begin, _)| begin);
        let fired =
            self.pages.alerts.iter().find(|one| {
                one.fires && one.slo == slo && one.severity == severity && one.at >= begin
            });
        let after = fired.map(|one| one.at - begin);
        let passed = match (fires, after) {
            (true, Some(after)) => within.is_none_or(|within| after <= within),
            (fires, after) => fires == after.is_some(),
        };
        let told = after.map_or_else(
            || "it did not fire".to_owned(),
            |after| format!("it fired after {} s", after.as_secs()),
        );
        Found { passed, value: after.map(|after| after.as_secs_f64()), told }
    }

    fn invariant(&self, invariant: Invariant) -> Found {
        let all = self.whole();
        let broken = match invariant {
            Invariant::NoSilentTruncation => {
                self.answers(None, &all).filter(|one| one.truncated).count()
            }
            Invariant::NoDuplicateToolCalls => {
                self.answers(None, &all).filter(|one| one.odd_tools).count()
            }
            Invariant::EveryStreamTerminated => {
                let silent = |one: &&Answer| matches!(one.end, End::Cut | End::Never);
                self.answers(None, &all).filter(silent).count()
            }
            Invariant::NoResidencyViolation => self.misplaced(),
            Invariant::RetryBudgetRespected => self.over_budget(),
            Invariant::ShedInOrder => self.shed_out_of_order(),
            Invariant::NothingUnaccounted => self.unaccounted(),
        };
        let told =
            if broken == 0 { "it held".to_owned() } else { format!("broken {broken} times") };
        Found { passed: broken == 0, value: Some(count(broken)), told }
    }

    /// Upstream calls that policy does not let go where they went.
    fn misplaced(&self) -> usize {
        let open = |feature: &str, deployment: &str| {
            let load = self.topology.loads.iter().find(|load| *load.feature == *feature);
            load.is_none_or(|load| may_go(load, deployment, self.topology))
        };
        let requests = self.pages.calls.iter().filter(|one| one.kind == CallKind::Client);
        let wrong = |one: &Closed| {
            let feature = &one.call.feature;
            one.call.attempts.iter().filter(|attempt| !open(feature, &attempt.deployment)).count()
        };
        requests.map(wrong).sum()
    }

    /// Features that called more often than their retry budgets allow.
    fn over_budget(&self) -> usize {
        let all = self.whole();
        let over = |feature: &&str| {
            let own = self.requests(&all).filter(|one| *one.call.feature == **feature);
            let (mut requests, mut again) = (0_u32, 0.0);
            for one in own {
                let hedged =
                    |attempt: &&tieline_types::AttemptRecord| attempt.reason == Reason::Hedge;
                let hedges = one.call.attempts.iter().filter(hedged).count();
                requests += 1;
                // The first move to another deployment is what fallback is for, and free.
                again += count(one.call.attempts.len().saturating_sub(2 + hedges));
            }
            again > RETRY_SHARE * f64::from(requests) + RETRY_FLOOR
        };
        self.scenario.workload.iter().map(|one| one.feature.as_str()).filter(over).count()
    }

    /// Minutes in which a critical feature's request was refused for want of room while a sheddable
    /// one was served by a model that the first could have used.
    fn shed_out_of_order(&self) -> usize {
        let all = self.whole();
        let gives_way = |feature: &str| {
            let feature = self.config.feature(feature);
            feature.is_some_and(|one| {
                use tieline_config::Criticality::{Sheddable, SheddablePlus};
                matches!(one.criticality, Sheddable | SheddablePlus)
            })
        };
        let minute = |one: &Closed| one.came.as_secs() / 60;
        let refused =
            |one: &&Closed| one.call.outcome == Outcome::Failed && one.call.attempts.is_empty();
        let shed: BTreeSet<u64> = self
            .requests(&all)
            .filter(|one| !gives_way(&one.call.feature))
            .filter(refused)
            .map(minute)
            .collect();
        let served: BTreeSet<u64> = self
            .requests(&all)
            .filter(|one| gives_way(&one.call.feature) && one.call.deployment.is_some())
            .map(minute)
            .collect();
        shed.intersection(&served).count()
    }

    /// Requests that clients sent and that are not on record, or are there twice.
    fn unaccounted(&self) -> usize {
        let all = self.whole();
        let sent: usize =
            self.answers(None, &all).map(|one| usize::try_from(one.requests).unwrap_or(0)).sum();
        let calls = self.pages.calls.iter().filter(|one| one.kind == CallKind::Client);
        let ids: Vec<&str> = calls.map(|one| one.call.id.as_str()).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        ids.len() - unique.len() + sent.abs_diff(ids.len())
    }
}

/// A request as indicators see it.
fn event(one: &Closed) -> Event<'_> {
    let mut event = Event::new(&one.call, one.tier);
    event.longest_gap = one.call.longest_gap_us.map(Duration::from_micros);
    event
}

fn may_go(load: &FeatureLoad, deployment: &str, topology: &Topology) -> bool {
    let choices = load.rungs.iter().flat_map(|rung| match &rung.serves {
        Serves::Calls(choices) => choices.as_slice(),
        _ => &[],
    });
    let mut ids = choices.filter_map(|choice| topology.nodes.get(choice.node));
    ids.any(|node| *node.id == *deployment)
}

fn nothing(why: &str) -> Found {
    Found { passed: false, value: None, told: why.to_owned() }
}

fn seconds(during: &Window) -> f64 {
    during.end.saturating_sub(during.begin).as_secs_f64().max(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "no drill has 2^53 requests")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "no drill has 2^53 requests")]
pub(crate) const fn count(count: usize) -> f64 {
    count as f64
}
