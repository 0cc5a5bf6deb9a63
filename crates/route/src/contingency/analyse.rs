//! From a topology to a report.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Binding, Class, Contingency, Evidence, FeatureLoad, FeatureOutcome, Outcome, QuotaSource,
    Report, Serves, TierShare, Topology, Unsolved, Verdict,
    allocate::{Allocation, Room, allocate, fullness, is_left},
    figures::Change,
    pairs, reserve,
    routed::routed,
    singles,
};

/// Shares that differ by less are the same.
const SAME: f64 = 1e-5;
/// When pools that grow are looked at, after the loss.
const LOOKS: [Duration; 3] =
    [Duration::ZERO, Duration::from_secs(15 * 60), Duration::from_secs(60 * 60)];

/// How many elements are lost at once, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// One.
    #[default]
    One,
    /// Two that are independent.
    Two,
}

/// Looks at every contingency.
///
/// # Errors
/// Where an allocation cannot be computed, which no input of sane numbers should lead to.
pub fn analyse(topology: &Topology, depth: Depth) -> Result<Report, Unsolved> {
    let singles = singles(topology);
    let pairs = if depth == Depth::Two { pairs(&singles) } else { Vec::new() };
    let nothing = BTreeSet::new();
    let base = Situation::new(topology, &nothing)?;
    let reserve = reserve::reserve(topology, &base.allocation, &singles);
    let found = |contingency: Contingency| {
        let situation = Situation::new(topology, &contingency.nodes)?;
        let features = situation.features(Some((&base, &contingency)))?;
        let verdict = features.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Secure);
        Ok::<_, Unsolved>(Outcome { contingency, verdict, features })
    };
    Ok(Report {
        base: base.features(None)?,
        contingencies: singles.into_iter().chain(pairs).map(found).collect::<Result<_, _>>()?,
        reserve,
    })
}

/// A topology without what is lost, and what becomes of it.
pub(super) struct Situation<'t> {
    pub(super) topology: &'t Topology,
    lost: &'t BTreeSet<usize>,
    rooms: Vec<Room>,
    pub(super) allocation: Allocation,
    routed: Vec<f64>,
}

impl<'t> Situation<'t> {
    fn new(topology: &'t Topology, lost: &'t BTreeSet<usize>) -> Result<Self, Unsolved> {
        let rooms = topology.rooms();
        let open = |at: usize| is_open(topology, lost, at);
        let allocation = allocate(topology, &open, &rooms)?;
        let routed = routed(topology, &open, &rooms);
        Ok(Self { topology, lost, rooms, allocation, routed })
    }

    fn features(
        &self,
        since: Option<(&Self, &Contingency)>,
    ) -> Result<Vec<FeatureOutcome>, Unsolved> {
        let looks = self.looks(since.map(|(base, _)| base))?;
        let loads = self.topology.loads.iter().enumerate();
        Ok(loads.map(|(at, load)| self.feature(at, load, since, &looks)).collect())
    }

    /// The allocations as pools grow; none where no pool has to.
    fn looks(&self, base: Option<&Self>) -> Result<Vec<Allocation>, Unsolved> {
        let Some(base) = base.filter(|_| self.topology.pools.iter().any(|one| one.ramp.is_some()))
        else {
            return Ok(Vec::new());
        };
        let open = |at: usize| is_open(self.topology, self.lost, at);
        let room_after = |pool: usize, room: &Room, after: Duration| {
            let ramp = self.topology.pools.get(pool).and_then(|one| one.ramp);
            let Some(ramp) = ramp else { return *room };
            let mut used = base.allocation.used(self.topology, pool).into_iter();
            room.map(|limit| {
                let used = used.next().unwrap_or_default();
                limit.map(|limit| ramp.reached(used, limit, after))
            })
        };
        let look = |after: Duration| {
            let rooms = self.rooms.iter().enumerate();
            let rooms: Vec<Room> =
                rooms.map(|(pool, room)| room_after(pool, room, after)).collect();
            allocate(self.topology, &open, &rooms)
        };
        LOOKS.into_iter().map(look).collect()
    }

