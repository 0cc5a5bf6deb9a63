//! Who gets what when there is not room for all: exact, by linear programs.
//!
//! Classes of criticality come one after the other, and within a class one objective after the
//! other: the least that no acceptable tier answers, the least that nothing answers, the most at
//! the best tier, at the best two and so on, the least cost. What is then still open goes to what
//! is configured first. Each is solved as a linear program over the shares of all features at once,
//! and held while the next is solved: what a later one finds never costs an earlier one anything.

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use super::{Choice, FeatureLoad, Limit, Need, Rung, Serves, Topology, topology::amount};
use crate::Criticality;

/// What was found for one objective is held to this, in shares of a class's requests.
const SLACK: f64 = 1e-7;
/// Shares are told to this: ten times what a solution may be off.
const GRAIN: f64 = 1e-6;
/// What fills less of a limit than this is not counted against it.
const NEGLIGIBLE: f64 = 1e-9;
/// What asks for so many times a limit gets nothing of it.
const HOPELESS: f64 = 1e5;
/// The least weight of a feature among those of its class, so that none is forgotten.
const LEAST_WEIGHT: f64 = 1e-3;
/// The classes, those that matter most first.
const CLASSES: [Criticality; 4] = [
    Criticality::CriticalPlus,
    Criticality::Critical,
    Criticality::SheddablePlus,
    Criticality::Sheddable,
];

/// A linear program could not be solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the allocation cannot be computed")]
pub struct Unsolved(#[from] microlp::Error);

/// What a pool may carry, in the order of [`Limit::ALL`].
pub(super) type Room = [Option<f64>; 5];

/// What some of a feature's requests meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flow {
    /// Position of the feature's load.
    pub(super) load: usize,
    /// Position of the tier.
    pub(super) rung: usize,
    /// Position of the choice within the tier, where it calls a deployment.
    pub(super) choice: Option<usize>,
    /// The share of the feature's requests.
    pub(super) share: f64,
}

/// What all features' requests meet. What is not in it nothing answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Allocation {
    pub(super) flows: Vec<Flow>,
}

impl Allocation {
    pub(super) fn of(&self, load: usize) -> impl Iterator<Item = &Flow> {
        self.flows.iter().filter(move |flow| flow.load == load)
    }

    /// How much of each limit of a pool is used.
    pub(super) fn used(&self, topology: &Topology, pool: usize) -> [f64; 5] {
        let mut used = [0.0; 5];
        for flow in &self.flows {
            let drawn = topology.node(flow).filter(|at| topology.pool_of(*at) == Some(pool));
            if drawn.is_none() {
                continue;
            }
            let need = topology.need(flow.load).amounts();
            for (used, need) in used.iter_mut().zip(need) {
                *used += flow.share * need.unwrap_or_default();
            }
        }
        used
    }
}

impl Topology {
    /// What a feature asks for; a request a minute where nobody knows.
    pub(super) fn need(&self, load: usize) -> Need {
        let known = self.loads.get(load).and_then(|load| load.need);
        known.unwrap_or(Need { requests_per_minute: 1.0, ..Need::default() })
    }

    pub(super) fn choice(&self, flow: &Flow) -> Option<&Choice> {
        match &self.loads.get(flow.load)?.rungs.get(flow.rung)?.serves {
            Serves::Calls(choices) => choices.get(flow.choice?),
            _ => None,
        }
    }

    /// The deployment that a flow goes to.
    pub(super) fn node(&self, flow: &Flow) -> Option<usize> {
        self.choice(flow).map(|choice| choice.node)
    }

    pub(super) fn pool_of(&self, node: usize) -> Option<usize> {
        self.nodes.get(node).map(|node| node.pool)
    }

    /// What all pools may carry.
    pub(super) fn rooms(&self) -> Vec<Room> {
        self.pools.iter().map(|pool| pool.quota.limits()).collect()
    }

    /// The requests a minute that a queue of so many takes, as long as the loss lasts.
    pub(super) fn queued_per_minute(&self, max_jobs: u64) -> f64 {
        amount(max_jobs) * 60.0 / self.outage.as_secs_f64().max(60.0)
    }
}

