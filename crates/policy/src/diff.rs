//! What changes between two worlds.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;

use crate::matrix::{Cell, Matrix, Verdict};

/// A pair of feature and deployment that opens or closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The feature.
    pub feature: Arc<str>,
    /// The deployment.
    pub deployment: Arc<str>,
    /// How it was: `in`, `out`, `depends` on the request, or `absent` where no tier lists it.
    pub before: &'static str,
    /// How it will be, in the same words.
    pub after: &'static str,
    /// The rules that say so: those after the change, or before it where there is nothing after.
    pub rules: Vec<Arc<str>>,
}

/// Every pair whose verdict is another in `new`, at a time in milliseconds since the Unix epoch.
#[must_use]
pub fn diff(old: &Matrix, new: &Matrix, now_ms: u64) -> Vec<Change> {
    let (before, after) = (pairs(old, now_ms), pairs(new, now_ms));
    let keys: BTreeSet<_> =
        before.iter().chain(&after).map(|(feature, id, _)| (feature, id)).collect();
    let cell = |pairs: &'_ [Pair], key: (&Arc<str>, &Arc<str>)| {
        let pair = pairs.iter().find(|(feature, id, _)| (feature, id) == key);
        pair.map(|(.., cell)| cell.clone())
    };
    let change = |key: (&Arc<str>, &Arc<str>)| {
        let (before, after) = (cell(&before, key), cell(&after, key));
        let (was, is) = (word(before.as_ref()), word(after.as_ref()));
        let reasons = after.or(before).map(|cell| cell.reasons).unwrap_or_default();
        let rules = reasons.into_iter().map(|reason| reason.rule).collect();
        (was != is).then(|| Change {
            feature: Arc::clone(key.0),
            deployment: Arc::clone(key.1),
            before: was,
            after: is,
            rules,
        })
    };
    keys.into_iter().filter_map(change).collect()
}

/// A feature, a deployment and the cell of both.
type Pair = (Arc<str>, Arc<str>, Cell);

fn pairs(matrix: &Matrix, now_ms: u64) -> Vec<Pair> {
    let deployments = &matrix.world.deployments;
    let of = |name: &Arc<str>| {
        let cells = matrix.cells(name, None, now_ms).into_iter();
        let pairs = cells.filter_map(|cell| {
            let id = Arc::clone(&deployments.get(cell.deployment)?.id);
            Some((Arc::clone(name), id, cell))
        });
        pairs.collect::<Vec<_>>()
    };
    matrix.world.features.iter().flat_map(|feature| of(&feature.name)).collect()
}

fn word(cell: Option<&Cell>) -> &'static str {
    cell.map_or("absent", |cell| cell.verdict.as_str())
}

impl Verdict {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Asked => "depends",
        }
    }
}
