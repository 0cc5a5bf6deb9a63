//! Logs of production requests as cases: what people ask for is what a suite should be of.
//!
//! Texts are scrubbed before anything is made of them, so that neither ids nor samples depend on
//! what was taken out.

mod chat;
mod lines;
mod responses;
mod shape;
mod who;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};
use tieline_gate::attest::Digest;

use super::{ImportError, Imported, Source, blank, node::Place, report::Report};
use crate::{
    Dataset, Grader, Judge, Kind, Prompt, Role, SuiteFile,
    scrub::{Scrubber, Secret},
    suite::CASES_MAX,
};
use chat::{Chat, Left};
use shape::Exchange;

/// The most suites: requests whose parameters differ are not asked alike.
const SUITES_MAX: usize = 8;
/// The letters of an id.
const ID_CHARS: usize = 16;
/// The field of a case with its messages.
const MESSAGES: &str = "messages";
/// What a judge compares answers by where nobody has said more.
const CRITERIA: &str = "which answer does what the user asks for: correct, whole and to the point";

/// How requests become cases.
#[derive(Clone, Debug)]
pub struct Requests {
    /// The feature that they are of, and what the files are called.
    pub feature: String,
    /// How many are taken; all where it is not said.
    pub sample: Option<usize>,
    /// Which are taken.
    pub seed: u64,
    /// Production's answers are kept, in the field `reference`.
    pub keep_answers: bool,
    /// What is taken out of texts; nothing where there is none.
    pub scrubber: Option<Scrubber>,
    /// What conversations and users are hashed with, so that nobody can find them by trying.
    pub salt: [u8; 32],
    /// The deployment that judges.
    pub judge: Option<String>,
}

/// What was done with requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The requests that were read.
    pub read: usize,
    /// Those that are cases now.
    pub taken: usize,
    /// Those that said the same as another.
    pub same: usize,
    /// What was taken out of the cases, by its kind; null where nothing was looked for.
    pub scrubbed: Option<BTreeMap<Secret, usize>>,
}

/// A request on its way to a case.
struct Draft {
    id: String,
    parameters: Map<String, Value>,
    /// The digest of its parameters.
    asked: Digest,
    fields: Map<String, Value>,
    found: BTreeMap<Secret, usize>,
}

