//! Asking judges for labels of answers that people have labelled: to calibrate them, and to see
//! whether they still judge as they did.

use std::{borrow::Cow, collections::BTreeMap};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};
use tieline_gate::{
    attest::Digest,
    drift::{Drift, Relabelled},
};

use crate::{
    Answer, Arm, Calibrated, Case, Check, Door, Grade, Label, Labelled, RunSettings, Seen, Suite,
    Tools,
    run::{Purse, patient::Patient, purse::Affords},
    suite::calibration,
};

/// A labelled answer that is ready to be put to a judge.
#[derive(Debug)]
pub struct Question<'a> {
    /// What people said of it.
    pub labelled: Labelled,
    /// SHA-256, in hexadecimal, of all that the judge is asked with.
    pub asked: String,
    check: &'a Check,
    case: Cow<'a, Case>,
    request: Value,
    answer: Answer,
    other: Option<Answer>,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    /// What it cost, in dollars.
    pub spent_usd: f64,
    /// Questions that were not asked, for want of money.
    pub unasked: usize,
    /// Questions to which the judge gave no label.
    pub open: usize,
}

/// What the lines of a calibration say of its judge.
///
/// # Errors
/// The line that is no label, and why.
pub fn calibrated(lines: &[u8]) -> Result<Calibrated, String> {
    calibration::read(lines)
}

impl Suite {
    /// Makes a labelled answer ready to be put to a judge.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn question(&self, judge: &str, labelled: Labelled) -> Result<Question<'_>, String> {
        let case = self.case_of(&labelled)?;
        let (check, how) = self.asking(judge, &labelled, &case)?;
        let request = self.request(&case).map_err(|error| error.to_string())?;
        let asked = Digest::of_json(&json!({
            "how": how,
            "messages": request.get("messages"),
            "fields": case.fields,
            "answer": labelled.answer,
            "other": labelled.other,
        }));
        let said = |text: &String| Answer {
            text: text.clone(),
            finish_reason: "stop".to_owned(),
            ..Answer::default()
        };
        Ok(Question {
            asked: asked.to_string(),
            check,
            case,
            request,
            answer: said(&labelled.answer),
            other: labelled.other.as_ref().map(said),
            labelled,
        })
    }

    fn case_of(&self, labelled: &Labelled) -> Result<Cow<'_, Case>, String> {
        let Some(id) = &labelled.case else {
            let case = Case { fields: labelled.fields.clone(), ..Case::default() };
            return Ok(Cow::Owned(case));
        };
        let found = self.cases.iter().find(|case| case.id == *id);
        found.map(Cow::Borrowed).ok_or_else(|| format!("there is no case `{id}`"))
    }

    /// The grader that asks the judge, and how.
    fn asking(
        &self,
        judge: &str,
        labelled: &Labelled,
        case: &Case,
    ) -> Result<(&Check, Digest), String> {
        let all = self.checks.of(case).flat_map(Check::judging);
        let own = all.filter(|(_, judged)| judged.judge == judge);
        let named = labelled.grader.as_ref();
        let fits: Vec<_> =
            own.filter(|(check, _)| named.is_none_or(|id| check.id == *id)).collect();
        let (check, how) = match (fits.as_slice(), named) {
            ([(check, judged)], _) => (*check, judged.how),
            ([], Some(id)) => return Err(format!("no grader `{id}` asks the judge `{judge}`")),
            ([], None) => return Err(format!("no grader asks the judge `{judge}`")),
            (several, _) => {
                let ids: Vec<&str> = several.iter().map(|(check, _)| check.id.as_str()).collect();
                return Err(format!("name the `grader`: the judge is asked by {}", ids.join(", ")));
            }
        };
        match check.compares() && labelled.other.is_none() {
            true => Err("a judge in pairs needs the `other` answer".to_owned()),
            false => Ok((check, how)),
        }
    }
}

impl Suite {
    /// How often the deployments of judges are asked for labels again when a run begins.
    #[must_use]
    pub fn canaries(&self) -> BTreeMap<String, u64> {
        let mut asks: BTreeMap<String, u64> = BTreeMap::new();
        for (name, judge) in self.judges() {
            let labels = self.frozen(&name).len().min(self.file.run.canary);
            let each = if judge.pairs.is_empty() { 1 } else { 2 };
            let labels = u64::try_from(labels).unwrap_or(u64::MAX);
            *asks.entry(judge.deployment).or_default() += labels.saturating_mul(each);
        }
        asks.retain(|_, asks| *asks > 0);
        asks
    }