/// Finds the best allocation where only the `open` deployments answer.
///
/// # Errors
/// Where a linear program cannot be solved, which no input of sane numbers should lead to.
pub(super) fn allocate(
    topology: &Topology,
    open: &dyn Fn(usize) -> bool,
    rooms: &[Room],
) -> Result<Allocation, Unsolved> {
    let program = Program::new(topology, open, rooms);
    let mut held: Vec<(Vec<f64>, f64)> = Vec::new();
    let mut best = vec![0.0; program.lots.len()];
    let wanted = CLASSES.into_iter().flat_map(|class| program.wanted(class));
    for objective in wanted.chain(CLASSES.map(|class| program.in_order(class))) {
        best = program.solve(&objective, &held)?;
        let value = objective.iter().zip(&best).map(|(weight, share)| weight * share).sum();
        held.push((objective, value));
    }
    let flows = program.lots.iter().zip(best).filter_map(|(lot, share)| {
        let share = (share / GRAIN).round() * GRAIN;
        (share > 0.0).then_some(Flow { share, ..lot.flow })
    });
    Ok(Allocation { flows: flows.collect() })
}

/// One variable: the share of a feature's requests that one way takes.
struct Lot {
    /// Its share is not yet known.
    flow: Flow,
    acceptable: bool,
    /// The most that it takes.
    most: f64,
    /// Its place among all ways of the feature, 0 to 1.
    rank: f64,
    /// What a request costs there, in US dollars; unknown for some.
    usd: Option<f64>,
}

struct Program<'t> {
    topology: &'t Topology,
    lots: Vec<Lot>,
    /// For each limit that can bind: how much of it each lot fills.
    rows: Vec<Vec<f64>>,
}

impl<'t> Program<'t> {
    fn new(topology: &'t Topology, open: &dyn Fn(usize) -> bool, rooms: &[Room]) -> Self {
        let loads = topology.loads.iter().enumerate();
        let lots = loads.flat_map(|(at, load)| lots(topology, at, load, open)).collect();
        let mut program = Self { topology, lots, rows: Vec::new() };
        for (pool, room) in rooms.iter().enumerate() {
            for (limit, room) in room.iter().enumerate() {
                if let Some(room) = room {
                    program.bound(pool, limit, *room);
                }
            }
        }
        program
    }

    /// Adds one limit of a pool, by its place in [`Limit::ALL`].
    fn bound(&mut self, pool: usize, limit: usize, room: f64) {
        let mut row = vec![0.0; self.lots.len()];
        for (lot, fill) in self.lots.iter_mut().zip(&mut row) {
            let node = self.topology.node(&lot.flow);
            if node.and_then(|at| self.topology.pool_of(at)) != Some(pool) {
                continue;
            }
            let need = self.topology.need(lot.flow.load).amounts();
            let need = need.get(limit).copied().flatten().unwrap_or_default();
            if need > room * HOPELESS {
                lot.most = 0.0;
            } else if need > room * NEGLIGIBLE {
                *fill = need / room;
            }
        }
        // What takes everything binds nobody.
        if row.iter().sum::<f64>() > 1.0 {
            self.rows.push(row);
        }
    }

    /// What is wanted of one class, in order; each to be as small as can be.
    fn wanted(&self, class: Criticality) -> Vec<Vec<f64>> {
        let loads = self.topology.loads.iter().filter(|load| load.criticality == class);
        let tiers = loads.map(|load| load.rungs.len()).max().unwrap_or_default();
        let dearest = self.lots.iter().filter_map(|lot| lot.usd).fold(0.0, f64::max);
        let acceptable = |lot: &Lot| if lot.acceptable { -1.0 } else { 0.0 };
        let usd = |lot: &Lot| match lot.flow.choice {
            Some(_) if dearest > 0.0 => lot.usd.unwrap_or(dearest) / dearest,
            _ => 0.0,
        };
        let mut wanted = vec![self.each(class, &acceptable), self.each(class, &|_| -1.0)];
        wanted.extend(
            (0..tiers.saturating_sub(1)).map(|most| {
                self.each(class, &|lot| if lot.flow.rung <= most { -1.0 } else { 0.0 })
            }),
        );
        wanted.push(self.each(class, &usd));
        wanted.retain(|weights| weights.iter().any(|weight| *weight != 0.0));
        wanted
    }

    /// What is configured first, where nothing else tells ways apart.
    fn in_order(&self, class: Criticality) -> Vec<f64> {
        self.each(class, &|lot| lot.rank)
    }

