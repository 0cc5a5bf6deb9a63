//! The run itself: asks what has no row yet, and keeps a row for each.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    pin::pin,
    time::{Duration, SystemTime},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;
use tieline_types::Clock;
use tokio::time::Instant;

use super::{
    Ask, Cache, Purse, RunFile, Store, StoreError, again, digest, others::Others, patient::Patient,
    plan, purse::Affords,
};
use crate::{Answer, Arm, Case, Door, Grade, Marks, Row, Trouble, row::Key};

/// Rows reach the disk, and not only the operating system, after this long.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// So many asks of an arm in a row that have no answer and no hope of one end a run.
const HOPELESS_MIN: u32 = 10;

/// What a suite makes of a case.
pub trait Exam: Sync {
    /// The chat completion request of a case, without `model`.
    ///
    /// # Errors
    /// Why there is none.
    fn request(&self, case: &Case) -> Result<Value, String>;

    /// Whether a grader of the case compares the answers of both arms.
    fn compares(&self, case: &Case) -> bool;

    /// Grades an answer. Judges are asked through `door`.
    fn grade<D: Door>(
        &self,
        case: &Case,
        asked: Beside<'_>,
        answer: &Answer,
        door: &D,
    ) -> impl Future<Output = (Vec<Grade>, Marks)>;
}

/// What an answer that is graded is the answer to.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The deployment that was asked.
    pub deployment: &'a str,
    /// What it was asked.
    pub request: &'a Value,
    /// The incumbent's answer to the same case, where a grader of the candidate's compares them.
    pub other: Option<&'a Answer>,
}

/// A run to be done, or to be gone on with.
#[derive(Debug)]
pub struct Job<'a> {
    /// What it is of.
    pub run: &'a RunFile,
    /// Its cases, in the order of the suite.
    pub cases: &'a [Case],
    /// The rows that it has already.
    pub rows: Vec<Row>,
    /// Answers of earlier runs, where the suite wants them.
    pub cache: Option<Cache>,
    /// What may be spent.
    pub purse: Purse,
    /// The wall time now.
    pub wall: SystemTime,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Asks with a row.
    pub done: usize,
    /// Asks in all, as far as is known.
    pub total: usize,
    /// Asks that are under way.
    pub under_way: usize,
    /// What was spent so far, in dollars.
    pub spent_usd: f64,
    /// Rows without an answer.
    pub troubles: usize,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// All was asked.
    Whole,
    /// The next ask would have gone beyond the budget.
    Budget,
    /// Its time is over.
    Time,
    /// It was told to stop.
    Stopped,
    /// One of the deployments answers nothing.
    Hopeless(Arm, Trouble),
}

/// A run that ended.
#[derive(Debug)]
pub struct Finished {
    /// Why.
    pub end: End,
    /// All rows, those of earlier sittings first, the last of each key.
    pub rows: Vec<Row>,
    /// Asks of the suite's own that have no row.
    pub unasked: usize,
    /// What was spent on all rows, in dollars.
    pub spent_usd: f64,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A case has no request.
    #[error("case {case}: {why}")]
    Request {
        /// The case.
        case: String,
        /// Why.
        why: String,
    },
    /// A row cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks whatever has no row yet, or only one of a trouble that may have passed, keeps a row for
/// each, and tells of every step. What is under way when it ends is waited for and kept.
///
/// # Errors
/// When a case has no request, or a row cannot be kept.
pub async fn run<D: Door, E: Exam>(
    job: Job<'_>,
    door: &D,
    exam: &E,
    store: &mut Store,
    mut tell: impl FnMut(&Progress),
    stop: impl Future<Output = ()>,
) -> Result<Finished, RunError> {
    let settings = &job.run.settings;
    let patient = Patient::new(door, settings.concurrency, settings.retries, settings.seed);
    let mut sitting = Sitting::new(job, exam)?;
    let desk = sitting.desk(exam, &patient);
    let mut under_way = FuturesUnordered::new();
    let mut stop = pin!(stop);
    let deadline = sitting.deadline();
    loop {
        while under_way.len() < patient.pace().limit() as usize {
            let Some(ask) = sitting.next() else { break };
            under_way.push(desk.ask(ask));
        }
        tell(&sitting.progress(under_way.len()));
        let row = tokio::select! {
            row = under_way.next() => row,
            () = &mut stop, if sitting.end.is_none() => {
                sitting.end = Some(End::Stopped);
                continue;
            }
            () = until(deadline), if sitting.end.is_none() => {
                sitting.end = Some(End::Time);
                continue;
            }
        };
        match row {
            Some(row) => sitting.keep(row, store)?,
            None if sitting.goes_on() => {}
            None => break,
        }
    }
    store.sync()?;
    Ok(sitting.finish())
}

/// The end of a time; never, where there is none.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Who asks one case and grades what comes.
struct Desk<'a, D, E> {
    run: &'a RunFile,
    cases: &'a [Case],
    requests: Vec<(Value, String)>,
    cache: Option<Cache>,
    exam: &'a E,
    door: &'a Patient<'a, D>,
    /// What the incumbent says to cases whose graders compare.
    others: Others,
    clock: Clock,
    began: Instant,
}

