//! What the router does of its own with what is left: a model of its steady state.
//!
//! Every request takes the first deployment of its ladder whose pool has room. A pool lets so much
//! of each class through as shedding by utilisation does: what the classes above it leave of the
//! part of the pool that the class may fill, the same share of all features of a class. What it
//! refuses goes on down its own ladder. Shares are found by repetition: what pools let through only
//! ever falls, and so comes to rest.

use super::{Choice, FeatureLoad, Serves, Topology, allocate::Room};
use crate::Criticality;

/// Repetitions at most; what is then still moving is as near as anybody needs.
const ROUNDS_MAX: usize = 2_000;
/// Moves below this are none.
const STILL: f64 = 1e-9;
/// The classes, those that matter most first.
const CLASSES: [Criticality; 4] = [
    Criticality::CriticalPlus,
    Criticality::Critical,
    Criticality::SheddablePlus,
    Criticality::Sheddable,
];

/// Its place among [`CLASSES`].
const fn class(criticality: Criticality) -> usize {
    match criticality {
        Criticality::CriticalPlus => 0,
        Criticality::Critical => 1,
        Criticality::SheddablePlus => 2,
        Criticality::Sheddable => 3,
    }
}

/// The share of what is offered that a pool lets through, by class.
type Open = [f64; CLASSES.len()];
/// What is offered to a pool, by class, in the order of its limits.
type Offered = [[f64; 5]; CLASSES.len()];

/// The share of each feature's requests that its acceptable tiers answer.
pub(super) fn routed(
    topology: &Topology,
    open: &dyn Fn(usize) -> bool,
    rooms: &[Room],
) -> Vec<f64> {
    let mut lets: Vec<Open> = vec![[1.0; CLASSES.len()]; topology.pools.len()];
    for _ in 0..ROUNDS_MAX {
        let mut offered: Vec<Offered> = vec![[[0.0; 5]; CLASSES.len()]; topology.pools.len()];
        for (at, load) in topology.loads.iter().enumerate() {
            walk(topology, at, load, open, &lets, &mut |pool, amounts| {
                let all =
                    offered.get_mut(pool).and_then(|all| all.get_mut(class(load.criticality)));
                for (sum, amount) in all.into_iter().flatten().zip(amounts) {
                    *sum += amount;
                }
            });
        }
        let next: Vec<Open> =
            rooms.iter().zip(&offered).map(|(room, all)| through(room, all)).collect();
        let moved = lets.iter().flatten().zip(next.iter().flatten());
        let moved = moved.map(|(was, is)| (was - is).abs()).fold(0.0, f64::max);
        lets = next;
        if moved < STILL {
            break;
        }
    }
    let answered =
        |(at, load): (usize, &FeatureLoad)| walk(topology, at, load, open, &lets, &mut |_, _| {});
    topology.loads.iter().enumerate().map(answered).collect()
}

/// What a pool lets through of what is offered: those that matter most first, and each class as far
/// as it may fill a pool.
fn through(room: &Room, offered: &Offered) -> Open {
    let mut used = [0.0; 5];
    let mut lets = [1.0; CLASSES.len()];
    for ((class, amounts), lets) in CLASSES.iter().zip(offered).zip(&mut lets) {
        let left = room
            .iter()
            .zip(&used)
            .map(|(room, used)| room.map(|room| (room * class.share_of_pool() - used).max(0.0)));
        let shares = left.zip(amounts).filter(|(_, amount)| **amount > 0.0);
        let shares = shares.filter_map(|(left, amount)| Some(left? / amount));
        *lets = shares.fold(1.0, f64::min);
        for (used, amount) in used.iter_mut().zip(amounts) {
            *used += *lets * amount;
        }
    }
    lets
}

/// Sends a feature's requests down its ladder, telling what is offered to which pool. Gives the
/// share that acceptable tiers answer.
fn walk(
    topology: &Topology,
    at: usize,
    load: &FeatureLoad,
    open: &dyn Fn(usize) -> bool,
    lets: &[Open],
    offer: &mut dyn FnMut(usize, [f64; 5]),
) -> f64 {
    let need = topology.need(at);
    let amounts = need.amounts().map(Option::unwrap_or_default);
    // Offers some of the requests to a deployment; gives what goes on.
    let mut offered = |node: usize, share: f64| {
        let Some(pool) = topology.pool_of(node) else { return share };
        offer(pool, amounts.map(|amount| amount * share));
        let lets = lets.get(pool).and_then(|all| all.get(class(load.criticality)));
        share * (1.0 - lets.copied().unwrap_or(1.0))
    };
    let (mut left, mut good) = (1.0, 0.0);
    for rung in &load.rungs {
        let goes_on = match &rung.serves {
            Serves::Calls(choices) => {
                let usable: Vec<&Choice> = choices.iter().filter(|one| open(one.node)).collect();
                called(&usable, left, &mut offered)
            }
            Serves::Queues(max_jobs) => {
                let most = topology.queued_per_minute(*max_jobs) / need.requests_per_minute;
                (left - most).max(0.0)
            }
            Serves::Replies => 0.0,
            Serves::Recalls => left,
            Serves::Refuses => break,
        };
        if rung.acceptable {
            good += left - goes_on;
        }
        left = goes_on;
    }
    good
}

/// Sends requests to a tier's deployments; gives the share that goes on to the next tier. Where
/// each begins with some of them, it goes on to the others in their order.
fn called(usable: &[&Choice], left: f64, offered: &mut dyn FnMut(usize, f64) -> f64) -> f64 {
    let firsts: f64 = usable.iter().filter_map(|one| one.first_share).sum();
    if firsts <= 0.0 {
        return usable.iter().fold(left, |going, one| offered(one.node, going));
    }
    let mut goes_on = 0.0;
    for first in usable {
        let share = left * first.first_share.unwrap_or_default() / firsts;
        let others = usable.iter().filter(|one| one.node != first.node);
        let order = std::iter::once(first).chain(others);
        goes_on += order.fold(share, |going, one| offered(one.node, going));
    }
    goes_on
}
