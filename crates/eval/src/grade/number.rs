//! The grader of numbers.

use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::Value;

use super::{
    mark::{Broken, Mark, quoted},
    scorer::Scorer,
    seen::Seen,
    text::plain,
};
use crate::{flaw::Flaws, template::Template};

/// Digits, with commas between thousands or without, and a point before fractions. What stands
/// between words or numbers, as in `5-7`, is no sign.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let sign = r"(?:(?<![\p{L}\d])[-−+])?";
    let digits = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?";
    Regex::new(&format!("{sign}{digits}")).ok()
});

/// The last number in the answer is near another.
pub(super) struct Near {
    value: Template,
    tolerance: f64,
    relative: bool,
}

impl Near {
    pub(super) fn new(value: &Value, tolerance: f64, relative: bool, flaws: &mut Flaws) -> Self {
        if !(tolerance >= 0.0 && tolerance.is_finite()) {
            flaws.add("/tolerance", "a tolerance is a number from 0 up");
        }
        let value = flaws.template("/value", &plain(value.clone()));
        if value.fixed().is_some_and(|text| read(text).is_none()) {
            flaws.add("/value", "expected a number, or a template of one");
        }
        Self { value, tolerance, relative }
    }
}

impl Scorer for Near {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let wanted = self.value.render(seen.scope())?;
        let wanted = read(&wanted)
            .ok_or_else(|| Broken(format!("the value {} is not a number", quoted(&wanted))))?;
        let Some(found) = last_number(seen.text()) else {
            return Ok(Mark::of(false, format!("{} has no number", quoted(seen.text()))));
        };
        let allowed = if self.relative { self.tolerance * wanted.abs() } else { self.tolerance };
        let pass = (found - wanted).abs() <= allowed;
        Ok(Mark::of(pass, format!("expected {wanted} with a tolerance of {allowed}, got {found}")))
    }
}

fn read(text: &str) -> Option<f64> {
    let plain = text.trim().replace(',', "").replace('−', "-");
    plain.parse().ok().filter(|number: &f64| number.is_finite())
}

fn last_number(text: &str) -> Option<f64> {
    let found = NUMBER.as_ref()?.find_iter(text).filter_map(Result::ok);
    found.filter_map(|found| read(found.as_str())).last()
}
