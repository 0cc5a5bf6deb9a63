//! What a translation could not carry, said out loud.

use std::fmt;

use tieline_types::Fault;

use crate::ir::Foreign;

/// What was done about a field that the target dialect lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Left out.
    Drop,
    /// Replaced by the nearest thing the target has.
    Downgrade,
    /// Brought about by other means, e.g. an instruction in the prompt.
    Emulate,
    /// Fetched and sent as bytes instead of an address.
    Inline,
}

/// One thing lost or changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// What was done.
    pub action: Action,
    /// The field, in the client dialect's words, without array positions.
    pub field: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Drop => "drop",
            Action::Downgrade => "downgrade",
            Action::Emulate => "emulate",
            Action::Inline => "inline",
        };
        write!(f, "{action}:{}", self.field)
    }
}

/// All losses of one translation, each kind once, at most [`Losses::MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(Vec<Loss>);

impl Losses {
    /// The most losses kept; a request with more is not worth naming them all.
    pub const MAX: usize = 64;

    /// Notes that `field` was dropped.
    pub fn drop(&mut self, field: impl Into<String>) {
        self.note(Action::Drop, field);
    }

    /// Notes that `field` became the nearest thing the target has.
    pub fn downgrade(&mut self, field: impl Into<String>) {
        self.note(Action::Downgrade, field);
    }

    /// Notes that `field` is brought about by other means.
    pub fn emulate(&mut self, field: impl Into<String>) {
        self.note(Action::Emulate, field);
    }

    /// Notes that what stood at `path` was dropped, whatever its place in an array.
    pub(crate) fn drop_path(&mut self, path: &str) {
        self.drop(without_positions(path));
    }

    /// Leaves out the fields that no other dialect has.
    ///
    /// # Errors
    /// `unsupported_here` at the first one that a caller relies on.
    pub(crate) fn leave_out(&mut self, fields: &[Foreign]) -> Result<(), Fault> {
        for field in fields {
            if field.refuse {
                let message = format!("`{}` cannot be carried to this deployment", field.path);
                return Err(Fault::unsupported(&field.path, message));
            }
            self.drop_path(&field.path);
        }
        Ok(())
    }

    /// Notes of each field that was given that it was dropped.
    pub(crate) fn drop_given(&mut self, fields: &[(&str, bool)]) {
        for (field, _) in fields.iter().filter(|(_, given)| *given) {
            self.drop(*field);
        }
    }

    /// Notes a loss once.
    pub fn note(&mut self, action: Action, field: impl Into<String>) {
        let loss = Loss { action, field: field.into() };
        if self.0.len() < Self::MAX && !self.0.contains(&loss) {
            self.0.push(loss);
        }
    }

    /// Whether nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The losses in the order they were noted.
    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.0.iter()
    }
}

impl fmt::Display for Losses {
    /// The value of `x-tieline-loss`: `drop:logit_bias, downgrade:reasoning_effort`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, loss) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{loss}")?;
        }
        Ok(())
    }
}

/// A path without array positions: `messages[0].name` becomes `messages.name`.
fn without_positions(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(path: &str, refuse: bool) -> Foreign {
        Foreign { path: path.to_owned(), refuse }
    }

    #[test]
    fn losses_name_fields_without_positions_and_once() {
        let mut losses = Losses::default();
        let paths = ["n", "messages[0].name", "messages[1].name", "tools[3]", "a[0].b[12].c"];
        losses.leave_out(&paths.map(|path| field(path, false))).unwrap();
        assert_eq!(losses.to_string(), "drop:n, drop:messages.name, drop:tools, drop:a.b.c");
    }

    #[test]
    fn what_a_caller_relies_on_is_refused_by_name() {
        let fields = [field("seed", false), field("messages[0].guardrails", true)];
        let fault = Losses::default().leave_out(&fields).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("messages[0].guardrails"));
        assert_eq!(fault.class, tieline_types::Class::UnsupportedHere);
    }

    #[test]
    fn at_most_so_many_are_kept() {
        let mut losses = Losses::default();
        (0..1000).for_each(|at| losses.drop(at.to_string()));
        assert_eq!(losses.iter().count(), Losses::MAX);
    }
}