    fn feature(
        &self,
        at: usize,
        load: &FeatureLoad,
        since: Option<(&Self, &Contingency)>,
        looks: &[Allocation],
    ) -> FeatureOutcome {
        let served = self.served(&self.allocation, at);
        let routed = self.routed.get(at).copied().unwrap_or_default();
        let whole = served.min(routed) >= 1.0 - SAME;
        let verdict = match (whole, load.criticality.gives_way()) {
            (true, _) => Verdict::Secure,
            (false, true) => Verdict::Remedial,
            (false, false) => Verdict::NotSecure,
        };
        let mut servable = [served; 3];
        for (share, look) in servable.iter_mut().zip(looks) {
            *share = self.served(look, at);
        }
        let answered: f64 = self.allocation.of(at).map(|flow| flow.share).sum();
        let (firm, headroom) = self.draws_on(at);
        let change = Change::of(self, since.map(|(base, _)| base), at);
        FeatureOutcome {
            feature: Arc::clone(&load.feature),
            criticality: load.criticality,
            verdict,
            mix: self.mix(at, load),
            served,
            unserved: if answered >= 1.0 - SAME { 0.0 } else { 1.0 - answered },
            routed,
            firm,
            servable,
            headroom,
            binding: self.binding(at, load, served),
            usd_per_hour: change.usd_per_hour,
            first_p95_ms: change.first_p95_ms,
            quality: change.quality,
            evidence: self.evidence(at, load, since.map(|(_, contingency)| contingency)),
        }
    }

    /// The share that acceptable tiers answer.
    fn served(&self, allocation: &Allocation, at: usize) -> f64 {
        let rungs = self.topology.loads.get(at).map(|load| load.rungs.as_slice());
        let acceptable = |rung: usize| {
            rungs.and_then(|rungs| rungs.get(rung)).is_some_and(|rung| rung.acceptable)
        };
        let good = allocation.of(at).filter(|flow| acceptable(flow.rung));
        let share: f64 = good.map(|flow| flow.share).sum();
        if share >= 1.0 - SAME { 1.0 } else { share }
    }

    fn mix(&self, at: usize, load: &FeatureLoad) -> Vec<TierShare> {
        let shares = load.rungs.iter().enumerate().map(|(tier, rung)| {
            let own = self.allocation.of(at).filter(|flow| flow.rung == tier);
            let share = own.map(|flow| flow.share).sum();
            let (name, acceptable) = (Arc::clone(&rung.name), rung.acceptable);
            TierShare { tier, name, acceptable, share }
        });
        shares.filter(|one| one.share > SAME).collect()
    }

    /// The pools that a feature draws on, each with its share of the feature's requests.
    fn pools(&self, at: usize) -> impl Iterator<Item = (usize, f64)> {
        self.allocation.of(at).filter_map(|flow| {
            let pool = self.topology.pool_of(self.topology.node(flow)?)?;
            Some((pool, flow.share))
        })
    }

    /// The share of a feature that is firm, and what is left of the fullest pool that it draws on.
    fn draws_on(&self, at: usize) -> (f64, Option<f64>) {
        let infirm = |pool: usize| self.topology.pools.get(pool).is_some_and(|one| !one.firm);
        let infirm: f64 =
            self.pools(at).filter(|(one, _)| infirm(*one)).map(|(_, share)| share).sum();
        let answered: f64 = self.allocation.of(at).map(|flow| flow.share).sum();
        let fullest = self.pools(at).filter_map(|(pool, _)| self.fullest(pool)).map(|one| one.1);
        let fullest =
            fullest.fold(None, |most: Option<f64>, one| Some(most.unwrap_or(one).max(one)));
        ((answered - infirm).max(0.0), fullest.map(|full| (1.0 - full).max(0.0)))
    }

