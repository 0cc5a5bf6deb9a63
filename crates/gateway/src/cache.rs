//! Answers kept for the `cache` tier: exact, apart by caller and feature, bounded.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tieline_dialect::ir::{Content, Reply};

use crate::admit::Call;

/// The most bytes of answers kept in all.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest answer kept.
const ENTRY_BYTES_MAX: usize = 1024 * 1024;
/// Places in the order that renewed entries may leave behind before they are swept.
const ORDER_SLACK: usize = 64;
/// Request fields that change how an answer is delivered, not what it says.
const DELIVERY: [&str; 3] = ["model", "stream", "stream_options"];

type Key = [u8; 32];

#[derive(Default)]
struct Kept {
    entries: HashMap<Key, (Duration, usize, Arc<Reply>)>,
    /// Keys, oldest first.
    order: VecDeque<(Key, Duration)>,
    bytes: usize,
}

/// Earlier answers. One caller never sees another's.
#[derive(Default)]
pub(crate) struct AnswerCache {
    kept: Mutex<Kept>,
}

impl AnswerCache {
    /// The answer to the same question by the same caller, if it is young enough.
    pub(crate) fn get(&self, call: &Call, now: Duration, max_age: Duration) -> Option<Arc<Reply>> {
        let key = key(call)?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, _, reply) = kept.entries.get(&key)?;
        (now.saturating_sub(*at) <= max_age).then(|| Arc::clone(reply))
    }

    /// Keeps an answer, at the expense of the oldest ones.
    pub(crate) fn put(&self, call: &Call, now: Duration, reply: Reply) {
        let size = size_of_reply(&reply);
        let Some(key) = key(call).filter(|_| size <= ENTRY_BYTES_MAX) else {
            return;
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += size;
        if let Some((_, before, _)) = kept.entries.insert(key, (now, size, Arc::new(reply))) {
            kept.bytes = kept.bytes.saturating_sub(before);
        }
        kept.order.push_back((key, now));
        if kept.order.len() > 2 * kept.entries.len() + ORDER_SLACK {
            let Kept { entries, order, .. } = &mut *kept;
            order.retain(|(key, at)| entries.get(key).is_some_and(|(kept_at, ..)| kept_at == at));
        }
        while kept.bytes > BYTES_MAX
            && let Some((oldest, at)) = kept.order.pop_front()
        {
            // An entry that was renewed since stands again further back.
            if kept.entries.get(&oldest).is_some_and(|(kept_at, ..)| *kept_at == at)
                && let Some((_, size, _)) = kept.entries.remove(&oldest)
            {
                kept.bytes = kept.bytes.saturating_sub(size);
            }
        }
    }
}

/// Caller, feature, dialect and the question itself, hashed.
fn key(call: &Call) -> Option<Key> {
    let mut question: Map<String, Value> = serde_json::from_slice(&call.body).ok()?;
    for field in DELIVERY {
        question.remove(field);
    }
    question.sort_keys();
    let mut hash = Sha256::new();
    for part in [&call.caller.id, &call.feature.name] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(call.dialect.as_str());
    hash.update(serde_json::to_vec(&question).ok()?);
    Some(hash.finalize().into())
}

fn size_of_reply(reply: &Reply) -> usize {
    let text = |content: &Content| match content {
        Content::Text(text) | Content::Refusal(text) => text.len(),
        Content::Reasoning(block) => {
            block.text.len() + block.state.as_ref().map_or(0, |state| state.payload.len())
        }
        Content::ToolCall(call) => call.id.len() + call.name.len() + call.arguments.len(),
        Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => 0,
    };
    size_of::<Reply>()
        + reply.blocks.iter().map(|block| size_of::<Content>() + text(block)).sum::<usize>()
}
