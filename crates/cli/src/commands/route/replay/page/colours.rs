//! One colour for whatever answers, the same in all pictures of a page.

use std::{collections::HashMap, sync::Arc};

use tieline_gateway::replay::{Answers, Replay};

/// How many colours the style sheet has; with more deployments they come again.
const COLOURS: usize = 8;
/// What is no answer has a colour of its own.
const NONE: [&str; 4] = ["refused by policy", "nobody", "no budget left", "no such feature"];

/// Names of classes in the style sheet.
pub(super) struct Colours(HashMap<Arc<str>, String>);

impl Colours {
    pub(super) fn of_all(found: &Replay) -> Self {
        let answers = found.total.answers.iter().filter(|one| !NONE.contains(&&*one.by));
        let coloured = |(at, one): (usize, &Answers)| {
            (Arc::clone(&one.by), format!("colour-{}", at % COLOURS))
        };
        Self(answers.enumerate().map(coloured).collect())
    }

    pub(super) fn of(&self, by: &str) -> &str {
        self.0.get(by).map_or("colour-none", String::as_str)
    }
}
