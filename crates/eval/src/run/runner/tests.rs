//! Runs against a door that does as it is told, on paused time.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::UNIX_EPOCH,
};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{Embedded, GateFile, RunSettings};

/// A deployment that takes 100 ms, costs a cent, and fails as it is told.
#[derive(Default)]
struct Fake {
    asked: Mutex<Vec<(String, String)>>,
    under_way: AtomicU32,
    most: AtomicU32,
    /// Troubles to show, by case, until they are used up.
    troubles: Mutex<HashMap<String, Vec<Trouble>>>,
    /// At most so many at once, else a refusal.
    room: Option<u32>,
    down: Option<Trouble>,
}

impl Fake {
    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }

    fn shows(self, case: &str, troubles: &[Trouble]) -> Self {
        self.troubles.lock().unwrap().insert(case.to_owned(), troubles.to_vec());
        self
    }
}

impl Door for Fake {
    async fn ask(&self, deployment: &str, request: &Value) -> Result<Answer, Trouble> {
        let case = request["case"].as_str().unwrap().to_owned();
        self.asked.lock().unwrap().push((deployment.to_owned(), case.clone()));
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        if self.room.is_some_and(|room| now > room) {
            return Err(trouble("rate_limited", Some(429), true));
        }
        if let Some(down) = &self.down {
            return Err(down.clone());
        }
        if let Some(trouble) = self.troubles.lock().unwrap().get_mut(&case).and_then(Vec::pop) {
            return Err(trouble);
        }
        Ok(Answer {
            text: format!("{case} by {deployment}"),
            cost_usd: Some(0.01),
            took: Duration::from_millis(100),
            ..Answer::default()
        })
    }

    async fn embed(&self, _: &str, text: &str) -> Result<Embedded, Trouble> {
        self.asked.lock().unwrap().push(("embed".to_owned(), text.to_owned()));
        tokio::time::sleep(Duration::from_millis(10)).await;
        let trouble = self.troubles.lock().unwrap().get_mut(text).and_then(Vec::pop);
        trouble.map_or_else(|| Ok(Embedded { vector: vec![1.0], cost_usd: Some(0.001) }), Err)
    }
}

fn trouble(class: &str, status: Option<u16>, passing: bool) -> Trouble {
    let message = "as told".to_owned();
    Trouble { class: class.to_owned(), message, status, retry_after: None, passing }
}

/// Passes everything; the invariant `clean` is broken by the answers named.
#[derive(Default)]
struct Fair {
    broken: Mutex<Vec<(String, Vec<bool>)>>,
    compares: bool,
    beside: Mutex<Vec<(String, Option<String>)>>,
}

impl Exam for Fair {
    fn request(&self, case: &Case) -> Result<Value, String> {
        Ok(json!({ "case": case.id }))
    }

    fn compares(&self, _: &Case) -> bool {
        self.compares
    }

    async fn grade<D: Door>(
        &self,
        case: &Case,
        asked: Beside<'_>,
        answer: &Answer,
        _: &D,
    ) -> (Vec<Grade>, Marks) {
        let other = asked.other.map(|other| other.text.clone());
        self.beside.lock().unwrap().push((answer.text.clone(), other));
        let mut broken = self.broken.lock().unwrap();
        let said = broken.iter_mut().find(|(id, _)| *id == case.id);
        let breaks = answer.text.ends_with("new") && said.is_some_and(|(_, said)| said.remove(0));
        let broken = if breaks { vec!["clean".to_owned()] } else { Vec::new() };
        (Vec::new(), Marks { pass: Some(!breaks), score: Some(1.0), broken, ..Marks::default() })
    }
}

fn cases(count: usize) -> Vec<Case> {
    (0..count).map(|at| Case { id: format!("c{at}"), ..Case::default() }).collect()
}