    /// The limit of a pool that is fullest.
    fn fullest(&self, pool: usize) -> Option<(super::Limit, f64)> {
        let used = self.allocation.used(self.topology, pool);
        let all = fullness(&used, self.rooms.get(pool)?);
        all.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    fn binding(&self, at: usize, load: &FeatureLoad, served: f64) -> Binding {
        let open = |node: usize| is_open(self.topology, self.lost, node);
        let mut acceptable = load.rungs.iter().filter(|rung| rung.acceptable);
        if !acceptable.any(|rung| is_left(rung, &open)) {
            return Binding::NothingLeft;
        }
        if served >= 1.0 - SAME && self.routed.get(at).is_some_and(|one| *one < 1.0 - SAME) {
            return Binding::Order;
        }
        let candidates = load.rungs.iter().flat_map(|rung| match &rung.serves {
            Serves::Calls(choices) => choices.as_slice(),
            _ => &[],
        });
        let usable = candidates.filter(|one| open(one.node));
        let pools: BTreeSet<usize> =
            usable.filter_map(|one| self.topology.pool_of(one.node)).collect();
        let fullest = pools.into_iter().filter_map(|pool| Some((pool, self.fullest(pool)?)));
        let fullest = fullest.max_by(|(_, one), (_, other)| one.1.total_cmp(&other.1));
        let queue = load.rungs.iter().find_map(|rung| match rung.serves {
            Serves::Queues(max_jobs) if rung.acceptable => Some(max_jobs),
            _ => None,
        });
        match (fullest, queue) {
            (Some((pool, (limit, full))), _) => self.told(pool, limit, full),
            (None, Some(max_jobs)) if served < 1.0 - SAME => Binding::QueueFull { max_jobs },
            (None, _) => Binding::Nothing,
        }
    }

    fn told(&self, pool: usize, limit: super::Limit, full: f64) -> Binding {
        let Some(known) = self.topology.pools.get(pool) else {
            return Binding::Nothing;
        };
        let (name, most) = (Arc::clone(&known.name), known.quota.limit(limit).unwrap_or_default());
        match full >= 1.0 - SAME {
            true => Binding::Full { pool: name, limit, most },
            false => Binding::Fullest { pool: name, limit, most },
        }
    }

    fn evidence(&self, at: usize, load: &FeatureLoad, lost: Option<&Contingency>) -> Evidence {
        let drilled = self.topology.drilled.iter().filter(|drill| {
            let names = lost.iter().flat_map(|lost| lost.lost.iter().chain(&lost.also));
            names.into_iter().any(|one| one.kind == drill.kind && one.name == drill.name)
        });
        let single = lost.is_some_and(|lost| lost.class != Class::OutOfRange);
        if let Some(on) = drilled.map(|drill| drill.on).max().filter(|_| single) {
            return Evidence::Drilled(on);
        }
        // Whatever it asks for, nothing answers.
        if self.binding(at, load, 0.0) == Binding::NothingLeft {
            return Evidence::Assumed;
        }
        let Some(need) = load.need else {
            return Evidence::Unknown("its demand".to_owned());
        };
        let pools: BTreeSet<usize> = self.pools(at).map(|(pool, _)| pool).collect();
        let known: Vec<_> = pools.iter().filter_map(|at| self.topology.pools.get(*at)).collect();
        let untold = |pool: &&&super::QuotaPool| {
            let limits = pool.quota.limits();
            let missing = limits.iter().zip(need.amounts());
            missing.into_iter().any(|(limit, need)| limit.is_some() && need.is_none())
        };
        if let Some(pool) = known.iter().find(|one| one.source == QuotaSource::Unknown) {
            return Evidence::Unknown(format!("the quota of `{}`", pool.name));
        }
        if let Some(pool) = known.iter().find(untold) {
            return Evidence::Unknown(format!("what of `{}` its requests need", pool.name));
        }
        if let Some(pool) = known.iter().find(|one| !one.firm) {
            return Evidence::Unknown(format!("`{}` is not firm", pool.name));
        }
        match known.iter().all(|one| one.source != QuotaSource::Config) {
            true if !known.is_empty() => Evidence::Measured,
            _ => Evidence::Assumed,
        }
    }
}

fn is_open(topology: &Topology, lost: &BTreeSet<usize>, at: usize) -> bool {
    !lost.contains(&at) && topology.nodes.get(at).is_some_and(|node| node.up)
}
