//! Which feature's requests may go to which deployments, looked up.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use cedar_policy::{Entities, PolicySet, Schema};
use tieline_types::{Eligible, Modalities};

use crate::{
    asked::{Asked, Kept},
    cedar::{self, Ruled},
    looks::Looks,
    rule::{CLOSED, Reason, Rule, closed},
    world::{Deployment, World},
};

/// Answers kept of policies that look at requests; when there are more, all are asked for anew.
const RULINGS_MAX: usize = 4096;

/// Whether a deployment is in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Requests may go there.
    In,
    /// They may not.
    Out,
    /// That depends on the request: who calls, its tags, or what it carries.
    Asked,
}

/// One deployment of a feature's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Position of the deployment.
    pub deployment: usize,
    /// In or out.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Where the requests of a feature may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The deployments that are allowed.
    pub eligible: Eligible,
    /// Those that are not, with the rules that say so, separated by commas.
    pub out: Vec<(usize, Arc<str>)>,
    /// What the requests carry beside text; none where no policy asked.
    pub modalities: Option<Modalities>,
}

impl Ruling {
    /// The rules that leave a deployment out.
    #[must_use]
    pub fn rules(&self, deployment: usize) -> Option<&Arc<str>> {
        self.out.iter().find(|(out, _)| *out == deployment).map(|(_, rules)| rules)
    }
}

/// The rows of all features, over all the time that is known of: facts expire and exceptions end.
#[derive(Debug)]
pub struct Matrix {
    pub(crate) world: World,
    pub(crate) rules: BTreeMap<Arc<str>, Rule>,
    /// None where nothing restricts anything: then nobody has to be asked.
    pub(crate) engine: Option<Engine>,
    /// In the order of time; never empty.
    pub(crate) spans: Vec<Span>,
}

/// All policies, those that plain rules amount to included.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) schema: Schema,
    /// The policies that look at a request.
    pub(crate) asked: PolicySet,
    /// What they look at.
    pub(crate) looks: Looks,
    /// Those that do not.
    pub(crate) settled: PolicySet,
}

/// A time in which nothing changes.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) from_ms: u64,
    pub(crate) rows: BTreeMap<Arc<str>, Row>,
    /// The deployments with the facts of that time.
    pub(crate) world: Vec<Deployment>,
    pub(crate) entities: Entities,
    rulings: Mutex<HashMap<Key, Arc<Ruling>>>,
}

/// What an answer for a request depends on: the feature, and what policies look at.
type Key = (Arc<str>, Kept);

/// The deployments of one feature.
#[derive(Debug)]
pub(crate) struct Row {
    /// Position of the feature in the world.
    pub(crate) feature: usize,
    pub(crate) cells: Vec<Cell>,
    /// The same for requests, where none of it depends on them.
    pub(crate) ruling: Arc<Ruling>,
    /// Whether some of it does.
    pub(crate) asks: bool,
}

impl Row {
    pub(crate) fn new(feature: usize, cells: Vec<Cell>) -> Self {
        let asks = cells.iter().any(|cell| cell.verdict == Verdict::Asked);
        let ruling = Arc::new(ruling(&cells));
        Self { feature, cells, ruling, asks }
    }
}

fn ruling(cells: &[Cell]) -> Ruling {
    let of = |verdict| cells.iter().filter(move |cell| cell.verdict == verdict);
    let rules = |cell: &Cell| -> Arc<str> {
        let ids: Vec<&str> = cell.reasons.iter().map(|reason| &*reason.rule).collect();
        if ids.is_empty() { CLOSED.into() } else { ids.join(", ").into() }
    };
    Ruling {
        eligible: of(Verdict::In).map(|cell| cell.deployment).collect(),
        out: of(Verdict::Out).map(|cell| (cell.deployment, rules(cell))).collect(),
        modalities: None,
    }
}

impl Span {
    pub(crate) fn new(
        from_ms: u64,
        rows: BTreeMap<Arc<str>, Row>,
        world: Vec<Deployment>,
        entities: Entities,
    ) -> Self {
        Self { from_ms, rows, world, entities, rulings: Mutex::default() }
    }
}

impl Matrix {
    /// Where a request of a feature may go at a time, in milliseconds since the Unix epoch.
    /// Nowhere, where there is no such feature.
    #[must_use]
    pub fn allowed(&self, feature: &str, asked: Asked<'_>, now_ms: u64) -> Arc<Ruling> {
        let Some((span, row)) = self.row(feature, now_ms) else {
            return Arc::default();
        };
        if row.asks { self.asked_ruling(span, row, asked) } else { Arc::clone(&row.ruling) }
    }

    /// Where some request of a feature may go at a time: a first look, no right to anything.
    #[must_use]
    pub fn possible(&self, feature: &str, now_ms: u64) -> Eligible {
        let cells = self.row(feature, now_ms).map(|(_, row)| row.cells.iter());
        let open = cells.into_iter().flatten().filter(|cell| cell.verdict != Verdict::Out);
        open.map(|cell| cell.deployment).collect()
    }

    /// Every deployment of a feature at a time, with reasons. Where `asked` is not given, what
    /// depends on it stays open.
    #[must_use]
    pub fn cells(&self, feature: &str, asked: Option<Asked<'_>>, now_ms: u64) -> Vec<Cell> {
        match (self.row(feature, now_ms), asked) {
            (None, _) => Vec::new(),
            (Some((_, row)), None) => row.cells.clone(),
            (Some((span, row)), Some(asked)) => self.asked_cells(span, row, asked),
        }
    }

