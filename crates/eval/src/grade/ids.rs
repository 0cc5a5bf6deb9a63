//! What graders are called where their suite does not say.

use serde_json::Value;

use crate::suite::{Grader, Kind};

/// The ids of graders: their own, or their type, numbered from the second on. Names that are taken
/// are passed over.
pub(super) fn of(graders: &[Grader], taken: &[String]) -> Vec<String> {
    let given = graders.iter().filter_map(|grader| grader.id.clone());
    let mut taken: Vec<String> = taken.iter().cloned().chain(given).collect();
    graders
        .iter()
        .map(|grader| {
            grader.id.clone().unwrap_or_else(|| {
                let id = free(&type_of(&grader.kind), &taken);
                taken.push(id.clone());
                id
            })
        })
        .collect()
}

fn free(kind: &str, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name);
    let numbered = (2..).map(|number: u32| format!("{kind}_{number}"));
    std::iter::once(kind.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// The type as a suite writes it.
fn type_of(kind: &Kind) -> String {
    let written = serde_json::to_value(kind).ok();
    let tag = written.as_ref().and_then(|written| written.get("type")).and_then(Value::as_str);
    tag.unwrap_or("grader").to_owned()
}
