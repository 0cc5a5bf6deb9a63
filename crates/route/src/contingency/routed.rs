//! What the router does of its own with what is left: a model of its steady state.
//!
//! Every request takes the first deployment of its ladder whose pool has room. A full pool lets so
//! much of each class through as the classes above it leave, the same share of all features of a
//! class, as shedding by utilisation does; what it refuses goes on down its own ladder. Shares are
//! found by repetition: what pools let through only ever falls, and so comes to rest.

use super::{FeatureLoad, Serves, Topology, allocate::Room};
use crate::Criticality;

/// Repetitions at most; what is then still moving is as near as anybody needs.
const ROUNDS_MAX: usize = 2_000;
/// Moves below this are none.
const STILL: f64 = 1e-9;
/// The classes that pools tell apart.
const CLASSES: usize = 4;

const fn class(criticality: Criticality) -> usize {
    match criticality {
        Criticality::CriticalPlus => 0,
        Criticality::Critical => 1,
        Criticality::SheddablePlus => 2,
        Criticality::Sheddable => 3,
    }
}

/// The share of what is offered that a pool lets through, by class.
type Open = [f64; CLASSES];
/// What is offered to a pool, by class, in the order of its limits.
type Offered = [[f64; 5]; CLASSES];

/// The share of each feature's requests that its acceptable tiers answer.
pub(super) fn routed(
    topology: &Topology,
    open: &dyn Fn(usize) -> bool,
    rooms: &[Room],
) -> Vec<f64> {
    let mut lets: Vec<Open> = vec![[1.0; CLASSES]; topology.pools.len()];
    for _ in 0..ROUNDS_MAX {
        let mut offered: Vec<Offered> = vec![[[0.0; 5]; CLASSES]; topology.pools.len()];
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

/// What a pool lets through of what is offered: those that matter most first.
fn through(room: &Room, offered: &Offered) -> Open {
    let mut left = *room;
    offered.map(|amounts| {
        let shares = left.iter().zip(amounts).filter(|(_, amount)| *amount > 0.0);
        let shares = shares.filter_map(|(left, amount)| Some(left.as_ref()? / amount));
        let share = shares.fold(1.0, f64::min).clamp(0.0, 1.0);
        for (left, amount) in left.iter_mut().zip(amounts) {
            *left = left.map(|left| (left - share * amount).max(0.0));
        }
        share
    })
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
    let (mut left, mut good) = (1.0, 0.0);
    for rung in &load.rungs {
        let answered = match &rung.serves {
            Serves::Calls(choices) => {
                let usable: Vec<_> = choices.iter().filter(|one| open(one.node)).collect();
                let mut answered = 0.0;
                let firsts: f64 = usable.iter().filter_map(|one| one.first_share).sum();
                for (begin, first) in usable.iter().enumerate() {
                    // Where one goes first for all, only its own order counts.
                    let share = match first.first_share {
                        Some(share) if firsts > 0.0 => left * share / firsts,
                        _ if begin == 0 && firsts <= 0.0 => left,
                        _ => continue,
                    };
                    let others = usable.iter().enumerate().filter(|(one, _)| *one != begin);
                    let order = std::iter::once(*first).chain(others.map(|(_, one)| *one));
                    let mut going = share;
                    for choice in order {
                        let Some(pool) = topology.pool_of(choice.node) else { continue };
                        offer(pool, amounts.map(|amount| amount * going));
                        let lets = lets.get(pool).and_then(|all| all.get(class(load.criticality)));
                        going *= 1.0 - lets.copied().unwrap_or(1.0);
                    }
                    answered += share - going;
                }
                answered
            }
            Serves::Queues(max_jobs) => {
                left.min(topology.queued_per_minute(*max_jobs) / need.requests_per_minute)
            }
            Serves::Replies => left,
            Serves::Recalls => 0.0,
            Serves::Refuses => break,
        };
        left -= answered;
        if rung.acceptable {
            good += answered;
        }
    }
    good
}
