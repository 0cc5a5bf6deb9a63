//! The `cache` tier: what is kept of good answers, and how it is found again.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderMap;
use tieline_dialect::ir::Reply;
use tieline_route::{Mode, Tier};
use tokio::time::Instant;

use crate::{
    admit::Call,
    cache::{Question, Vector},
    embed::{Books, Embedder, Embedding, Errand, Job},
    gateway::Gateway,
    listen::Worker,
    record::Record,
};

/// The longest that a request waits for the vector of its text.
const PATIENCE: Duration = Duration::from_secs(2);

/// How an earlier answer was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hit {
    /// By the same question.
    Exact,
    /// By a similar one, this near.
    Similar(f32),
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Similar(score) => write!(f, "similar; score={score:.3}"),
        }
    }
}

/// Keeps a good answer. Its vector is made afterwards, so that nobody waits for it.
pub(crate) fn keep(gateway: &Arc<Gateway>, call: &Call, reply: Reply) {
    let Some(Question { exact, wording }) = Question::of(call) else {
        return;
    };
    gateway.cache.put(exact, gateway.now(), reply);
    if let (Some(wording), Some(similar)) = (wording, call.similar())
        && gateway.cache.wants_vector(&exact, &wording.alike)
    {
        let embedding = Embedding::of(call, similar, wording.text);
        Embedder::offer(gateway, Job { exact, alike: wording.alike, embedding });
    }
}

/// An earlier answer to the same request, else to one that asked nearly the same.
pub(crate) async fn recall(
    worker: &Worker,
    call: &Call,
    tier: &Tier,
    record: &mut Record,
) -> Option<(Arc<Reply>, Hit)> {
    let Mode::Cache { max_age, similar } = &tier.mode else {
        return None;
    };
    let gateway = &worker.gateway;
    let question = Question::of(call)?;
    if let Some(reply) = gateway.cache.get(&question.exact, gateway.now(), *max_age) {
        return Some((reply, Hit::Exact));
    }
    let (similar, wording) = (similar.as_ref()?, question.wording?);
    // That there is nothing to compare with is known without asking anybody.
    if !gateway.cache.has_neighbours(&wording.alike, gateway.now(), *max_age) {
        return None;
    }
    let embedding = Embedding::of(call, similar, wording.text);
    let asked = embed(worker, call, tier, &embedding, record).await?;
    let now = gateway.now();
    let (score, reply) = gateway.cache.nearest(&wording.alike, &asked, now, *max_age)?;
    (f64::from(score) >= similar.min_score).then_some((reply, Hit::Similar(score)))
}

async fn embed(
    worker: &Worker,
    call: &Call,
    tier: &Tier,
    embedding: &Embedding,
    record: &mut Record,
) -> Option<Vector> {
    let mut headers = HeaderMap::new();
    call.trace.put(&mut headers, &mut worker.gateway.rng());
    let now = Instant::now();
    // The tiers below need time too.
    let share = call.deadline.saturating_duration_since(now) / 2;
    let patience = PATIENCE.min(share).min(tier.deadline.unwrap_or(PATIENCE));
    let errand = Errand {
        gateway: &worker.gateway,
        upstream: &worker.upstream,
        headers,
        until: now + patience,
    };
    embedding.vector(&errand, &mut Books::of_request(record, tier)).await
}
