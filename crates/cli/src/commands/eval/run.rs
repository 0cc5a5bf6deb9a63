//! `tieline eval run`: asks every case of both deployments.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tieline_config::Config;
use tieline_eval::{
    Arm, Row, RunSettings,
    report::Summary,
    run::{Cache, End, Finished, Job, Progress, Purse, RunFile, Store, run},
};
use tokio::signal;

use super::{
    canary,
    door::Rooms,
    gate::rule,
    plan::{Deployments, Planned, Scope, all, planned, told},
    runs::{Runs, name},
    suite::Suite,
};
use crate::{
    failure::Failure,
    print::{self, FormatOption, counted},
    when,
};

/// Ask every case of the candidate and of the incumbent, and say whether the candidate may serve
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A run is a folder with what it is of (run.json) and a row for each answer (rows.jsonl). One that was
stopped or killed goes on with --resume: what has an answer is never asked again, and at most as
many asks are lost as were under way. What ended without an answer for a provider's trouble that may
have passed is asked again. Ctrl-C waits for what is under way and ends.

Requests go out as the feature's own would: with its policy, deadline and adapters, but to the one
deployment alone. What they cost is in `tieline cost`, under the caller tieline-eval.

Examples:
  tieline eval run suite.yaml --candidate gpt-5.5@azure --incumbent gpt-5.5@openai
  tieline eval run suite.yaml --candidate gpt-5.5@azure --incumbent gpt-5.5@openai --dry-run
  tieline eval run --resume 20261123T142441-support-reply-3f2a

Exit codes: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 ERROR, 2 wrong usage.")]
pub(super) struct Run {
    /// The suite
    #[arg(value_name = "SUITE", required_unless_present = "resume")]
    suite: Option<PathBuf>,
    #[command(flatten)]
    deployments: Deployments,
    /// Go on with a run, by its id or its folder
    #[arg(long, value_name = "RUN", conflicts_with_all = ["suite", "candidate", "incumbent"])]
    #[arg(conflicts_with_all = ["repeats", "holdout", "dry_run"])]
    resume: Option<String>,
    /// Show what would be asked, and ask nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask whether the money may be spent
    #[arg(long)]
    yes: bool,
    /// Let graders start the programs that the suite names
    #[arg(long)]
    allow_commands: bool,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    runs: Runs,
    #[command(flatten)]
    format: FormatOption,
}

/// A run that is about to go on.
struct Begun {
    run: RunFile,
    suite: Suite,
    store: Store,
    rows: Vec<Row>,
}