/// Makes suites of the requests in files, with the answers that other files have to them.
///
/// # Errors
/// A file is too large, or no text.
pub fn requests(sources: &[Source<'_>], options: &Requests) -> Result<Imported, ImportError> {
    let mut report = Report::default();
    let mut exchanges = Vec::new();
    for source in sources {
        for (place, value) in lines::read(source, &mut report)? {
            exchanges.push((place, Exchange::of(value)));
        }
    }
    let joined = shape::joined(exchanges, &mut report);
    let mut told = Told { read: joined.len(), ..Told::default() };
    let mut left: BTreeMap<Left, (usize, Place)> = BTreeMap::new();
    let (mut drafts, mut seen) = (Vec::new(), BTreeSet::new());
    for (place, exchange) in joined {
        match Chat::of(&exchange) {
            Err(why) => left.entry(why).or_insert((0, place)).0 += 1,
            Ok(chat) => {
                let draft = options.draft(chat, &exchange);
                match seen.insert((draft.id.clone(), draft.asked)) {
                    true => drafts.push(draft),
                    false => told.same += 1,
                }
            }
        }
    }
    for (why, (count, first)) in left {
        report.lost(&first, why.told(count), why.hint());
    }
    let log = Place::line(sources.first().map_or("", |source| source.name), 1);
    let drafts = options.sampled(drafts, &log, &mut report);
    let mut imported = options.suites(drafts, &mut told, &log, &mut report);
    imported.findings = report.findings;
    imported.requests = Some(told);
    Ok(imported)
}

impl Requests {
    fn draft(&self, chat: Chat, exchange: &Exchange) -> Draft {
        let mut found = BTreeMap::new();
        let cluster = who::cluster(exchange, &chat.messages, &self.salt);
        let mut fields = Map::from_iter([(MESSAGES.to_owned(), Value::Array(chat.messages))]);
        if self.keep_answers {
            fields.extend(chat::answer(exchange));
        }
        let mut fields = self.scrubbed(Value::Object(fields), &mut found);
        let parameters = self.scrubbed(Value::Object(chat.parameters), &mut found);
        let id = short(&Digest::of_json(fields.get(MESSAGES).unwrap_or(&Value::Null)));
        let mut named = Map::from_iter([("id".to_owned(), json!(id))]);
        named.extend(cluster.map(|cluster| ("cluster".to_owned(), json!(cluster))));
        named.append(&mut fields);
        let asked = Digest::of_json(&Value::Object(parameters.clone()));
        Draft { id, parameters, asked, fields: named, found }
    }

    fn scrubbed(
        &self,
        mut value: Value,
        found: &mut BTreeMap<Secret, usize>,
    ) -> Map<String, Value> {
        if let Some(scrubber) = &self.scrubber {
            let mut scope = scrubber.scope();
            scope.value(&mut value);
            for (secret, count) in scope.found() {
                *found.entry(*secret).or_default() += count;
            }
        }
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// As many as are wanted: those whose ids have the least digests with the seed, so that a log
    /// that has grown gives much the same sample.
    fn sampled(&self, drafts: Vec<Draft>, log: &Place, report: &mut Report) -> Vec<Draft> {
        let most = self.sample.unwrap_or(CASES_MAX).min(CASES_MAX);
        if self.sample.is_none() && drafts.len() > most {
            let what = format!("a suite has at most {CASES_MAX} cases; so many were chosen");
            report.lost(log, what, "choose fewer with --sample");
        }
        if drafts.len() <= most {
            return drafts;
        }
        let rank = |draft: &Draft| Digest::of(format!("{} {}", self.seed, draft.id).as_bytes());
        let mut ranked: Vec<(Digest, usize)> =
            drafts.iter().enumerate().map(|(at, draft)| (rank(draft), at)).collect();
        ranked.sort_unstable();
        ranked.truncate(most);
        let chosen: BTreeSet<usize> = ranked.into_iter().map(|(_, at)| at).collect();
        let drafts = drafts.into_iter().enumerate().filter(|(at, _)| chosen.contains(at));
        drafts.map(|(_, draft)| draft).collect()
    }

    /// A suite for each set of parameters, the most frequent first.
    fn suites(
        &self,
        drafts: Vec<Draft>,
        told: &mut Told,
        log: &Place,
        report: &mut Report,
    ) -> Imported {
        let mut groups: Vec<(Map<String, Value>, Vec<Draft>)> = Vec::new();
        let mut places: BTreeMap<Digest, usize> = BTreeMap::new();
        for draft in drafts {
            let at = *places.entry(draft.asked).or_insert(groups.len());
            match groups.get_mut(at) {
                Some((_, drafts)) => drafts.push(draft),
                None => groups.push((draft.parameters.clone(), vec![draft])),
            }
        }
        groups.sort_by_key(|(_, drafts)| std::cmp::Reverse(drafts.len()));
        tell_groups(&groups, log, report);
        groups.truncate(SUITES_MAX);
        let mut imported = Imported::default();
        let mut found = BTreeMap::new();
        for (at, (parameters, drafts)) in groups.into_iter().enumerate() {
            let name = match at {
                0 => self.feature.clone(),
                at => format!("{}-{}", self.feature, at + 1),
            };
            told.taken += drafts.len();
            for (secret, count) in drafts.iter().flat_map(|draft| &draft.found) {
                *found.entry(*secret).or_default() += count;
            }
            let suite = self.suite(&name, parameters, &drafts, report);
            let line = |draft: Draft| Value::Object(draft.fields).to_string() + "\n";
            imported.files.push((file(&name), drafts.into_iter().map(line).collect()));
            imported.suites.push((name, suite));
        }
        told.scrubbed = self.scrubber.is_some().then_some(found);
        imported
    }

    fn suite(
        &self,
        name: &str,
        parameters: Map<String, Value>,
        drafts: &[Draft],
        report: &mut Report,
    ) -> SuiteFile {
        let from = report.findings.len();
        let mut graders = vec![Grader { negate: true, ..grader(Kind::Refusal) }];
        let judge = self.judge.as_ref().map(|deployment| Judge {
            deployment: deployment.clone(),
            prompt: None,
            parameters: Map::new(),
            calibration: None,
        });
        match judge {
            Some(_) => graders.push(grader(Kind::Pairwise {
                judge: "judge".to_owned(),
                criteria: CRITERIA.to_owned(),
            })),
            None => report.lost(
                &Place::line(&file(name), 1),
                "nothing says what is good but that it is no refusal",
                "write graders, or name a judge with --judge",
            ),
        }
        let clustered = drafts.iter().any(|draft| draft.fields.contains_key("cluster"));
        SuiteFile {
            dataset: Some(Dataset {
                file: file(name),
                id: Some("id".to_owned()),
                cluster: clustered.then(|| "cluster".to_owned()),
                slices: Vec::new(),
                holdout: 0.0,
            }),
            prompt: Prompt {
                messages: Vec::new(),
                messages_from: Some(MESSAGES.to_owned()),
                parameters,
            },
            judges: judge.into_iter().map(|judge| ("judge".to_owned(), judge)).collect(),
            graders,
            partial: report.partial_since(from),
            ..blank(&self.feature)
        }
    }
}

/// Tells of groups of requests with other parameters.
fn tell_groups(groups: &[(Map<String, Value>, Vec<Draft>)], log: &Place, report: &mut Report) {
    if groups.is_empty() {
        report.lost(log, "there is no request to make a case of", "");
    }
    if groups.len() > 1 {
        let what = format!("requests have {} sets of parameters: a suite for each", groups.len());
        report.note(log, what, "");
    }
    let beyond: usize = groups.iter().skip(SUITES_MAX).map(|(_, drafts)| drafts.len()).sum();
    if beyond > 0 {
        let what = format!("{beyond} requests are left out: at most {SUITES_MAX} suites are made");
        report.lost(log, what, "");
    }
}

fn grader(kind: Kind) -> Grader {
    Grader {
        id: None,
        metric: None,
        role: Role::Scored,
        weight: 1.0,
        negate: false,
        threshold: None,
        transform: None,
        kind,
    }
}

fn file(name: &str) -> String {
    format!("{name}.requests.jsonl")
}

/// The beginning of a digest.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(ID_CHARS).collect()
}
