//! Formulas over the scores of graders, in the words of OpenAI's `calculate_output`.

use std::{collections::BTreeMap, sync::LazyLock};

use minijinja::{Environment, UndefinedBehavior, value::Rest};

use super::{
    Grade,
    mark::{Broken, Mark},
};
use crate::flaw::Flaws;

/// From where on what a formula gives passes, where the suite does not say.
const THRESHOLD: f64 = 0.5;
/// Instructions that one formula may take.
const FUEL: u64 = 10_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let least = |all: Rest<f64>| all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |all: Rest<f64>| all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    environment.add_function("min", least);
    environment.add_function("max", most);
    environment.add_function("abs", f64::abs);
    environment.add_function("floor", f64::floor);
    environment.add_function("ceil", f64::ceil);
    environment.add_function("exp", f64::exp);
    environment.add_function("sqrt", f64::sqrt);
    environment.add_function("log", f64::ln);
    environment
});

const FUNCTIONS: [&str; 8] = ["min", "max", "abs", "floor", "ceil", "exp", "sqrt", "log"];

/// A formula that can be worked out.
pub(crate) struct Formula(String);

impl Formula {
    /// Reads a formula over graders of some names.
    pub(super) fn new(source: &str, names: &[&str], flaws: &mut Flaws) -> Self {
        let foreign = |c: &char| !(c.is_alphanumeric() || " _.,+-*/^()".contains(*c));
        if let Some(c) = source.chars().find(foreign) {
            flaws.add("/formula", format!("`{c}` is not part of a formula"));
            return Self(String::new());
        }
        // A power is `^` there and `**` in the language that works it out.
        let formula = source.replace('^', "**");
        match ENVIRONMENT.compile_expression(&formula) {
            Ok(expression) => {
                let mut unknown: Vec<String> =
                    expression.undeclared_variables(false).into_iter().collect();
                unknown.retain(|name| {
                    !names.contains(&name.as_str()) && !FUNCTIONS.contains(&name.as_str())
                });
                unknown.sort();
                for name in unknown {
                    flaws.add("/formula", format!("the set has no grader `{name}`"));
                }
            }
            Err(error) => flaws.add("/formula", format!("this is not a formula: {error}")),
        }
        Self(formula)
    }

    /// What a formula gives for the scores of graders by name; none where it is no formula over
    /// them.
    pub(crate) fn worked_out(source: &str, scores: &BTreeMap<&str, f64>) -> Option<f64> {
        let mut flaws = Flaws::default();
        let names: Vec<&str> = scores.keys().copied().collect();
        Self::new(source, &names, &mut flaws).value(scores).ok()
    }

    /// What the formula makes of the grades of a set.
    pub(super) fn mark(&self, grades: &[Grade], threshold: Option<f64>) -> Result<Mark, Broken> {
        if let Some((grader, error)) =
            grades.iter().find_map(|grade| Some((&grade.grader, grade.error.as_ref()?)))
        {
            return Err(Broken(format!("{grader}: {error}")));
        }
        let scores = grades.iter().map(|grade| (grade.grader.as_str(), grade.score)).collect();
        let value = self.value(&scores)?;
        let threshold = threshold.unwrap_or(THRESHOLD);
        Ok(Mark::scored(value, threshold, format!("the formula gives {value}, needed {threshold}")))
    }

    /// What it gives for the scores of graders by name.
    fn value(&self, scores: &BTreeMap<&str, f64>) -> Result<f64, Broken> {
        let failed = |error: minijinja::Error| Broken(format!("the formula: {error}"));
        let expression = ENVIRONMENT.compile_expression(&self.0).map_err(failed)?;
        let value = expression.eval(scores).map_err(failed)?;
        let number = f64::try_from(value).map_err(failed)?;
        if number.is_finite() {
            return Ok(number);
        }
        Err(Broken("the formula gives no number".to_owned()))
    }
}
