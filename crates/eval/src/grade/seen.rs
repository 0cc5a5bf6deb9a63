//! What graders see.

use std::{borrow::Cow, sync::OnceLock};

use serde_json::Value;

use crate::{Answer, Case, template::Scope};

/// One answer to one case, and what belongs to it.
#[derive(Debug)]
pub struct Seen<'a> {
    pub(crate) case: &'a Case,
    pub(crate) deployment: &'a str,
    pub(crate) request: &'a Value,
    pub(crate) answer: &'a Answer,
    pub(crate) other: Option<&'a Answer>,
    text: Cow<'a, str>,
    scope: OnceLock<Scope>,
}

impl<'a> Seen<'a> {
    /// What a deployment answered to the request that was made of a case.
    #[must_use]
    pub fn new(
        case: &'a Case,
        deployment: &'a str,
        request: &'a Value,
        answer: &'a Answer,
    ) -> Self {
        let text = text_of(answer);
        Self { case, deployment, request, answer, other: None, text, scope: OnceLock::new() }
    }

    /// With the other arm's answer to the same case, which pairwise judges need.
    #[must_use]
    pub fn beside(mut self, other: &'a Answer) -> Self {
        self.other = Some(other);
        self
    }

    /// The same with another text in place of the answer's own.
    pub(super) fn reading(&self, text: String) -> Self {
        Self {
            case: self.case,
            deployment: self.deployment,
            request: self.request,
            answer: self.answer,
            other: self.other,
            text: Cow::Owned(text),
            scope: OnceLock::new(),
        }
    }

    /// What is graded: the answer's text, or its tool calls as JSON where it has nothing else.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What templates know, put together once for all graders.
    pub(super) fn scope(&self) -> &Scope {
        self.scope.get_or_init(|| Scope::of_answer(self.case, &self.text, self.answer))
    }
}

/// What is graded of an answer.
pub(super) fn text_of(answer: &Answer) -> Cow<'_, str> {
    if answer.text.is_empty() && !answer.tool_calls.is_empty() {
        return Cow::Owned(Value::from(answer.tool_calls.clone()).to_string());
    }
    Cow::Borrowed(&answer.text)
}
