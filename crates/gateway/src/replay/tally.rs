//! What some requests come to, then and now.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tieline_types::CallRecord;

use super::{
    recorded::{REFUSED, Recorded, is_answer},
    report::{Answers, Changed, Closed, Money, Moves, Side},
    times::{Estimate, Measured, size_of},
    world::Answer,
};

/// The requests of one feature, or of all.
#[derive(Default)]
pub(super) struct Tally {
    changed: Changed,
    before: Estimate,
    after: Estimate,
    answers: HashMap<Arc<str>, Answers>,
    moves: HashMap<(Arc<str>, Arc<str>), u64>,
    closed: HashMap<(Arc<str>, Arc<str>), u64>,
}

/// The costs of one request: as recorded, and as replayed.
pub(super) struct Costs {
    before: Option<Money>,
    after: Option<Money>,
}

impl Costs {
    pub(super) fn of(recorded: &Recorded<'_>, answer: &Answer) -> Self {
        let one = |cost| {
            let mut money = Money::default();
            money.add(cost);
            money
        };
        // What was given up before it came to anything would be so again.
        let paid = recorded.is_paid() || recorded.attempt.is_none();
        Self {
            before: recorded.is_paid().then(|| one(recorded.cost())),
            after: (answer.is_call && paid).then(|| one(answer.cost)),
        }
    }

    pub(super) fn add_to(&self, before: &mut Money, after: &mut Money) {
        before.plus(self.before.as_ref());
        after.plus(self.after.as_ref());
    }
}

impl Tally {
    /// Takes in one request.
    pub(super) fn note(&mut self, recorded: &Recorded<'_>, answer: &Answer, costs: &Costs) {
        let by = &recorded.by;
        let (was, is) = (recorded.is_answered(), is_answer(&answer.by));
        let stays = *by == answer.by;
        let changed = &mut self.changed;
        changed.requests += 1;
        *match (was, is) {
            _ if stays => &mut changed.same,
            (true, true) => &mut changed.moved,
            (true, false) => &mut changed.dropped,
            (false, true) => &mut changed.gained,
            (false, false) => &mut changed.same,
        } += 1;
        if let (Some(rule), Some(attempt)) = (&answer.closed, recorded.attempt) {
            changed.lost += 1;
            let closed = (Arc::clone(&attempt.deployment), Arc::clone(rule));
            *self.closed.entry(closed).or_default() += 1;
        }
        changed.before.count(by);
        changed.after.count(&answer.by);
        costs.add_to(&mut changed.before.money, &mut changed.after.money);
        beside(&mut changed.beside, recorded);
        if !stays {
            let way = (Arc::clone(by), Arc::clone(&answer.by));
            *self.moves.entry(way).or_default() += 1;
        }
        self.answered(recorded, answer, costs);
        self.timed(recorded, answer);
    }

    fn answered(&mut self, recorded: &Recorded<'_>, answer: &Answer, costs: &Costs) {
        let before = answers(&mut self.answers, &recorded.by);
        before.before += 1;
        before.before_cost.plus(costs.before.as_ref());
        let after = answers(&mut self.answers, &answer.by);
        after.after += 1;
        after.after_cost.plus(costs.after.as_ref());
    }

    /// Who left took no time that tells anything.
    fn timed(&mut self, recorded: &Recorded<'_>, answer: &Answer) {
        let whole = recorded.is_answered() && recorded.record.fault.is_none();
        if whole {
            self.before.measured(recorded.record);
        }
        match (whole, answer.by == recorded.by) {
            (true, true) => self.after.measured(recorded.record),
            (true, false) if answer.is_call => {
                self.after.moves(recorded.record, &answer.by, size_of(recorded.usage));
            }
            _ => {}
        }
    }

    /// What it comes to.
    pub(super) fn finish(self, measured: &Measured) -> Changed {
        let mut changed = self.changed;
        (changed.before.first, changed.before.whole) = self.before.times(measured);
        (changed.after.first, changed.after.whole) = self.after.times(measured);
        changed.answers = self.answers.into_values().collect();
        changed.answers.sort_by(|one, other| {
            let most = |answers: &Answers| answers.before.max(answers.after);
            most(other).cmp(&most(one)).then_with(|| one.by.cmp(&other.by))
        });
        changed.moves = most_first(self.moves)
            .map(|((from, to), requests)| Moves { from, to, requests })
            .collect();
        changed.closed = most_first(self.closed)
            .map(|((deployment, rule), requests)| Closed { deployment, rule, requests })
            .collect();
        changed
    }
}

impl Side {
    fn count(&mut self, by: &str) {
        *match by {
            REFUSED => &mut self.refused,
            by if is_answer(by) => &mut self.answered,
            _ => &mut self.unanswered,
        } += 1;
    }
}

fn answers<'t>(all: &'t mut HashMap<Arc<str>, Answers>, by: &Arc<str>) -> &'t mut Answers {
    all.entry(Arc::clone(by)).or_insert_with(|| Answers {
        by: Arc::clone(by),
        before: 0,
        after: 0,
        before_cost: Money::default(),
        after_cost: Money::default(),
    })
}

/// What calls cost that did not answer.
fn beside(money: &mut Money, recorded: &Recorded<'_>) {
    let CallRecord { attempts, .. } = recorded.record;
    let others = attempts
        .iter()
        .filter(|one| !recorded.attempt.is_some_and(|answering| std::ptr::eq(*one, answering)));
    for cost in others.filter_map(|one| one.cost) {
        money.add(Some(cost));
    }
}

fn most_first<K: Ord>(counts: HashMap<K, u64>) -> impl Iterator<Item = (K, u64)> {
    let sorted: BTreeMap<_, _> =
        counts.into_iter().map(|(key, count)| ((u64::MAX - count, key), count)).collect();
    sorted.into_iter().map(|((_, key), count)| (key, count))
}
