//! `tieline eval calibrate`: whether a judge is fit, by labels that people gave.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use tieline_config::Config;
use tieline_eval::{
    Disk, Files, Label, Labelled, RunSettings, Suite,
    judging::{self, Question, Told},
};
use tieline_gate::{agreement::Estimate, calibration::Calibration};

use super::{arms, door::Rooms, suite::wrong};
use crate::{
    failure::Failure,
    files::ConfigFile,
    print::{self, FormatOption, counted},
};

/// Ask a judge for labels of answers that people have labelled, and say whether it is fit
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line of --labels is an answer with what people say of it:
{\"case\": \"t1\", \"answer\": \"...\", \"human\": true}
`case` is one of the suite's; `fields` in its place are those of another. Judges in pairs need
`other`, the answer that it is compared with; a judge of several graders needs `grader`.

Labels go to the file that the judge names as its `calibration`, each as it comes: what is there is
not asked again, unless the judge, its prompt or the grader has changed since.

Examples:
  tieline eval calibrate suite.yaml --labels people.jsonl
  tieline eval calibrate suite.yaml --judge fair --labels people.jsonl --budget-usd 2

Exit codes: 0 the judge is fit, 1 it is not, 3 it is not, but labels are lacking, 2 wrong usage.")]
pub(super) struct Calibrate {
    /// The suite
    #[arg(value_name = "SUITE")]
    suite: PathBuf,
    /// The judge, by its name in the suite. Default: the only one
    #[arg(long, value_name = "NAME")]
    judge: Option<String>,
    /// Answers that people have labelled, JSONL
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Where labels go. Default: the judge's `calibration`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The most that may be spent, in dollars
    #[arg(long, value_name = "USD")]
    budget_usd: Option<f64>,
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    format: FormatOption,
}

/// What came of it.
#[derive(Serialize)]
struct Calibrated {
    judge: String,
    deployment: String,
    file: String,
    /// Labels that were asked for now.
    asked: usize,
    /// Answers to which the judge gave no label.
    open: usize,
    /// Answers that were not shown to it, for want of money.
    unasked: usize,
    spent_usd: f64,
    #[serde(flatten)]
    calibration: Calibration,
}

/// A suite with the judge that is looked at.
struct Bench {
    suite: Suite,
    judge: String,
    deployment: String,
    out: PathBuf,
}

impl Calibrate {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
        let bench = self.bench()?;
        self.priced(&config, &bench)?;
        let questions = self.questions(&bench)?;
        let mut kept = Kept::open(&bench, &questions)?;
        let left: Vec<Question<'_>> =
            questions.into_iter().filter(|one| !kept.asked.contains(&one.asked)).collect();
        let asked = left.len();
        print::remark(&format!("{} of {} to ask for", counted(asked, "label"), bench.deployment));
        let told = self.ask(&config, &bench, left, &mut kept)?;
        let read = fs::read(&bench.out).map_err(file("read", &bench.out))?;
        let known = judging::calibrated(&read).map_err(|why| unreadable(&bench.out, &why))?;
        let Told { spent_usd, unasked, open } = told;
        let found = Calibrated {
            asked: asked.saturating_sub(unasked),
            open,
            unasked,
            spent_usd,
            file: bench.out.display().to_string(),
            judge: bench.judge,
            deployment: bench.deployment,
            calibration: known.calibration,
        };
        self.format.print(&found, shown)?;
        match (found.calibration.usable, open + unasked) {
            (true, _) => Ok(()),
            (false, 0) => Err(Failure::Ruled(1)),
            (false, _) => Err(Failure::Ruled(3)),
        }
    }

    fn bench(&self) -> Result<Bench, Failure> {
        let path = &self.suite;
        let form = Suite::form(path, &Disk).map_err(|problems| wrong(&problems))?;
        let names: Vec<&String> = form.judges.keys().collect();
        let name = match (&self.judge, names.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => only,
            (None, _) => {
                return Err(Failure::Usage {
                    message: format!("which of {} judges?", names.len()),
                    hint: "name it with --judge".to_owned(),
                });
            }
        };
        let Some(judge) = form.judges.get(name) else {
            return Err(arms::unknown("judge", name, form.judges.keys().map(String::as_str)));
        };
        let beside = |file: &String| path.parent().unwrap_or(Path::new("")).join(file);
        let out = self.out.clone().or_else(|| judge.calibration.as_ref().map(beside));
        let Some(out) = out else {
            return Err(Failure::Usage {
                message: format!("the judge `{name}` names no `calibration`"),
                hint: "name a file there, or with --out".to_owned(),
            });
        };
        let files = Fresh(&out);
        let suite = Suite::read(path, &files).map_err(|problems| wrong(&problems))?;
        let (judge, deployment) = (name.clone(), judge.deployment.clone());
        Ok(Bench { suite, judge, deployment, out })
    }

    /// A budget in dollars needs a price in dollars.
    fn priced(&self, config: &Config, bench: &Bench) -> Result<(), Failure> {
        let (feature, deployment) = (&bench.suite.file.feature, &bench.deployment);
        let alone = arms::alone(config, feature, deployment)?;
        let price = arms::admitted(&alone, feature, deployment)?;
        if self.budget_usd.is_none() || price.input.and(price.output).is_some() {
            return Ok(());
        }
        Err(Failure::Usage {
            message: format!("there is a budget in dollars, but {deployment} has no price"),
            hint: "state `price` of the deployment, or leave --budget-usd out".to_owned(),
        })
    }

    /// What people have labelled, each answer once.
    fn questions<'a>(&self, bench: &'a Bench) -> Result<Vec<Question<'a>>, Failure> {
        let path = &self.labels;
        let text = fs::read_to_string(path).map_err(file("read", path))?;
        let mut questions: BTreeMap<String, Question<'a>> = BTreeMap::new();
        let lines = text.lines().zip(1_usize..).filter(|(line, _)| !line.trim().is_empty());
        for (line, number) in lines {
            let labelled = serde_json::from_str::<Labelled>(line).map_err(|why| why.to_string());
            let made = labelled.and_then(|one| bench.suite.question(&bench.judge, one));
            let made = made.map_err(|why| unreadable(path, &format!("line {number}: {why}")))?;
            questions.insert(made.asked.clone(), made);
        }
        Ok(questions.into_values().collect())
    }

    fn ask(
        &self,
        config: &Config,
        bench: &Bench,
        questions: Vec<Question<'_>>,
        kept: &mut Kept,
    ) -> Result<Told, Failure> {
        let deployments = BTreeSet::from([bench.deployment.clone()]);
        let rooms = Rooms::open(config, &bench.suite.file.feature, &deployments)?;
        let settings = RunSettings { budget_usd: self.budget_usd, ..bench.suite.file.run.clone() };
        let runtime = tokio::runtime::Runtime::new().map_err(Failure::os("start the runtime"))?;
        let mut written = Ok(());
        let keep = |label: Label| {
            if written.is_ok() {
                written = kept.add(&label);
            }
        };
        let told = runtime.block_on(judging::ask(questions, &rooms, &settings, keep));
        rooms.close()?;
        written.map_err(file("append to", &bench.out))?;
        Ok(told)
    }
}

