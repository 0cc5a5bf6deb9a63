//! Ids of tool calls: in Converse's alphabet, each once, and the same on call and result.

use std::collections::BTreeSet;

use crate::ir::ToolCall;

/// The longest id.
const ID_CHARS_MAX: usize = 64;

/// Gives every call of a conversation its id and finds it again for the call's result.
///
/// Clients and models reuse ids in later turns (`call_0`), and other dialects allow longer ones.
/// An id depends only on what stood before it, so that it stays the same in the next turn.
#[derive(Debug, Default)]
pub(super) struct Calls<'a> {
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
pub(super) enum Answers {
    /// The call that has this id in Converse.
    Call(String),
    /// A call that has its result already.
    Answered,
    /// No call of the turn before.
    Nothing,
}

impl<'a> Calls<'a> {
    /// The id for a call of the assistant turn being written; none when the turn holds the very
    /// same call already.
    pub(super) fn open(&mut self, call: &'a ToolCall) -> Option<String> {
        if self.open.iter().any(|open| open.call == call) {
            return None;
        }
        let mut id = if is_valid(&call.id) { call.id.clone() } else { hashed(&call.id) };
        let mut count = 1_u32;
        while !self.used.insert(id.clone()) {
            count += 1;
            id = hashed(&format!("{}#{count}", call.id));
        }
        self.open.push(Open { call, id: id.clone(), answered: false });
        Some(id)
    }

    /// Finds the call that a result with the client's id `call_id` answers.
    pub(super) fn answer(&mut self, call_id: &str) -> Answers {
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
    pub(super) fn close(&mut self) -> Vec<String> {
        self.open.drain(..).filter(|open| !open.answered).map(|open| open.id).collect()
    }
}

fn is_valid(id: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
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

    fn call(id: &str, arguments: &str) -> ToolCall {
        ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into() }
    }

    #[test]
    fn ids_are_kept_rewritten_and_told_apart() {
        let long = call(&"x".repeat(65), "{}");
        let (first, again, other) = (call("call_0", "1"), call("call_0", "1"), call("call_0", "2"));
        let mut calls = Calls::default();
        let rewritten = calls.open(&long).unwrap();
        assert!(is_valid(&rewritten));
        assert_eq!(calls.open(&first).as_deref(), Some("call_0"));
        assert_eq!(calls.open(&again), None, "the very same call");
        let second = calls.open(&other).unwrap();
        assert_ne!(second, "call_0");
        assert_eq!(calls.answer(&long.id), Answers::Call(rewritten));
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