impl<D: Door, E: Exam> Desk<'_, D, E> {
    /// A row for an ask; none for a case that does not exist.
    async fn ask(&self, ask: Ask) -> Option<(Ask, Row)> {
        let case = self.cases.get(ask.case)?;
        let (request, digest) = self.requests.get(ask.case)?;
        let deployment = self.run.arms.get(&ask.arm)?;
        let (answered, tries) = self.answer(deployment, request, digest, ask.repeat).await;
        let (answer, trouble) = match answered {
            Ok(answer) => (Some(answer), None),
            Err(trouble) => (None, Some(trouble)),
        };
        if ask.arm == Arm::Incumbent && self.exam.compares(case) {
            self.others.tell(ask, answer.clone());
        }
        let (grades, marks) = match &answer {
            Some(answer) => {
                let other = match ask.arm == Arm::Candidate && self.exam.compares(case) {
                    true => self.others.of(ask).await,
                    false => None,
                };
                let asked = Beside { deployment, request, other: other.as_ref() };
                self.exam.grade(case, asked, answer, self.door).await
            }
            None => (Vec::new(), Marks::default()),
        };
        let row = Row {
            case: case.id.clone(),
            arm: ask.arm,
            repeat: ask.repeat,
            again: ask.again,
            cluster: case.cluster.clone(),
            slices: case.slices.clone(),
            deployment: deployment.clone(),
            request: digest.clone(),
            at_ms: self.clock.unix_ms(self.began.elapsed()),
            tries,
            answer,
            trouble,
            grades,
            marks,
        };
        Some((ask, row))
    }

    async fn answer(
        &self,
        deployment: &str,
        request: &Value,
        digest: &str,
        repeat: u32,
    ) -> (Result<Answer, Trouble>, u32) {
        let cache = self.cache.as_ref();
        if let Some(answer) = cache.and_then(|cache| cache.find(deployment, digest, repeat)) {
            return (Ok(answer), 0);
        }
        let (answered, tries) = self.door.ask_counted(deployment, request).await;
        if let (Some(cache), Ok(answer)) = (cache, &answered) {
            // An answer that is not kept is asked for again, which is no failure of this run.
            let _ = cache.keep(deployment, digest, repeat, answer);
        }
        (answered, tries)
    }
}

/// What is left to ask, and what has come so far.
struct Sitting<'a> {
    run: &'a RunFile,
    cases: &'a [Case],
    requests: Vec<(Value, String)>,
    cache: Option<Cache>,
    purse: Purse,
    rows: Vec<Row>,
    /// Rows of troubles that may have passed; each counts until another row has its key.
    waiting: BTreeMap<Key, Row>,
    left: VecDeque<Ask>,
    troubles: usize,
    /// Asks without an answer since the last one with one, by arm.
    failing: Vec<(Arm, u32)>,
    end: Option<End>,
    clock: Clock,
    began: Instant,
    synced: Instant,
}