    /// A value of each way of a class, by how many of the class's requests are the feature's.
    fn each(&self, class: Criticality, value: &dyn Fn(&Lot) -> f64) -> Vec<f64> {
        let of_class = |at: usize| {
            let load = self.topology.loads.get(at).filter(|load| load.criticality == class);
            load.map(|_| self.topology.need(at).requests_per_minute)
        };
        let all: f64 = (0..self.topology.loads.len()).filter_map(of_class).sum();
        let weight = |requests: f64| (requests / all.max(f64::MIN_POSITIVE)).max(LEAST_WEIGHT);
        let of = |lot: &Lot| of_class(lot.flow.load).map_or(0.0, |one| weight(one) * value(lot));
        self.lots.iter().map(of).collect()
    }

    /// The shares at which `objective` is least, with what was found before held.
    fn solve(&self, objective: &[f64], held: &[(Vec<f64>, f64)]) -> Result<Vec<f64>, Unsolved> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let variables: Vec<Variable> = self
            .lots
            .iter()
            .zip(objective)
            .map(|(lot, weight)| problem.add_var(*weight, (0.0, lot.most)))
            .collect();
        let mut at_most = |row: &[f64], most: f64| {
            let terms: Vec<(Variable, f64)> = variables
                .iter()
                .zip(row)
                .filter(|(_, fill)| **fill != 0.0)
                .map(|(variable, fill)| (*variable, *fill))
                .collect();
            problem.add_constraint(terms, ComparisonOp::Le, most);
        };
        for load in 0..self.topology.loads.len() {
            let own = |lot: &Lot| if lot.flow.load == load { 1.0 } else { 0.0 };
            at_most(&self.lots.iter().map(own).collect::<Vec<_>>(), 1.0);
        }
        for row in &self.rows {
            at_most(row, 1.0);
        }
        for (row, value) in held {
            at_most(row, value + SLACK);
        }
        let outcome = problem.solve()?;
        let share = |variable: &Variable| {
            outcome.solution().map_or(0.0, |found| found.var_value(*variable)).clamp(0.0, 1.0)
        };
        Ok(variables.iter().map(share).collect())
    }
}

/// Every way that a feature's requests may take.
fn lots(
    topology: &Topology,
    load: usize,
    of: &FeatureLoad,
    open: &dyn Fn(usize) -> bool,
) -> Vec<Lot> {
    let mut lots = Vec::new();
    for (rung, tier) in of.rungs.iter().enumerate() {
        let flow = Flow { load, rung, choice: None, share: 0.0 };
        let lot = |flow, most, usd| Lot { flow, acceptable: tier.acceptable, most, rank: 0.0, usd };
        match &tier.serves {
            Serves::Calls(choices) => {
                let usable = choices.iter().enumerate().filter(|(_, one)| open(one.node));
                lots.extend(usable.map(|(at, one)| {
                    let usd = one.usd_cold.or(one.usd).map(|usd| usd.approximately());
                    lot(Flow { choice: Some(at), ..flow }, 1.0, usd)
                }));
            }
            Serves::Queues(max_jobs) => {
                let requests = topology.need(load).requests_per_minute;
                let most = topology.queued_per_minute(*max_jobs) / requests;
                lots.push(lot(flow, most.min(1.0), None));
            }
            Serves::Replies => lots.push(lot(flow, 1.0, None)),
            Serves::Recalls | Serves::Refuses => {}
        }
    }
    let all = amount(lots.len() as u64).max(1.0);
    for (at, lot) in lots.iter_mut().enumerate() {
        lot.rank = amount(at as u64) / all;
    }
    lots
}

/// The limits of a pool with how full each is, 0 to 1 and above, and which.
pub(super) fn fullness(used: &[f64; 5], room: &Room) -> Vec<(Limit, f64)> {
    let limits = Limit::ALL.into_iter().zip(used).zip(room);
    limits
        .filter_map(|((limit, used), room)| {
            let room = (*room)?;
            let full = if room > 0.0 { used / room } else { 1.0 };
            Some((limit, full))
        })
        .collect()
}

/// Whether a tier can answer anything at all where only the `open` deployments do.
pub(super) fn is_left(rung: &Rung, open: &dyn Fn(usize) -> bool) -> bool {
    match &rung.serves {
        Serves::Calls(choices) => choices.iter().any(|one| open(one.node)),
        Serves::Queues(_) | Serves::Replies => true,
        Serves::Recalls | Serves::Refuses => false,
    }
}