    /// Whether some policy looks at requests.
    #[must_use]
    pub fn asks_requests(&self) -> bool {
        self.looks().at_request()
    }

    /// Whether some policy looks at the tags of a request.
    #[must_use]
    pub fn asks_tags(&self) -> bool {
        self.looks().tags
    }

    /// Whether some policy looks at more of who calls than the id.
    #[must_use]
    pub fn asks_callers(&self) -> bool {
        self.looks().attributes
    }

    /// Whether some policy looks at what a request carries.
    #[must_use]
    pub fn asks_modalities(&self) -> bool {
        self.looks().modalities
    }

    /// Whether it must be known what a request of this feature carries. Where no policy asks, that
    /// costs nothing to find out.
    #[must_use]
    pub fn needs_modalities(&self, feature: &str, now_ms: u64) -> bool {
        self.asks_modalities() && self.row(feature, now_ms).is_some_and(|(_, row)| row.asks)
    }

    fn looks(&self) -> Looks {
        self.engine.as_ref().map_or_else(Looks::default, |engine| engine.looks)
    }

    /// What is known of a deployment at a time.
    #[must_use]
    pub fn deployment(&self, at: usize, now_ms: u64) -> Option<&Deployment> {
        self.span(now_ms)?.world.get(at)
    }

    /// What the matrix was made of.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn span(&self, now_ms: u64) -> Option<&Span> {
        let begun = self.spans.iter().rev().find(|span| span.from_ms <= now_ms);
        begun.or_else(|| self.spans.first())
    }

    pub(crate) fn row(&self, feature: &str, now_ms: u64) -> Option<(&Span, &Row)> {
        let span = self.span(now_ms)?;
        Some((span, span.rows.get(feature)?))
    }

    /// The answer for a request, kept for the next one like it.
    fn asked_ruling(&self, span: &Span, row: &Row, asked: Asked<'_>) -> Arc<Ruling> {
        let Some(feature) = self.world.features.get(row.feature) else {
            return Arc::default();
        };
        let looks = self.looks();
        let asked = looks.part_of(asked);
        let key = (Arc::clone(&feature.name), asked.to_kept());
        let kept = || span.rulings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ruling) = kept().get(&key) {
            return Arc::clone(ruling);
        }
        let ruling = ruling(&self.asked_cells(span, row, asked));
        let modalities = looks.modalities.then_some(asked.modalities);
        let ruled = Arc::new(Ruling { modalities, ..ruling });
        let mut kept = kept();
        if kept.len() >= RULINGS_MAX {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&ruled));
        ruled
    }

    fn asked_cells(&self, span: &Span, row: &Row, asked: Asked<'_>) -> Vec<Cell> {
        let entities = self.with_caller(span, asked);
        let cells = row.cells.iter();
        cells.map(|cell| self.settled((span, &entities), row, cell, asked)).collect()
    }

    /// The deployments, and who calls where policies look at that.
    fn with_caller<'s>(&self, span: &'s Span, asked: Asked<'_>) -> Cow<'s, Entities> {
        let engine = self.engine.as_ref().filter(|engine| engine.looks.caller);
        let with = engine.map(|one| cedar::with_caller(&span.entities, asked.caller, &one.schema));
        match with {
            // Without the caller, policies that look at it cannot be answered, and close.
            None | Some(Err(_)) => Cow::Borrowed(&span.entities),
            Some(Ok(entities)) => Cow::Owned(entities),
        }
    }

    /// A cell with what policies say that look at the request.
    fn settled(
        &self,
        (span, entities): (&Span, &Entities),
        row: &Row,
        cell: &Cell,
        asked: Asked<'_>,
    ) -> Cell {
        if cell.verdict != Verdict::Asked {
            return cell.clone();
        }
        let (feature, deployment) =
            (self.world.features.get(row.feature), span.world.get(cell.deployment));
        let known = feature.zip(deployment).zip(self.engine.as_ref());
        let ruled = known.map(|((feature, deployment), engine)| {
            let question = cedar::question(feature, &asked, deployment, &engine.schema);
            let ruled = question.map(|one| cedar::ask(&one, &engine.asked, entities));
            (deployment, ruled)
        });
        let (verdict, reasons) = match ruled {
            Some((deployment, Ok(Ruled::Permitted(ids)))) => {
                (Verdict::In, self.reasons(&ids, deployment))
            }
            Some((deployment, Ok(Ruled::Forbidden(ids)))) => {
                (Verdict::Out, self.reasons(&ids, deployment))
            }
            // What the others permit stays so.
            Some((_, Ok(Ruled::Silent))) if !cell.reasons.is_empty() => {
                (Verdict::In, cell.reasons.clone())
            }
            // What cannot be asked is not allowed.
            Some((_, Ok(Ruled::Silent) | Err(_))) | None => (Verdict::Out, vec![closed()]),
        };
        Cell { deployment: cell.deployment, verdict, reasons }
    }

    pub(crate) fn reasons(&self, ids: &[Arc<str>], deployment: &Deployment) -> Vec<Reason> {
        reasons(&self.rules, ids, deployment)
    }
}

/// The reasons that rules give for a deployment.
pub(crate) fn reasons(
    rules: &BTreeMap<Arc<str>, Rule>,
    ids: &[Arc<str>],
    deployment: &Deployment,
) -> Vec<Reason> {
    ids.iter().filter_map(|id| rules.get(id)).map(|rule| rule.reason(deployment)).collect()
}