impl Run {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.dry_run {
            let config = self.runs.config.load_for_reading()?;
            let (suite, arms) = self.asked()?;
            let planned = planned(&config, &suite, &arms, self.scope, None)?;
            return self.format.print(&planned, told);
        }
        let config = self.runs.config.load()?;
        let begun = match &self.resume {
            Some(named) => self.resumed(named)?,
            None => match self.begun(&config)? {
                Some(begun) => begun,
                None => return Ok(()),
            },
        };
        let planned = planned(&config, &begun.suite, &begun.run.arms, self.scope, None)?;
        priced(&begun.run.settings, &planned)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Failure::os("start the runtime"))?;
        let run_file = begun.run.clone();
        let finished = runtime.block_on(self.ask(&config, begun, &planned))?;
        remark(&finished, &run_file);
        rule(&Summary::of(&run_file, &finished.rows)?, self.format)
    }

    /// The suite and the deployments that the command line names.
    fn asked(&self) -> Result<(Suite, BTreeMap<Arm, String>), Failure> {
        let path = self.suite.as_deref().unwrap_or(Path::new(""));
        let arms = self.deployments.arms();
        if !arms.contains_key(&Arm::Candidate) {
            return Err(Failure::Usage {
                message: "whose answers are to be judged?".to_owned(),
                hint: "name a deployment with --candidate MODEL@PROVIDER".to_owned(),
            });
        }
        Ok((Suite::load(path, self.scope)?, arms))
    }

    /// Begins a run, where the user agrees to what it costs.
    fn begun(&self, config: &Config) -> Result<Option<Begun>, Failure> {
        let (suite, arms) = self.asked()?;
        let planned = planned(config, &suite, &arms, self.scope, None)?;
        if !self.yes && !agreed(&planned)? {
            return Ok(None);
        }
        priced(&suite.read.file.run, &planned)?;
        let judges = canary::judges(config, &suite.path)?;
        let now = when::unix_ms(when::wall_now());
        let run = RunFile {
            version: 1,
            id: name(now, &suite.read.file.feature),
            suite: suite.path.display().to_string(),
            suite_digest: suite.read.digest.clone(),
            feature: suite.read.file.feature.clone(),
            settings: suite.read.file.run.clone(),
            gate: suite.read.file.gate.clone(),
            invariants: suite.read.invariants(),
            undecided: suite.read.undecided(arms.get(&Arm::Candidate).map_or("", String::as_str)),
            arms,
            judges,
            cases: suite.read.cases.iter().map(|case| case.id.clone()).collect(),
            holdout: self.scope.holdout,
            partial: suite.read.file.partial.clone(),
            started_ms: now,
        };
        let store = Store::create(&self.runs.path(), &run)?;
        print::remark(&format!("run {}", run.id));
        Ok(Some(Begun { run, suite, store, rows: Vec::new() }))
    }

    /// Goes on with a run, where its suite is still the same.
    fn resumed(&self, named: &str) -> Result<Begun, Failure> {
        let (store, run, rows) = Store::resume(&self.runs.find(Some(named))?)?;
        let scope = Scope { holdout: run.holdout, ..self.scope };
        let mut suite = Suite::load(Path::new(&run.suite), scope)?;
        suite.read.file.run = run.settings.clone();
        if suite.read.digest != run.suite_digest {
            return Err(Failure::Usage {
                message: format!("{} is no longer what it was when {} began", run.suite, run.id),
                hint: "begin another run: answers to different suites cannot be compared".into(),
            });
        }
        let again = rows.iter().filter(|row| row.may_be_answered()).count();
        let again = match again {
            0 => String::new(),
            again => format!(", {again} of them for want of an answer asked again"),
        };
        print::remark(&format!("{} goes on with {}{again}", run.id, counted(rows.len(), "row")));
        Ok(Begun { run, suite, store, rows })
    }

    async fn ask(
        &self,
        config: &Config,
        begun: Begun,
        planned: &Planned,
    ) -> Result<Finished, Failure> {
        let Begun { run: file, suite, mut store, rows } = begun;
        let rooms = Rooms::open(config, &file.feature, &all(&suite, &file.arms))?;
        let purse = Purse::new(file.settings.budget_usd).having_spent(file.spent_before());
        let purse = file
            .arms
            .keys()
            .fold(purse, |purse, arm| purse.expecting(*arm, planned.estimate.per_ask(*arm)));
        let job = Job {
            run: &file,
            cases: &suite.read.cases,
            rows,
            cache: file.settings.cache.then(|| Cache::of(&self.runs.path())),
            purse,
            wall: when::wall_now(),
        };
        let exam = suite.examiner(self.allow_commands);
        let bar = bar();
        let stop = async {
            let _ = signal::ctrl_c().await;
        };
        let finished = run(job, &rooms, &exam, &mut store, |at| show(&bar, at), stop).await;
        bar.finish_and_clear();
        rooms.close()?;
        Ok(finished?)
    }
}

/// A budget in dollars needs prices in dollars.
fn priced(settings: &RunSettings, planned: &Planned) -> Result<(), Failure> {
    if settings.budget_usd.is_none() || planned.estimate.total_usd.is_some() {
        return Ok(());
    }
    Err(Failure::Usage {
        message: "the suite has a budget in dollars, but not all that it asks has a price".into(),
        hint: "state `price` of the deployment, or take `budget_usd` out".into(),
    })
}

/// Whether somebody who sits there agrees to the costs; who does not sit there has agreed.
fn agreed(planned: &Planned) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    print::remark(&told(planned));
    let ask = |mut out: io::StderrLock<'_>| {
        write!(out, "\nGo on? [y/N] ")?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer)
    };
    let answer = ask(io::stderr().lock()).map_err(Failure::os("ask whether to go on"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A bar on a terminal, and nothing elsewhere.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = "asking {bar:32} {human_pos} of {human_len}, {msg}, {eta} left";
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn show(bar: &ProgressBar, at: &Progress) {
    let whole = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    bar.set_length(whole(at.total));
    bar.set_position(whole(at.done));
    let troubles = match at.troubles {
        0 => String::new(),
        troubles => format!(", {troubles} without an answer"),
    };
    bar.set_message(format!("${:.4} so far{troubles}", at.spent_usd));
}

/// Says why a run ended early.
fn remark(finished: &Finished, run: &RunFile) {
    let unasked = counted(finished.unasked, "ask");
    let why = match &finished.end {
        End::Whole => return,
        End::Budget => format!(
            "the budget is spent (${:.4}): {unasked} not made; the verdict is partial",
            finished.spent_usd
        ),
        End::Time => format!("the time is over: {unasked} not made; the verdict is partial"),
        End::Stopped => {
            let id = &run.id;
            format!("stopped: {unasked} not made; go on with `tieline eval run --resume {id}`")
        }
        End::Hopeless(arm, trouble) => {
            format!("the {arm} answers nothing ({trouble}): {unasked} not made")
        }
    };
    print::remark(&why);
}
