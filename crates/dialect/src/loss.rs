//! What a translation could not carry, said out loud.

use std::fmt;

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
