//! What a grader of each type does.

use super::{
    Judges,
    check::{Check, Work},
    formula::Formula,
    ids,
    json::Json,
    judge::{Bench, Label, Pairwise, Rubric},
    measured::{Cost, Finish, Latency, Refusal, Words},
    number::Near,
    scripted::{Program, Scripted},
    similarity::{Cosine, Similarity},
    text::{Contains, Equals, Matches, StartsWith},
    tools::ToolCalls,
};
use crate::flaw::Flaws;
use crate::suite::{Grader, Kind, Measure, OneOrMany};

/// Makes ready what a grader does.
pub(super) fn of(grader: &Grader, judges: &Judges, flaws: &mut Flaws) -> Work {
    asking(grader, judges, flaws).unwrap_or_else(|| alone(grader, flaws))
}

/// Graders that need more than the answer.
fn asking(grader: &Grader, judges: &Judges, flaws: &mut Flaws) -> Option<Work> {
    let threshold = grader.threshold;
    Some(match &grader.kind {
        Kind::Rubric { judge, rubric, messages, range } => {
            let bench = Bench::new(judge, judges, flaws);
            let rubric = Rubric::new(bench, rubric, messages, *range, threshold, flaws);
            Work::Rubric(Box::new(rubric))
        }
        Kind::Label { judge, messages, labels, passing, scores } => {
            let bench = Bench::new(judge, judges, flaws);
            Work::Label(Box::new(Label::new(bench, messages, labels, passing, scores, flaws)))
        }
        Kind::Pairwise { judge, criteria } => {
            let bench = Bench::new(judge, judges, flaws);
            Work::Pairwise(Box::new(Pairwise::new(bench, criteria, threshold, flaws)))
        }
        Kind::Similarity { measure: Measure::Cosine, reference, embeddings } => {
            Work::Cosine(cosine(reference, embeddings.as_deref(), threshold, flaws))
        }
        Kind::Command { argv } => Work::Program(Program::new(argv, threshold, flaws)),
        Kind::Set { graders, formula } => {
            if graders.is_empty() {
                flaws.add("/graders", "expected at least one grader");
            }
            let parts = parts(graders, &[], judges, flaws);
            let names: Vec<&str> = parts.iter().map(|part| part.id.as_str()).collect();
            let formula = formula.as_deref().map(|formula| Formula::new(formula, &names, flaws));
            Work::Set { parts, formula, threshold }
        }
        _ => return None,
    })
}

fn cosine(
    reference: &OneOrMany,
    embeddings: Option<&str>,
    threshold: Option<f64>,
    flaws: &mut Flaws,
) -> Cosine {
    let similarity = Similarity::new(Measure::Cosine, reference, threshold, flaws);
    Cosine::new(similarity, embeddings, flaws)
}

/// Makes a list of graders ready, whose ids are unlike those that are taken.
pub(super) fn parts(
    graders: &[Grader],
    taken: &[String],
    judges: &Judges,
    flaws: &mut Flaws,
) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::with_capacity(graders.len());
    for (index, (grader, id)) in graders.iter().zip(ids::of(graders, taken)).enumerate() {
        let check = flaws.within(&format!("/graders/{index}"), |flaws| {
            if taken.contains(&id) || checks.iter().any(|check| check.id == id) {
                flaws.add("/id", format!("the id `{id}` is also that of another grader"));
            }
            Check::new(id, grader, judges, flaws)
        });
        checks.push(check);
    }
    checks
}

/// Graders that need nothing but the answer.
fn alone(grader: &Grader, flaws: &mut Flaws) -> Work {
    let threshold = grader.threshold;
    Work::Alone(match &grader.kind {
        Kind::Equals { value, ignore_case } => Box::new(Equals::new(value, *ignore_case, flaws)),
        Kind::Contains { value, any, ignore_case } => {
            Box::new(Contains::new(value, *any, *ignore_case, flaws))
        }
        Kind::StartsWith { value, ignore_case } => {
            Box::new(StartsWith::new(value, *ignore_case, flaws))
        }
        Kind::Regex { pattern } => Box::new(Matches::new(pattern, flaws)),
        Kind::Json { schema, anywhere } => Box::new(Json::new(schema.as_ref(), *anywhere, flaws)),
        Kind::Similarity { measure, reference, .. } => {
            Box::new(Similarity::new(*measure, reference, threshold, flaws))
        }
        Kind::Number { value, tolerance, relative } => {
            Box::new(Near::new(value, *tolerance, *relative, flaws))
        }
        Kind::ToolCalls { compare, expected } => {
            Box::new(ToolCalls::new(*compare, expected, threshold, flaws))
        }
        Kind::Latency { at_most_ms } => {
            return Work::Uncached(Box::new(Latency { at_most_ms: *at_most_ms }));
        }
        Kind::Cost { at_most_usd } => Box::new(Cost { at_most_usd: *at_most_usd }),
        Kind::FinishReason { value } => Box::new(Finish::new(value, flaws)),
        Kind::WordCount { min, max } => Box::new(Words::new(*min, *max, flaws)),
        Kind::Script { source } => Box::new(Scripted::new(source, threshold, flaws)),
        _ => Box::new(Refusal),
    })
}