impl<'a> Sitting<'a> {
    fn new<E: Exam>(job: Job<'a>, exam: &E) -> Result<Self, RunError> {
        let Job { run, cases, rows, cache, mut purse, wall } = job;
        let mut requests = Vec::new();
        for case in cases {
            let request = exam.request(case);
            let request =
                request.map_err(|why| RunError::Request { case: case.id.clone(), why })?;
            let digest = digest(&request);
            requests.push((request, digest));
        }
        let (waiting, rows): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(Row::may_be_answered);
        let done: BTreeSet<(&str, Arm, u32)> =
            rows.iter().map(|row| (&*row.case, row.arm, row.repeat)).collect();
        let mut asks = plan(cases.len(), &run.arms(), run.settings.repeats, run.settings.seed);
        if cases.iter().any(|case| exam.compares(case)) {
            // The candidate's answer waits for the incumbent's, which must not wait for its place.
            for pair in asks.chunks_mut(run.arms.len().max(1)) {
                pair.sort_by_key(|ask| ask.arm == Arm::Candidate);
            }
        }
        let left = asks.into_iter().filter(|ask| {
            let id = cases.get(ask.case).map_or("", |case| &case.id);
            !done.contains(&(id, ask.arm, ask.repeat))
        });
        for row in &rows {
            purse.take_in(row.arm, row.spent_usd(), is_cached(row));
        }
        let now = Instant::now();
        Ok(Self {
            run,
            cases,
            requests,
            cache,
            purse,
            left: left.collect(),
            troubles: rows.iter().filter(|row| row.trouble.is_some()).count(),
            waiting: waiting.into_iter().map(|row| (row.key(), row)).collect(),
            failing: run.arms.keys().map(|arm| (*arm, 0)).collect(),
            rows,
            end: None,
            clock: Clock::starting_at(wall),
            began: now,
            synced: now,
        })
    }

    fn desk<'d, D: Door, E: Exam>(
        &mut self,
        exam: &'d E,
        door: &'d Patient<'d, D>,
    ) -> Desk<'d, D, E>
    where
        'a: 'd,
    {
        Desk {
            others: Others::of_rows(self.cases, &self.rows, &self.run.arms()),
            run: self.run,
            cases: self.cases,
            requests: std::mem::take(&mut self.requests),
            cache: self.cache.take(),
            exam,
            door,
            clock: self.clock,
            began: self.began,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let minutes = self.run.settings.budget_minutes?;
        Some(self.began + Duration::try_from_secs_f64(minutes * 60.0).ok()?)
    }

    /// What to ask next; none where nothing is left, or it has to wait, or never may be.
    fn next(&mut self) -> Option<Ask> {
        let ask = *self.left.front().filter(|_| self.end.is_none())?;
        match self.purse.affords(ask.arm) {
            Affords::Yes => {
                self.purse.begin(ask.arm);
                self.left.pop_front()
            }
            Affords::Later => None,
            Affords::No => {
                self.end = Some(End::Budget);
                None
            }
        }
    }

    /// Whether there is more to ask now that nothing is under way.
    fn goes_on(&mut self) -> bool {
        if self.end.is_some() || !self.left.is_empty() {
            return self.end.is_none();
        }
        let ids: Vec<&str> = self.cases.iter().map(|case| &*case.id).collect();
        self.left.extend(again(&ids, &self.rows));
        !self.left.is_empty()
    }

    fn keep(&mut self, row: Option<(Ask, Row)>, store: &mut Store) -> Result<(), RunError> {
        let Some((ask, row)) = row else { return Ok(()) };
        store.append(&row)?;
        if self.synced.elapsed() >= SYNC_EVERY {
            store.sync()?;
            self.synced = Instant::now();
        }
        self.purse.pay(ask.arm, row.spent_usd(), is_cached(&row));
        self.troubles += usize::from(row.trouble.is_some());
        if let Some((_, failing)) = self.failing.iter_mut().find(|(arm, _)| *arm == ask.arm) {
            *failing = if row.trouble.is_some() { *failing + 1 } else { 0 };
            if let Some(trouble) = row.trouble.as_ref().filter(|_| *failing >= HOPELESS_MIN) {
                self.end.get_or_insert_with(|| End::Hopeless(ask.arm, trouble.clone()));
            }
        }
        self.waiting.remove(&row.key());
        self.rows.push(row);
        Ok(())
    }

    fn progress(&self, under_way: usize) -> Progress {
        Progress {
            done: self.rows.len(),
            total: self.rows.len() + under_way + self.left.len(),
            under_way,
            spent_usd: self.purse.spent(),
            troubles: self.troubles,
        }
    }

    fn finish(self) -> Finished {
        let has_row = |ask: &Ask| {
            let case = self.cases.get(ask.case).map_or("", |case| &case.id);
            self.waiting.contains_key(&(case.to_owned(), ask.arm, ask.repeat))
        };
        let unasked = self.left.iter().filter(|ask| !ask.again && !has_row(ask)).count();
        let spent_usd = self.purse.spent();
        let rows = self.rows.into_iter().chain(self.waiting.into_values()).collect();
        Finished { end: self.end.unwrap_or(End::Whole), rows, unasked, spent_usd }
    }
}

fn is_cached(row: &Row) -> bool {
    row.answer.as_ref().is_some_and(|answer| answer.cached)
}

#[cfg(test)]
mod tests;