fn run_file(settings: RunSettings, cases: &[Case]) -> RunFile {
    let arm = |arm, name: &str| (arm, name.to_owned());
    RunFile {
        version: 1,
        id: "r1".to_owned(),
        suite: "s.yaml".to_owned(),
        suite_digest: String::new(),
        feature: "f".to_owned(),
        arms: BTreeMap::from([arm(Arm::Candidate, "new"), arm(Arm::Incumbent, "old")]),
        settings,
        gate: GateFile::default(),
        invariants: BTreeSet::new(),
        undecided: BTreeMap::new(),
        judges: BTreeMap::new(),
        cases: cases.iter().map(|case| case.id.clone()).collect(),
        holdout: false,
        partial: Vec::new(),
        started_ms: 0,
    }
}

struct Trial {
    folder: TempDir,
    cases: Vec<Case>,
    settings: RunSettings,
    exam: Fair,
}

impl Trial {
    fn new(count: usize, settings: RunSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, cases: cases(count), settings, exam: Fair::default() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn run(&self, door: &Fake) -> Finished {
        self.run_until(door, std::future::pending()).await
    }

    /// Runs, going on where a run has begun.
    async fn run_until(&self, door: &Fake, stop: impl Future<Output = ()>) -> Finished {
        let run = run_file(self.settings.clone(), &self.cases);
        let (mut store, rows) = match self.path().join("r1").exists() {
            false => (Store::create(self.path(), &run).unwrap(), Vec::new()),
            true => {
                let (store, _, rows) = Store::resume(&self.path().join("r1")).unwrap();
                (store, rows)
            }
        };
        let job = Job {
            run: &run,
            cases: &self.cases,
            rows,
            cache: self.settings.cache.then(|| Cache::of(self.path())),
            purse: Purse::new(self.settings.budget_usd),
            wall: UNIX_EPOCH,
        };
        super::run(job, door, &self.exam, &mut store, |_| {}, stop).await.unwrap()
    }
}

fn settings() -> RunSettings {
    RunSettings { concurrency: 4, ..RunSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn everything_is_asked_once_and_no_more_at_once_than_allowed() {
    let trial = Trial::new(25, RunSettings { repeats: 2, ..settings() });
    let door = Fake::default();
    let began = Instant::now();
    let finished = trial.run(&door).await;
    assert_eq!((finished.end, finished.unasked), (End::Whole, 0));
    assert_eq!((finished.rows.len(), door.asked().len()), (100, 100));
    assert_eq!(door.most.load(Ordering::Relaxed), 4);
    assert_eq!(began.elapsed(), Duration::from_millis(2_500));
    assert!((finished.spent_usd - 1.0).abs() < 1e-9);
    let (_, kept) = crate::run::read(&trial.path().join("r1")).unwrap();
    assert_eq!(kept, finished.rows);
    assert_eq!(kept.iter().map(|row| row.at_ms).max(), Some(2_500));
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_refuses_for_its_rate_is_asked_with_less_at_once() {
    let trial = Trial::new(40, RunSettings { concurrency: 32, retries: 0, ..settings() });
    let door = Fake { room: Some(8), ..Fake::default() };
    let finished = trial.run(&door).await;
    assert_eq!(finished.end, End::Whole);
    assert!(finished.rows.iter().all(|row| row.answer.is_some()), "a refusal became a row");
    assert!(finished.rows.iter().any(|row| row.tries > 1));
    let refused = door.asked().len() - 80;
    assert!(refused < 60, "it insists: {refused} refusals");
}

#[tokio::test(start_paused = true)]
async fn troubles_that_pass_are_tried_again_and_the_rest_are_rows() {
    let broken = trouble("server_error", Some(500), true);
    let long = vec![broken.clone(); 4];
    let door = Fake::default()
        .shows("c0", &[broken.clone(), broken.clone()])
        .shows("c1", &long)
        .shows("c2", &[trouble("client_invalid", Some(400), false)]);
    let arms = |rows: &[Row], case: &str| {
        let found = rows.iter().filter(|row| row.case == case);
        let mut found: Vec<_> = found.map(|row| (row.error_class(), row.tries)).collect();
        found.sort();
        found
    };
    let trial = Trial::new(4, RunSettings { retries: 3, concurrency: 1, ..RunSettings::default() });
    let rows = trial.run(&door).await.rows;
    assert_eq!(arms(&rows, "c0"), [(None, 1), (None, 3)]);
    assert_eq!(arms(&rows, "c1"), [(None, 1), (Some("server_error".to_owned()), 4)]);
    assert_eq!(arms(&rows, "c2"), [(None, 1), (Some("client_invalid".to_owned()), 1)]);
    assert_eq!(arms(&rows, "c3"), [(None, 1), (None, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_never_overspent() {
    for (budget, asked) in [(0.105, 10), (0.2, 20), (0.009, 1), (1.0, 50)] {
        let settings = RunSettings { budget_usd: Some(budget), ..settings() };
        let finished = Trial::new(25, settings).run(&Fake::default()).await;
        assert_eq!((finished.rows.len(), finished.unasked), (asked, 50 - asked), "{budget}");
        assert_eq!(finished.end == End::Budget, asked < 50, "{budget}");
        assert!(finished.spent_usd <= budget.max(0.01) + 1e-9, "{budget}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_ends_a_run_and_what_is_under_way_is_kept() {
    let minutes = 1.25 / 60.0;
    let trial = Trial::new(50, RunSettings { budget_minutes: Some(minutes), ..settings() });
    let finished = trial.run(&Fake::default()).await;
    assert_eq!((finished.end, finished.rows.len()), (End::Time, 52));
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_where_it_was_cut_and_asks_nothing_twice() {
    let trial = Trial::new(30, settings());
    let door = Fake::default();
    let stop = tokio::time::sleep(Duration::from_millis(650));
    let first = trial.run_until(&door, stop).await;
    assert_eq!((first.end, first.rows.len(), first.unasked), (End::Stopped, 28, 32));
    // The process died while it wrote a row.
    let rows = trial.path().join("r1/rows.jsonl");
    let text = std::fs::read_to_string(&rows).unwrap();
    std::fs::write(&rows, &text[..text.len() - 20]).unwrap();
    let second = trial.run(&door).await;
    assert_eq!((second.end, second.rows.len(), second.unasked), (End::Whole, 60, 0));
    assert_eq!(door.asked().len(), 61, "the torn row alone is asked again");
    let (_, kept) = crate::run::read(&trial.path().join("r1")).unwrap();
    assert_eq!(kept, second.rows);
    assert!((second.spent_usd - 0.6).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn what_a_passing_trouble_left_without_an_answer_is_asked_again() {
    let passing = trouble("overloaded", Some(503), true);
    let door = Fake::default()
        .shows("c0", &[passing.clone(), passing.clone()])
        .shows("c1", &[trouble("client_invalid", Some(400), false)])
        .shows("c2", &[passing.clone(), passing.clone()]);
    let trial = Trial::new(4, RunSettings { retries: 0, concurrency: 1, ..settings() });
    let first = trial.run(&door).await;
    assert_eq!((first.end, first.rows.len()), (End::Whole, 8));
    assert_eq!(first.rows.iter().filter(|row| row.may_be_answered()).count(), 4);

    let stop = tokio::time::sleep(Duration::from_millis(150));
    let cut = trial.run_until(&door, stop).await;
    assert_eq!((cut.end, cut.unasked, cut.rows.len()), (End::Stopped, 0, 8));
    let (_, kept) = crate::run::read(&trial.path().join("r1")).unwrap();
    let waiting = kept.iter().filter(|row| row.may_be_answered()).count();
    assert_eq!(waiting, cut.rows.iter().filter(|row| row.may_be_answered()).count());
    assert_eq!(waiting, 2, "one was answered and one was under way when it stopped");

    let last = trial.run(&door).await;
    assert_eq!((last.end, last.unasked, last.rows.len()), (End::Whole, 0, 8));
    assert_eq!(door.asked().len(), 12, "what no time heals is not asked again");
    let (_, kept) = crate::run::read(&trial.path().join("r1")).unwrap();
    let missing: Vec<&str> =
        kept.iter().filter(|row| row.answer.is_none()).map(|row| &*row.case).collect();
    assert_eq!((kept.len(), missing), (8, vec!["c1"]));
    let lines = std::fs::read_to_string(trial.path().join("r1/rows.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 12, "earlier rows stay in the file");
    assert!((last.spent_usd - 0.07).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn two_processes_do_not_write_one_run() {
    let trial = Trial::new(1, settings());
    let run = run_file(settings(), &trial.cases);
    let store = Store::create(trial.path(), &run).unwrap();
    let folder = trial.path().join("r1");
    assert!(matches!(Store::resume(&folder), Err(StoreError::Busy { .. })));
    drop(store);
    assert!(Store::resume(&folder).is_ok());
}

#[tokio::test(start_paused = true)]
async fn cached_answers_are_marked_and_cost_nothing() {
    let trial = Trial::new(5, RunSettings { cache: true, ..settings() });
    let door = Fake::default();
    assert!(trial.run(&door).await.rows.iter().all(|row| row.tries == 1));
    std::fs::remove_dir_all(trial.path().join("r1")).unwrap();
    let again = trial.run(&door).await;
    assert_eq!(door.asked().len(), 10);
    assert!((again.spent_usd).abs() < 1e-9);
    for row in &again.rows {
        assert_eq!((row.tries, row.answer.as_ref().unwrap().cached), (0, true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_invariant_is_asked_again_until_two_of_three_tell() {
    for (said, asked) in [
        (vec![true, true], 2),
        (vec![true, false, true], 3),
        (vec![true, false, false], 3),
        (vec![false], 1),
    ] {
        let trial = Trial::new(6, settings());
        let breaks: Vec<usize> = (0..said.len()).filter(|at| said[*at]).collect();
        *trial.exam.broken.lock().unwrap() = vec![("c3".to_owned(), said.clone())];
        let rows = trial.run(&Fake::default()).await.rows;
        let of: Vec<&Row> =
            rows.iter().filter(|row| row.case == "c3" && row.arm == Arm::Candidate).collect();
        assert_eq!(of.len(), asked, "{said:?}");
        let broken: Vec<usize> = (0..asked).filter(|at| !of[*at].marks.broken.is_empty()).collect();
        assert_eq!(broken, breaks);
        assert!(of.iter().all(|row| row.again == (row.repeat > 0)));
        assert_eq!(rows.len(), 11 + asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_answers_nothing_ends_the_run() {
    let down = trouble("auth", Some(502), false);
    let trial = Trial::new(100, settings());
    let door = Fake { down: Some(down.clone()), ..Fake::default() };
    let finished = trial.run(&door).await;
    assert!(matches!(finished.end, End::Hopeless(_, trouble) if trouble == down));
    assert!(finished.rows.len() < 30);
}

#[tokio::test(start_paused = true)]
async fn a_grader_that_compares_sees_the_incumbents_answer_also_after_a_kill() {
    for concurrency in [1, 4] {
        let mut trial = Trial::new(10, RunSettings { concurrency, ..settings() });
        trial.exam.compares = true;
        let stop = tokio::time::sleep(Duration::from_millis(350));
        let door = Fake::default();
        trial.run_until(&door, stop).await;
        assert_eq!(trial.run(&door).await.end, End::Whole);
        let beside = trial.exam.beside.lock().unwrap();
        let of_new: Vec<_> = beside.iter().filter(|(text, _)| text.ends_with("new")).collect();
        assert_eq!((of_new.len(), door.asked().len()), (10, 20));
        for (text, other) in of_new {
            assert_eq!(*other, Some(text.replace("new", "old")));
        }
    }
}
