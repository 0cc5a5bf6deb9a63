//! What of a request policies look at: whatever they do not, need not be found out.

use std::ops::BitOrAssign;

use cedar_policy::Policy;
use serde_json::Value;

use crate::asked::{Asked, Caller};

/// The parts of a request that policies look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    /// Who calls.
    pub(crate) caller: bool,
    /// What is known of who calls beside the id.
    pub(crate) attributes: bool,
    /// What the client says of the request.
    pub(crate) tags: bool,
    /// What it carries beside text.
    pub(crate) modalities: bool,
}

impl Looks {
    const NOTHING: Self = Self { caller: false, attributes: false, tags: false, modalities: false };
    const EVERYTHING: Self = Self { caller: true, attributes: true, tags: true, modalities: true };
    const CALLER: Self = Self { caller: true, ..Self::NOTHING };
    const ATTRIBUTES: Self = Self { attributes: true, ..Self::CALLER };
    const TAGS: Self = Self { tags: true, ..Self::NOTHING };
    const MODALITIES: Self = Self { modalities: true, ..Self::NOTHING };
    /// What the whole context tells of a request.
    const CONTEXT: Self = Self { tags: true, ..Self::MODALITIES };

    /// What a policy looks at; everything where that cannot be told.
    pub(crate) fn of(policy: &Policy) -> Self {
        let Ok(json) = policy.to_json() else {
            return Self::EVERYTHING;
        };
        let scope = json.pointer("/principal/op").and_then(Value::as_str);
        let mut looks = if scope == Some("All") { Self::NOTHING } else { Self::CALLER };
        looks |= json.get("conditions").map_or(Self::NOTHING, Self::of_expression);
        looks
    }

    /// What an expression in Cedar's JSON form looks at.
    pub(crate) fn of_expression(expression: &Value) -> Self {
        let mut looks = Self::NOTHING;
        match expression {
            Value::Array(items) => items.iter().for_each(|item| looks |= Self::of_expression(item)),
            Value::Object(entries) => entries.iter().for_each(|(key, value)| {
                looks |= match (key.as_str(), value.pointer("/left/Var").and_then(Value::as_str)) {
                    ("." | "has", Some(variable)) => Self::of_attribute(variable, value),
                    ("Var", _) => Self::of_variable(value),
                    _ => Self::of_expression(value),
                };
            }),
            _ => {}
        }
        looks
    }

    fn of_variable(variable: &Value) -> Self {
        match variable.as_str() {
            Some("principal") => Self::CALLER,
            Some("context") => Self::CONTEXT,
            _ => Self::NOTHING,
        }
    }

    fn of_attribute(variable: &str, access: &Value) -> Self {
        match (variable, access.get("attr").and_then(Value::as_str)) {
            ("principal", Some("id")) => Self::CALLER,
            ("principal", _) => Self::ATTRIBUTES,
            ("context", Some("tags")) => Self::TAGS,
            ("context", Some("modalities")) => Self::MODALITIES,
            ("context", None) => Self::CONTEXT,
            _ => Self::NOTHING,
        }
    }

    pub(crate) fn at_request(self) -> bool {
        self != Self::NOTHING
    }

    /// As much of a request as is looked at: requests that differ in nothing else have one answer.
    pub(crate) fn part_of(self, asked: Asked<'_>) -> Asked<'_> {
        let caller = match self {
            Self { attributes: true, .. } => asked.caller,
            Self { caller: true, .. } => asked.caller.id.into(),
            _ => Caller::default(),
        };
        Asked {
            caller,
            tags: if self.tags { asked.tags } else { &[] },
            modalities: if self.modalities { asked.modalities } else { Default::default() },
        }
    }
}

impl BitOrAssign for Looks {
    fn bitor_assign(&mut self, other: Self) {
        self.caller |= other.caller;
        self.attributes |= other.attributes;
        self.tags |= other.tags;
        self.modalities |= other.modalities;
    }
}
