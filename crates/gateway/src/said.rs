//! What a stream said so far, for features whose texts are continued when it breaks.

use tieline_dialect::ir::{BlockOpen, Delta, Event};
use tieline_types::{Class, Fault};

use crate::seam::{Joined, Seam};

/// Shorter texts, in bytes, are not continued: nothing would tell a continuation from a new answer.
const SAID_BYTES_MIN: usize = 20;
/// Longer texts, in bytes, are not kept, and so not continued.
const SAID_BYTES_MAX: usize = 256 * 1024;
/// The number of the one block that a continued text has.
const BLOCK: usize = 0;

/// A text while it streams. It lives as long as its stream and is written nowhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// The reply's id, as the client knows it.
    id: String,
    /// The model that the client was told of.
    model: String,
    text: String,
    /// Something other than one open text was said, or too much of it.
    spoiled: bool,
}

impl Said {
    /// Takes note of what the client gets.
    pub(crate) fn take_in(&mut self, event: &Event) {
        match event {
            Event::Start { id, model } if self.text.is_empty() => {
                self.id.clone_from(id);
                self.model.clone_from(model);
            }
            Event::BlockStart { index: BLOCK, block: BlockOpen::Text } => {}
            Event::Delta { index: BLOCK, delta: Delta::Text(text) } => self.grow(text),
            Event::Start { .. }
            | Event::Usage(_)
            | Event::ServiceTier(_)
            | Event::Ping
            | Event::Error(_) => {}
            Event::BlockStart { .. }
            | Event::Delta { .. }
            | Event::BlockStop { .. }
            | Event::Finish { .. }
            | Event::End => self.spoil(),
        }
    }

    fn grow(&mut self, text: &str) {
        if self.spoiled {
            return;
        }
        if self.text.len() + text.len() > SAID_BYTES_MAX {
            return self.spoil();
        }
        self.text.push_str(text);
    }

    fn spoil(&mut self) {
        self.spoiled = true;
        self.text = String::new();
    }

    /// The text, where it can be continued.
    pub(crate) fn text(&self) -> Option<&str> {
        let whole = !self.spoiled && self.text.len() >= SAID_BYTES_MIN;
        whole.then_some(self.text.as_str())
    }

    /// The events that opened what the client has open.
    pub(crate) fn opening(&self) -> [Event; 3] {
        [
            Event::Start { id: self.id.clone(), model: self.model.clone() },
            Event::BlockStart { index: BLOCK, block: BlockOpen::Text },
            Event::Delta { index: BLOCK, delta: Delta::Text(self.text.clone()) },
        ]
    }
}

/// Turns the events of another reply into the rest of a text that is open.
#[derive(Debug)]
pub(crate) struct Splice {
    /// Until it is clear where the continuation begins.
    seam: Option<Seam>,
}

impl Splice {
    /// Behind what was said.
    pub(crate) fn behind(said: &Said) -> Self {
        Self { seam: Some(Seam::behind(&said.text)) }
    }

    /// Rewrites events as they came into events of the open text. Thoughts are left out; anything
    /// but text is a fault, as the client has a text open.
    pub(crate) fn rewrite(&mut self, events: &mut Vec<Event>) {
        for event in std::mem::take(events) {
            match event {
                Event::Delta { delta: Delta::Text(text), .. } => self.grow(&text, false, events),
                Event::BlockStart { block: BlockOpen::Text | BlockOpen::Reasoning, .. }
                | Event::Delta { delta: Delta::Reasoning(_) | Delta::State(_), .. }
                | Event::BlockStop { .. } => {}
                Event::BlockStart { .. } | Event::Delta { .. } => {
                    events.push(Event::Error(no_continuation("it did something else than write")));
                }
                Event::Finish { .. } => {
                    self.grow("", true, events);
                    events.push(Event::BlockStop { index: BLOCK });
                    events.push(event);
                }
                Event::Start { .. }
                | Event::Usage(_)
                | Event::ServiceTier(_)
                | Event::End
                | Event::Ping
                | Event::Error(_) => {
                    events.push(event);
                }
            }
        }
    }

    fn grow(&mut self, text: &str, last: bool, out: &mut Vec<Event>) {
        let text = match self.seam.as_mut().map(|seam| seam.join(text, last)) {
            None => text.to_owned(),
            Some(Joined::Held) => return,
            Some(Joined::Text(text)) => {
                self.seam = None;
                text
            }
            Some(Joined::Anew) => {
                return out.push(Event::Error(no_continuation("it began anew")));
            }
        };
        if !text.is_empty() {
            out.push(Event::Delta { index: BLOCK, delta: Delta::Text(text) });
        }
    }
}

/// The deployment does not do what its configuration says; that is no ill health.
fn no_continuation(why: &str) -> Fault {
    Fault::new(Class::UnsupportedHere, format!("the deployment did not continue the text: {why}"))
}
