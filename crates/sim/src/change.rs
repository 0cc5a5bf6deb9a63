//! What faults make of a reply and of the pace it is sent at.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sha2::{Digest, Sha256};
use tieline_dialect::ir::{Content, Finish, Reply};

use crate::{Fault, Pace, prose, spread::scaled};

/// Tokens that belong into no answer here, as a broken sampler lets them in.
const FOREIGN: [&str; 6] = ["สวัส", "天地玄黄", "дожд", "ありがと", "שלום", "καλη"];

/// Changes a reply as the fault wants it; `seed` is the simulation's.
pub(crate) fn reply(reply: &mut Reply, fault: &Fault, seed: u64) {
    match fault {
        Fault::Empty => empty(reply),
        Fault::Model(name) => reply.model.clone_from(name),
        Fault::Fenced => each_text(reply, |text| format!("```json\n{text}\n```")),
        Fault::Say(text) => {
            reply.blocks = vec![Content::Text(text.clone())];
            reply.finish = Finish::Stop;
        }
        Fault::SilentShort(after) => shorten(reply, *after, Finish::Stop),
        Fault::ContentFilter { after: Some(after) } => {
            shorten(reply, *after, Finish::ContentFilter);
        }
        Fault::Garble(share) => each_text(reply, |text| garbled(text, *share, seed)),
        Fault::NoUsage => reply.usage = None,
        Fault::CacheMiss => {
            if let Some(usage) = &mut reply.usage {
                usage.input += std::mem::take(&mut usage.cache_read);
            }
        }
        _ => {}
    }
}

/// The pace of an answer that the fault slows down.
pub(crate) fn pace(pace: Pace, fault: &Fault) -> Pace {
    let Pace { first_token, per_token } = pace;
    match fault {
        Fault::SlowFirstToken(more) => {
            Pace { first_token: first_token.saturating_add(*more), per_token }
        }
        Fault::SlowFirstTokenBy(times) => {
            Pace { first_token: scaled(first_token, *times), per_token }
        }
        Fault::SlowTokens(times) => Pace { first_token, per_token: scaled(per_token, *times) },
        _ => pace,
    }
}

/// A complete reply that says nothing.
fn empty(reply: &mut Reply) {
    reply.blocks.clear();
    reply.finish = Finish::Stop;
    reply.stop_sequence = None;
    if let Some(usage) = &mut reply.usage {
        usage.output = 0;
        usage.reasoning = 0;
    }
}

/// Ends the text after so many tokens, for this reason. Calls of tools stay whole.
fn shorten(reply: &mut Reply, after: u64, finish: Finish) {
    let mut left = after;
    let mut dropped = 0;
    for block in &mut reply.blocks {
        if let Content::Text(text) = block {
            let kept = prose::cut(text, left).to_owned();
            left -= prose::tokens(&kept).min(left);
            dropped += prose::tokens(text) - prose::tokens(&kept);
            *text = kept;
        }
    }
    if reply.finish != Finish::ToolCalls {
        reply.finish = finish;
        reply.stop_sequence = None;
    }
    if let Some(usage) = &mut reply.usage {
        usage.output = usage.output.saturating_sub(dropped);
    }
}

fn each_text(reply: &mut Reply, change: impl Fn(&str) -> String) {
    for block in &mut reply.blocks {
        if let Content::Text(text) = block {
            *text = change(text);
        }
    }
}

/// The text with a share of its tokens replaced: the same ones for the same text.
fn garbled(text: &str, share: f64, seed: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(text);
    let mut rng = StdRng::from_seed(hash.finalize().into());
    let mut said = String::with_capacity(text.len());
    let mut chars = text.chars();
    loop {
        let token: String = chars.by_ref().take(prose::TOKEN_BYTES).collect();
        if token.is_empty() {
            return said;
        }
        let foreign = FOREIGN.choose(&mut rng).copied().unwrap_or_default();
        said.push_str(if rng.random::<f64>() < share { foreign } else { &token });
    }
}
