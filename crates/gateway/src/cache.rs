//! Answers kept for the `cache` tier: exact and similar, apart by caller and feature, bounded.

pub(crate) mod key;
mod question;
mod vector;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tieline_dialect::ir::{Content, Finish, Reply};

pub(crate) use key::Key;
pub(crate) use question::Question;
pub(crate) use vector::Vector;

/// The most bytes of answers and vectors kept in all.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest answer kept.
const ENTRY_BYTES_MAX: usize = 1024 * 1024;
/// Places in the order that renewed entries may leave behind before they are swept.
const ORDER_SLACK: usize = 64;
/// The most questions that one is compared with: those of one conversation but for the last text.
const NEIGHBOURS_MAX: usize = 1000;

struct Entry {
    at: Duration,
    bytes: usize,
    reply: Arc<Reply>,
    /// Among whose neighbours its vector is.
    placed: Option<Key>,
}

/// A question's vector, under its exact key.
type Neighbour = (Key, Arc<Vector>);

#[derive(Default)]
struct Kept {
    entries: HashMap<Key, Entry>,
    /// Keys, oldest first.
    order: VecDeque<(Key, Duration)>,
    /// Vectors of questions that differ in nothing but their wording, by what they have in common.
    neighbours: HashMap<Key, VecDeque<Neighbour>>,
    bytes: usize,
}

/// Earlier answers. One caller never sees another's.
#[derive(Default)]
pub(crate) struct AnswerCache {
    kept: Mutex<Kept>,
}

impl AnswerCache {
    /// The answer to the same question, if it is young enough.
    pub(crate) fn get(&self, exact: &Key, now: Duration, max_age: Duration) -> Option<Arc<Reply>> {
        self.lock().young(exact, now, max_age).map(|entry| Arc::clone(&entry.reply))
    }

    /// Keeps an answer, at the expense of the oldest ones.
    pub(crate) fn put(&self, exact: Key, now: Duration, reply: Reply) {
        let bytes = size_of_reply(&reply);
        if bytes > ENTRY_BYTES_MAX {
            return;
        }
        let mut kept = self.lock();
        kept.bytes += bytes;
        let before = kept.entries.remove(&exact);
        kept.bytes = kept.bytes.saturating_sub(before.as_ref().map_or(0, |before| before.bytes));
        let placed = before.and_then(|before| before.placed);
        kept.entries.insert(exact, Entry { at: now, bytes, reply: Arc::new(reply), placed });
        kept.order.push_back((exact, now));
        kept.shrink();
    }

    /// Whether a kept answer can be found by a similar question once it has its vector, and has not
    /// got it yet.
    pub(crate) fn wants_vector(&self, exact: &Key, alike: &Key) -> bool {
        let kept = self.lock();
        let entry = kept.entries.get(exact);
        entry.is_some_and(|entry| entry.placed != Some(*alike) && only_says(&entry.reply))
    }

    /// Gives a kept answer the vector of its question.
    pub(crate) fn place(&self, exact: &Key, alike: Key, vector: Vector) {
        let mut locked = self.lock();
        let kept = &mut *locked;
        let Some(entry) = kept.entries.get_mut(exact) else {
            return;
        };
        if let Some(before) = entry.placed.replace(alike) {
            kept.displace(exact, &before);
        }
        kept.bytes += vector.bytes();
        let neighbours = kept.neighbours.entry(alike).or_default();
        neighbours.push_back((*exact, Arc::new(vector)));
        if neighbours.len() > NEIGHBOURS_MAX
            && let Some((oldest, vector)) = neighbours.pop_front()
        {
            kept.bytes = kept.bytes.saturating_sub(vector.bytes());
            if let Some(entry) = kept.entries.get_mut(&oldest) {
                entry.placed = None;
            }
        }
        kept.shrink();
    }

    /// Whether a question has anything similar that is young enough to be compared with.
    pub(crate) fn has_neighbours(&self, alike: &Key, now: Duration, max_age: Duration) -> bool {
        self.lock().young_neighbours(alike, now, max_age).next().is_some()
    }

    /// The answer to the nearest question that is young enough, and how near that is.
    pub(crate) fn nearest(
        &self,
        alike: &Key,
        asked: &Vector,
        now: Duration,
        max_age: Duration,
    ) -> Option<(f32, Arc<Reply>)> {
        let neighbours: Vec<(Arc<Vector>, Arc<Reply>)> = self
            .lock()
            .young_neighbours(alike, now, max_age)
            .map(|(vector, entry)| (Arc::clone(vector), Arc::clone(&entry.reply)))
            .collect();
        // Comparing takes its time, so the others need not wait for it.
        neighbours
            .into_iter()
            .filter_map(|(vector, reply)| Some((asked.score(&vector)?, reply)))
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn young(&self, exact: &Key, now: Duration, max_age: Duration) -> Option<&Entry> {
        self.entries.get(exact).filter(|entry| now.saturating_sub(entry.at) <= max_age)
    }

    fn young_neighbours(
        &self,
        alike: &Key,
        now: Duration,
        max_age: Duration,
    ) -> impl Iterator<Item = (&Arc<Vector>, &Entry)> {
        let placed = self.neighbours.get(alike).into_iter().flatten();
        placed.filter_map(move |(exact, vector)| {
            let entry = self.young(exact, now, max_age)?;
            only_says(&entry.reply).then_some((vector, entry))
        })
    }

    /// Drops the oldest entries until the rest is within its bound.
    fn shrink(&mut self) {
        if self.order.len() > 2 * self.entries.len() + ORDER_SLACK {
            let Self { entries, order, .. } = self;
            order.retain(|(key, at)| entries.get(key).is_some_and(|entry| entry.at == *at));
        }
        while self.bytes > BYTES_MAX
            && let Some((oldest, at)) = self.order.pop_front()
        {
            // An entry that was renewed since stands again further back.
            if self.entries.get(&oldest).is_some_and(|entry| entry.at == at)
                && let Some(entry) = self.entries.remove(&oldest)
            {
                self.bytes = self.bytes.saturating_sub(entry.bytes);
                if let Some(alike) = entry.placed {
                    self.displace(&oldest, &alike);
                }
            }
        }
    }

    /// Drops the vector of a question.
    fn displace(&mut self, exact: &Key, alike: &Key) {
        let Some(neighbours) = self.neighbours.get_mut(alike) else {
            return;
        };
        if let Some(at) = neighbours.iter().position(|(key, _)| key == exact)
            && let Some((_, vector)) = neighbours.remove(at)
        {
            self.bytes = self.bytes.saturating_sub(vector.bytes());
        }
        if neighbours.is_empty() {
            self.neighbours.remove(alike);
        }
    }
}

/// Whether a reply is a complete text and no more. The arguments of a tool call come from the very
/// words of the question, and half a text or a refusal is no answer to give twice.
fn only_says(reply: &Reply) -> bool {
    let complete = matches!(reply.finish, Finish::Stop | Finish::StopSequence);
    let mut texts = reply.blocks.iter().filter(|block| !matches!(block, Content::Reasoning(_)));
    complete && texts.all(|block| matches!(block, Content::Text(_)))
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

#[cfg(test)]
mod tests;