/// The files of this machine, of which the one that is about to be made counts as empty.
struct Fresh<'a>(&'a Path);

impl Files for Fresh<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.0 { Ok(Vec::new()) } else { Disk.read(path) }
    }
}

/// What a file has; nothing where there is none.
fn read_if_there(path: &Path) -> io::Result<Vec<u8>> {
    match Disk.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// The file of labels, which grows with each.
struct Kept {
    file: File,
    /// What was asked for earlier, by digest.
    asked: BTreeSet<String>,
}

impl Kept {
    /// Opens it with those of its labels that still hold: the judge is asked in the same way, and
    /// people say of the answer what they say now. Labels that were written by hand stay.
    fn open(bench: &Bench, questions: &[Question<'_>]) -> Result<Self, Failure> {
        let path = bench.out.as_path();
        let bytes = read_if_there(path).map_err(file("read", path))?;
        // A line that was torn when the process died is asked for again.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let bytes = bytes.get(..whole).unwrap_or_default();
        let known = judging::calibrated(bytes).map_err(|why| unreadable(path, &why))?;
        let now: BTreeMap<&str, &Labelled> =
            questions.iter().map(|one| (one.asked.as_str(), &one.labelled)).collect();
        let holds = known.labels.into_iter().filter_map(|label| {
            if let Some(labelled) = now.get(label.asked.as_str()) {
                return Some(Label { labelled: (*labelled).clone(), ..label });
            }
            let again = bench.suite.question(&bench.judge, label.labelled.clone()).ok()?;
            (again.asked == label.asked).then_some(label)
        });
        let by_hand = String::from_utf8_lossy(bytes);
        let by_hand = by_hand.lines().filter(|line| !line.contains("\"asked\"")).map(str::to_owned);
        let mut lines: Vec<String> = by_hand.collect();
        let mut asked = BTreeSet::new();
        for label in holds {
            lines.push(line(&label).map_err(file("write", path))?);
            asked.insert(label.asked);
        }
        let begun = path.with_extension("begun");
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        fs::write(&begun, text).map_err(file("write", &begun))?;
        fs::rename(&begun, path).map_err(file("write", path))?;
        let opened = OpenOptions::new().append(true).open(path).map_err(file("open", path))?;
        Ok(Self { file: opened, asked })
    }

    fn add(&mut self, label: &Label) -> io::Result<()> {
        self.file.write_all(format!("{}\n", line(label)?).as_bytes())
    }
}

fn line(label: &Label) -> io::Result<String> {
    Ok(serde_json::to_string(label)?)
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure + use<> {
    Failure::os(format!("{action} {}", path.display()))
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::Usage {
        message: format!("{}: {why}", path.display()),
        hint: "`tieline eval calibrate --help` shows what a line has".to_owned(),
    }
}

fn shown(found: &Calibrated) -> String {
    let Calibration { usable, reasons, labels, kappa, sensitivity, specificity, .. } =
        &found.calibration;
    let word = if *usable { "fit" } else { "not fit" };
    let position = found.calibration.position;
    let estimates = [
        ("kappa with people", *kappa),
        ("good answers called good (sensitivity)", *sensitivity),
        ("bad answers called bad (specificity)", *specificity),
        ("better than guessing by", found.calibration.discernment),
        ("rules alike in both orders", position.map(|position| position.consistency)),
        ("for the answer that stands first", position.and_then(|position| position.first_position)),
    ];
    let rows = estimates.into_iter().filter_map(|(name, estimate)| {
        let Estimate { estimate, interval } = estimate?;
        let range = format!("{:.2} to {:.2}", interval.lower, interval.upper);
        Some([name.to_owned(), format!("{estimate:.2}"), range])
    });
    let mut lines = vec![format!("judge `{}` ({}) is {word}", found.judge, found.deployment)];
    lines.extend(reasons.iter().map(|reason| format!("  {reason}")));
    lines.push(String::new());
    lines.push(print::table(&["OF THE JUDGE", "ESTIMATE", "INTERVAL"], rows));
    lines.push(format!(
        "\n{} of good answers and {} of bad ones in {}; {} asked for, spent ${:.4}",
        labels.good(),
        labels.bad(),
        found.file,
        found.asked,
        found.spent_usd,
    ));
    if found.open + found.unasked > 0 {
        lines.push(format!(
            "{} without a label and {} not asked for want of money: ask again",
            found.open, found.unasked
        ));
    }
    lines.join("\n")
}
