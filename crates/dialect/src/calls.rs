//! Tool calls and their results: every call has one result, every result a call, and both have the
//! same id, which is unique in the conversation and within the dialect's alphabet.

use std::collections::BTreeSet;

use tieline_types::Fault;

use crate::{ir::ToolCall, json::bad_payload};

/// The ids that a dialect takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdRule {
    /// The most characters.
    pub(crate) chars_max: usize,
    /// Characters beside ASCII letters and digits; none stands for any character at all.
    pub(crate) marks: Option<&'static str>,
}

impl IdRule {
    fn takes(&self, id: &str) -> bool {
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || self.marks.is_none_or(|marks| marks.contains(c));
        (1..=self.chars_max).contains(&id.chars().count()) && id.chars().all(allowed)
    }
}

/// Gives every call of a conversation its id and finds it again for the call's result.
///
/// Clients and models reuse ids in later turns (`call_0`), and other dialects allow longer ones.
/// An id depends only on what stood before it, so that it stays the same in the next turn and a
/// cached prefix stays whole.
#[derive(Debug)]
pub(crate) struct Calls<'a> {
    rule: IdRule,
    used: BTreeSet<String>,
    open: Vec<Open<'a>>,
}

#[derive(Debug)]
struct Open<'a> {
    call: &'a ToolCall,
    id: String,
    answered: bool,
}

/// What a result answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// The call that was given this id.
    Call(String),
    /// A call that has its result already.
    Answered,
    /// No call of the turn before.
    Nothing,
}

impl<'a> Calls<'a> {
    /// No calls yet.
    pub(crate) const fn new(rule: IdRule) -> Self {
        Self { rule, used: BTreeSet::new(), open: Vec::new() }
    }

    /// The id for a call of the assistant turn being written; none when the turn holds the very
    /// same call already.
    pub(crate) fn open(&mut self, call: &'a ToolCall) -> Option<String> {
        if self.open.iter().any(|open| open.call == call) {
            return None;
        }
        let mut id = if self.rule.takes(&call.id) { call.id.clone() } else { hashed(&call.id) };
        let mut count = 1_u32;
        while !self.used.insert(id.clone()) {
            count += 1;
            id = hashed(&format!("{}#{count}", call.id));
        }
        self.open.push(Open { call, id: id.clone(), answered: false });
        Some(id)
    }

    /// Finds the call that a result with the client's id `call_id` answers.
    pub(crate) fn answer(&mut self, call_id: &str) -> Answers {
        let mut same = self.open.iter_mut().filter(|open| open.call.id == call_id).peekable();
        if same.peek().is_none() {
            return Answers::Nothing;
        }
        match same.find(|open| !open.answered) {
            Some(open) => {
                open.answered = true;
                Answers::Call(open.id.clone())
            }
            None => Answers::Answered,
        }
    }

    /// Ends the turn: the ids of the calls that nobody answered.
    pub(crate) fn close(&mut self) -> Vec<String> {
        self.open.drain(..).filter(|open| !open.answered).map(|open| open.id).collect()
    }
}

/// The name of the tool that a provider's reply calls.
///
/// # Errors
/// `bad_payload` where it has none: nobody could run such a call.
pub(crate) fn name_of(name: Option<&str>) -> Result<String, Fault> {
    let name = name.filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| bad_payload("a tool call names no tool"))
}

/// An id made of a stable hash (FNV-1a, 64 bits), the same on every machine and in every version.
fn hashed(id: &str) -> String {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("call_{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: IdRule = IdRule { chars_max: 64, marks: Some("_-") };

    fn call(id: &str, arguments: &str) -> ToolCall {
        ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into() }
    }

    #[test]
    fn ids_keep_to_the_rule() {
        for (id, kept) in [
            ("call_0-a", true),
            ("call.0", false),
            ("caf\u{e9}", false),
            ("", false),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
        ] {
            let made = call(id, "{}");
            let given = Calls::new(RULE).open(&made).unwrap();
            assert_eq!(given == id, kept, "{id}");
            assert!(RULE.takes(&given));
        }
        let any = IdRule { chars_max: 64, marks: None };
        assert_eq!(Calls::new(any).open(&call("a b\u{e9}", "")).as_deref(), Some("a b\u{e9}"));
    }

    #[test]
    fn calls_are_told_apart_and_found_again() {
        let (first, again, other) = (call("call_0", "1"), call("call_0", "1"), call("call_0", "2"));
        let mut calls = Calls::new(RULE);
        assert_eq!(calls.open(&first).as_deref(), Some("call_0"));
        assert_eq!(calls.open(&again), None, "the very same call");
        let second = calls.open(&other).unwrap();
        assert_ne!(second, "call_0");
        assert_eq!(calls.answer("call_0"), Answers::Call("call_0".into()));
        assert_eq!(calls.answer("call_0"), Answers::Call(second));
        assert_eq!(calls.answer("call_0"), Answers::Answered);
        assert_eq!(calls.answer("call_9"), Answers::Nothing);
        assert!(calls.close().is_empty());
        let reused = calls.open(&first).unwrap();
        assert_ne!(reused, "call_0", "a later turn gets an id of its own");
        assert_eq!(calls.close(), vec![reused]);
    }
}