    /// The labels that a judge can be asked for again, in an order of their own; none of a judge
    /// that is not fit anyway.
    fn frozen(&self, judge: &str) -> Vec<&Label> {
        let known = self.calibrations.get(judge).filter(|known| known.calibration.usable);
        let mut labels: Vec<&Label> =
            known.map(|known| &known.labels).into_iter().flatten().collect();
        labels.sort_by(|one, other| one.asked.cmp(&other.asked));
        labels
    }

    /// Asks a judge again for labels of its calibration, as many as the run says: whether it still
    /// labels as it did, and what that cost in dollars. None where there is nothing to ask for.
    pub async fn drift<D: Door>(
        &self,
        judge: &str,
        door: &D,
        settings: &RunSettings,
    ) -> Option<(Drift, f64)> {
        let frozen = self.frozen(judge);
        if frozen.is_empty() || settings.canary == 0 {
            return None;
        }
        let then: BTreeMap<&str, bool> =
            frozen.iter().map(|label| (label.asked.as_str(), label.judge)).collect();
        let again = |label: &&Label| self.question(judge, label.labelled.clone()).ok();
        let questions = frozen.iter().filter_map(again);
        let mut questions: Vec<Question<'_>> =
            questions.filter(|question| then.contains_key(question.asked.as_str())).collect();
        let stale = frozen.len().saturating_sub(questions.len());
        questions.truncate(settings.canary);
        let (asked, mut labels) = (questions.len(), Vec::new());
        let told = ask(questions, door, settings, |label| {
            if let Some(&then) = then.get(label.asked.as_str()) {
                let human = label.labelled.human;
                labels.push(Relabelled { human, then, now: label.judge });
            }
        });
        let spent_usd = told.await.spent_usd;
        Some((Drift::of(asked, stale, &labels), spent_usd))
    }
}

/// Puts questions to their judge, as many at once as the settings say and as its provider takes,
/// and hands each label over as it comes. A question whose judge fails stays open.
pub async fn ask<D: Door>(
    questions: Vec<Question<'_>>,
    door: &D,
    settings: &RunSettings,
    mut keep: impl FnMut(Label),
) -> Told {
    let patient = Patient::new(door, settings.concurrency, settings.retries, settings.seed);
    // What one label costs is learnt as what an ask of an arm costs.
    let (arm, mut purse) = (Arm::Candidate, Purse::new(settings.budget_usd));
    let mut told = Told::default();
    let mut left = questions.into_iter().peekable();
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < patient.pace().limit() as usize
            && left.peek().is_some()
            && purse.affords(arm) == Affords::Yes
        {
            let Some(question) = left.next() else { break };
            purse.begin(arm);
            under_way.push(put(question, &patient));
        }
        let Some((question, grade)) = under_way.next().await else { break };
        purse.pay(arm, grade.cost_usd.unwrap_or_default(), false);
        match label(question, grade) {
            Some(label) => keep(label),
            None => told.open += 1,
        }
    }
    Told { spent_usd: purse.spent(), unasked: left.count(), ..told }
}

async fn put<'a, D: Door>(question: Question<'a>, door: &D) -> (Question<'a>, Grade) {
    let Question { case, request, answer, .. } = &question;
    let seen = Seen::new(case, "", request, answer);
    let seen = match &question.other {
        Some(other) => seen.beside(other),
        None => seen,
    };
    let grade = question.check.grade(&seen, &Tools { door, commands: false }).await;
    (question, grade)
}

/// The label that a grade is; none where the judge gave none.
fn label(question: Question<'_>, grade: Grade) -> Option<Label> {
    if grade.error.is_some() {
        return None;
    }
    let orders = match grade.parts.as_slice() {
        [first, second] if question.check.compares() => Some((first.score, second.score)),
        _ => None,
    };
    Some(Label {
        labelled: question.labelled,
        judge: grade.pass,
        reason: grade.reason,
        orders,
        asked: question.asked,
    })
}
