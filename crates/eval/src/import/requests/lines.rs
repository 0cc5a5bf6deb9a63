//! The objects of a log: one a line, or a list of them.

use serde_json::Value;

use super::super::{ImportError, MAX_BYTES, Source, node::Place, report::Report};

/// Lines that are told to be wrong; those beyond are only counted.
const WRONG_MAX: usize = 20;

/// Reads all objects of a file, and tells which lines are none.
pub(super) fn read(
    source: &Source<'_>,
    report: &mut Report,
) -> Result<Vec<(Place, Value)>, ImportError> {
    if source.bytes.len() > MAX_BYTES {
        return Err(ImportError::TooLarge { file: source.name.to_owned() });
    }
    let text = source.text()?;
    if let Ok(whole) = serde_json::from_str::<Value>(text) {
        let place = Place::line(source.name, 1);
        return Ok(listed(whole).into_iter().map(|value| (place.clone(), value)).collect());
    }
    let (mut values, mut wrong) = (Vec::new(), 0);
    for (number, line) in (1..).zip(text.lines()) {
        let place = Place::line(source.name, number);
        match serde_json::from_str::<Value>(line) {
            _ if line.trim().is_empty() => {}
            Ok(value) => values.push((place, value)),
            Err(error) => {
                wrong += 1;
                if wrong <= WRONG_MAX {
                    // The parser's message may not repeat what the line says.
                    let what = format!("the line is not JSON, in column {}", error.column());
                    report.lost(&place, what, "");
                }
            }
        }
    }
    if wrong > WRONG_MAX {
        let what = format!("{} further lines are not JSON", wrong - WRONG_MAX);
        report.lost(&Place::line(source.name, 1), what, "");
    }
    Ok(values)
}

/// The items of a list, of a page of a list, or the one object that there is.
fn listed(whole: Value) -> Vec<Value> {
    match whole {
        Value::Array(items) => items,
        Value::Object(mut page) if page.get("data").is_some_and(Value::is_array) => {
            page.remove("data").map(listed).unwrap_or_default()
        }
        one => vec![one],
    }
}
