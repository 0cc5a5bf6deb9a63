//! Texts with `{{ holes }}`, filled from a case and, for graders, from what was answered.

use std::{collections::BTreeMap, sync::LazyLock};

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, context};
use serde_json::{Value as Json, json};

use crate::{Answer, Case};

/// Instructions that one rendering may take; a long prompt takes some hundreds.
const FUEL: u64 = 1_000_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment
});

/// A text that may have holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    source: String,
    /// Whether there is anything to fill in.
    live: bool,
}

/// Why a template cannot be read or filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is not written as templates are.
    #[error("{what} in line {line} of the template")]
    Syntax {
        /// What is wrong with it.
        what: String,
        /// Its line in the template, from 1.
        line: usize,
    },
    /// It names something that the case does not have.
    #[error("case `{case}` has no `{name}`, which the template asks for")]
    Undefined {
        /// The case's id.
        case: String,
        /// The name as the template writes it.
        name: String,
    },
    /// It cannot be filled in for another reason.
    #[error("the template cannot be filled in for case `{case}`: {what}")]
    Render {
        /// The case's id.
        case: String,
        /// What is wrong.
        what: String,
    },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError::Syntax`].
    pub(crate) fn new(source: &str) -> Result<Self, TemplateError> {
        let live = ["{{", "{%", "{#"].iter().any(|opening| source.contains(opening));
        if live {
            ENVIRONMENT.template_from_str(source).map_err(|error| TemplateError::Syntax {
                what: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
                line: error.line().unwrap_or(1),
            })?;
        }
        Ok(Self { source: source.to_owned(), live })
    }

    /// The text, where there is nothing to fill in.
    pub(crate) fn fixed(&self) -> Option<&str> {
        (!self.live).then_some(self.source.as_str())
    }

    /// The text with its holes filled.
    ///
    /// # Errors
    /// [`TemplateError::Undefined`] and [`TemplateError::Render`].
    pub(crate) fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        if !self.live {
            return Ok(self.source.clone());
        }
        let render = |value: &Value| ENVIRONMENT.template_from_str(&self.source)?.render(value);
        render(&scope.names).map_err(|error| self.explain(&error, scope))
    }

    /// As [`Template::render`], and what was rendered is read as JSON where it is a list or an
    /// object.
    ///
    /// # Errors
    /// Those of [`Template::render`].
    pub(crate) fn value(&self, scope: &Scope) -> Result<Json, TemplateError> {
        let text = self.render(scope)?;
        let structured = self.live && text.trim_start().starts_with(['[', '{']);
        let parsed = structured.then(|| serde_json::from_str(&text).ok()).flatten();
        Ok(parsed.unwrap_or(Json::String(text)))
    }

    fn explain(&self, error: &minijinja::Error, scope: &Scope) -> TemplateError {
        let case = scope.case.clone();
        if error.kind() == ErrorKind::UndefinedError
            && let Some(name) = self.missing(scope)
        {
            return TemplateError::Undefined { case, name };
        }
        let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        TemplateError::Render { case, what }
    }

    /// The first name in the template that leads nowhere.
    fn missing(&self, scope: &Scope) -> Option<String> {
        let template = ENVIRONMENT.template_from_str(&self.source).ok()?;
        let leads_nowhere = |name: &String| {
            let steps = name.split('.').try_fold(scope.names.clone(), |at, step| at.get_attr(step));
            steps.map_or(true, |value| value.is_undefined())
        };
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.sort();
        names.into_iter().find(leads_nowhere)
    }
}

/// A value whose texts are templates, whatever their depth.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filling(Part);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Fixed(Json),
    Text(Template),
    List(Vec<Part>),
    Map(Vec<(String, Part)>),
}

impl Default for Part {
    fn default() -> Self {
        Self::Fixed(Json::Null)
    }
}

impl Filling {
    /// Reads the templates within a value.
    ///
    /// # Errors
    /// [`TemplateError::Syntax`] of the first that cannot be read.
    pub(crate) fn new(value: &Json) -> Result<Self, TemplateError> {
        Part::new(value).map(Self)
    }

    /// Whether there is nothing to fill in.
    pub(crate) fn is_fixed(&self) -> bool {
        self.0.is_fixed()
    }

    /// The value with all holes filled.
    ///
    /// # Errors
    /// Those of [`Template::render`].
    pub(crate) fn render(&self, scope: &Scope) -> Result<Json, TemplateError> {
        self.0.render(scope)
    }
}

impl Part {
    fn new(value: &Json) -> Result<Self, TemplateError> {
        Ok(match value {
            Json::String(text) => Self::Text(Template::new(text)?),
            Json::Array(items) => {
                Self::List(items.iter().map(Self::new).collect::<Result<_, _>>()?)
            }
            Json::Object(entries) => {
                let entry = |(key, item): (&String, &Json)| Ok((key.clone(), Self::new(item)?));
                Self::Map(entries.iter().map(entry).collect::<Result<_, TemplateError>>()?)
            }
            other => Self::Fixed(other.clone()),
        })
    }

    fn is_fixed(&self) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Text(template) => template.fixed().is_some(),
            Self::List(items) => items.iter().all(Self::is_fixed),
            Self::Map(entries) => entries.iter().all(|(_, item)| item.is_fixed()),
        }
    }

    fn render(&self, scope: &Scope) -> Result<Json, TemplateError> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => Json::String(template.render(scope)?),
            Self::List(items) => {
                Json::Array(items.iter().map(|item| item.render(scope)).collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => {
                let entry = |(key, item): &(String, Self)| Ok((key.clone(), item.render(scope)?));
                Json::Object(entries.iter().map(entry).collect::<Result<_, TemplateError>>()?)
            }
        })
    }
}

/// What templates know by name.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The case's id, for messages.
    case: String,
    names: Value,
}

impl Scope {
    /// The fields of a case by name; all of them also under `item` and `vars`; and `case`.
    pub(crate) fn of_case(case: &Case) -> Self {
        Self { case: case.id.clone(), names: Value::from_serialize(names_of(case)) }
    }

    /// What [`Scope::of_case`] has, and the answer: its text as `output`, and `sample` in the words
    /// of OpenAI's graders.
    pub(crate) fn of_answer(case: &Case, text: &str, answer: &Answer) -> Self {
        let mut names = names_of(case);
        names.insert("output".to_owned(), Value::from(text));
        names.insert("sample".to_owned(), Value::from_serialize(sample(text, answer)));
        Self { case: case.id.clone(), names: Value::from_serialize(names) }
    }

    /// The scope with further names, which win over all others.
    pub(crate) fn with(&self, more: &[(&str, &str)]) -> Self {
        let more: BTreeMap<&str, &str> = more.iter().copied().collect();
        let names = context! { ..Value::from_serialize(more), ..self.names.clone() };
        Self { case: self.case.clone(), names }
    }
}

/// Own names win over a field of the same name, which can still be had as `item.NAME`.
fn names_of(case: &Case) -> BTreeMap<String, Value> {
    let mut names: BTreeMap<String, Value> = case
        .fields
        .iter()
        .map(|(name, value)| (name.clone(), Value::from_serialize(value)))
        .collect();
    let fields = Value::from_serialize(&case.fields);
    names.insert("item".to_owned(), fields.clone());
    names.insert("vars".to_owned(), fields);
    let case = json!({ "id": case.id, "cluster": case.cluster, "slices": case.slices });
    names.insert("case".to_owned(), Value::from_serialize(case));
    names
}

/// An answer in the words of OpenAI's graders.
fn sample(text: &str, answer: &Answer) -> Json {
    let message = json!({
        "role": "assistant",
        "content": text,
        "refusal": answer.refusal,
        "tool_calls": answer.tool_calls,
    });
    json!({
        "output_text": text,
        "output_json": serde_json::from_str::<Json>(text).ok(),
        "output_tools": answer.tool_calls,
        "choices": [{ "index": 0, "message": message, "finish_reason": answer.finish_reason }],
        "model": answer.model,
    })
}
