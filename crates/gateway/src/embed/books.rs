//! Where calls of a model of embeddings are written down.

use std::sync::Arc;

use tieline_route::{Deployment, Tier};
use tieline_types::{AttemptRecord, DialectId, Fault, Reason};

use crate::{
    metrics::Metrics,
    prices::Tariff,
    record::{Record, attempt_of},
};

/// The books of the request that waits, or the metrics alone where none does.
pub(crate) struct Books<'a> {
    keeper: Keeper<'a>,
    tier: Arc<str>,
}

enum Keeper<'a> {
    /// With the number of the call under way.
    Record(&'a mut Record, usize),
    Metrics(&'a Metrics, Option<Box<AttemptRecord>>),
}

impl<'a> Books<'a> {
    /// Those of a request, which is at this tier.
    pub(crate) fn of_request(record: &'a mut Record, tier: &Tier) -> Self {
        Self { keeper: Keeper::Record(record, 0), tier: Arc::clone(&tier.name) }
    }

    /// Those of a request that wants nothing but a vector.
    pub(crate) fn alone(record: &'a mut Record) -> Self {
        Self { keeper: Keeper::Record(record, 0), tier: "".into() }
    }

    /// Those of work that no request waits for.
    pub(crate) fn of_background(metrics: &'a Metrics) -> Self {
        Self { keeper: Keeper::Metrics(metrics, None), tier: "".into() }
    }

    /// A call begins, of a deployment with these prices.
    pub(crate) fn begin(
        &mut self,
        deployment: &Deployment,
        dialect: DialectId,
        tariff: Option<Arc<Tariff>>,
    ) {
        let attempt = attempt_of(Arc::clone(&self.tier), deployment, dialect, Reason::Embeddings);
        match &mut self.keeper {
            Keeper::Record(record, number) => *number = record.begin(attempt, tariff),
            Keeper::Metrics(_, open) => *open = Some(Box::new(attempt)),
        }
    }

    /// Notes something about the call under way.
    pub(crate) fn note(&mut self, change: impl FnOnce(&mut AttemptRecord)) {
        if let Keeper::Record(record, number) = &mut self.keeper {
            record.note_attempt(*number, change);
        }
    }

    /// The call ended, well or with a fault.
    pub(crate) fn end(&mut self, fault: Option<&Fault>) {
        match &mut self.keeper {
            Keeper::Record(record, number) => record.end_attempt(*number, fault),
            Keeper::Metrics(metrics, open) => {
                if let Some(attempt) = open.take() {
                    let class = fault.map(|fault| fault.class);
                    metrics.attempt(&AttemptRecord { fault: class, ..*attempt }, &None);
                }
            }
        }
    }
}
