//! How good an answer to a user was, as far as that can be told without knowing the right one.

use std::sync::Arc;

use rand::Rng as _;
use serde_json::Value;
use tieline_dialect::{
    RawRequest, dialect,
    ir::{Ask, Content, Finish, Format, Reply, ToolCall},
};
use tieline_gate::release::{Outcome, Stage};
use tokio::{runtime::Handle, task::spawn_blocking};

use super::mirror;
use crate::{admit::Call, listen::Worker, record::Record, slos::Judged, standing::Answered};

/// An answer is complete: where a release of its tier is under way, that is an outcome, and the
/// request may be mirrored. Where it is of the sample for objectives, its quality counts.
pub(crate) fn answered(
    worker: &Arc<Worker>,
    call: &Arc<Call>,
    record: &Record,
    reply: Option<&Reply>,
) {
    // What a drill makes of a request says nothing of candidates.
    let watched = call.drilled.is_none() && call.plan.standings.watches(&call.feature.name);
    let graded = call.is_graded().then(|| record.call().cloned()).flatten();
    if !watched && graded.is_none() {
        return;
    }
    let Some((tier, deployment)) = record.call().and_then(|call| {
        Some((Arc::clone(call.tier.as_ref()?), Arc::clone(call.deployment.as_ref()?)))
    }) else {
        return;
    };
    // Graders may take their time, and nobody is to wait for them.
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let (worker, call, reply) = (Arc::clone(worker), Arc::clone(call), reply.cloned());
    runtime.spawn(async move {
        let looked = {
            let (worker, call, tier) = (Arc::clone(&worker), Arc::clone(&call), Arc::clone(&tier));
            spawn_blocking(move || reply.map(|reply| quality(&worker, &call, &tier, &reply)))
        };
        let quality = looked.await.ok().flatten();
        if let (Some(record), Some(quality)) = (graded, quality) {
            worker.gateway.judge(&record, Judged::Graded(quality), &call.drill());
        }
        if !watched {
            return;
        }
        let outcome = Outcome::Answered(quality);
        tell(&worker, &call, (&tier, &deployment), outcome);
    });
}

/// Tells the releases of a tier what came of a request there, and mirrors it.
fn tell(worker: &Arc<Worker>, call: &Call, (tier, deployment): (&str, &str), outcome: Outcome) {
    let (releases, feature) = (&worker.gateway.releases, &*call.feature.name);
    if let Some(mirrored) = &call.mirrored {
        releases.paired(&mirrored.release, outcome, mirrored.incumbent);
        return;
    }
    releases.saw((feature, tier), deployment, outcome);
    if let Some((release, candidate, share)) = releases.shadow(feature, tier)
        && candidate != *deployment
        && worker.gateway.rng().random::<f64>() < share
    {
        mirror::mirror(worker, call, (tier, &candidate), release, outcome);
    }
}

impl super::Releases {
    /// The release whose candidate answers a tier's requests unseen: its id, the candidate, and the
    /// share of the requests.
    fn shadow(&self, feature: &str, tier: &str) -> Option<(String, String, f64)> {
        let kept = self.lock();
        let mut all = kept.all.iter();
        let shadow =
            all.find(|one| one.is_of(feature, tier) && one.progress.stage() == Stage::Shadow)?;
        let share = shadow.progress.settings().shadow_share;
        Some((shadow.id.clone(), shadow.candidate.clone(), share))
    }
}

/// From 0 to 1: 0 where the answer is not what was asked for in form, else what the feature's suite
/// says that needs neither the case nor a judge, else 1.
fn quality(worker: &Worker, call: &Call, tier: &str, reply: &Reply) -> f64 {
    let raw = RawRequest { body: &call.body, path_model: None, path_stream: false };
    let ask = dialect(call.dialect).read_request(&raw).ok();
    if !is_sound(ask.as_ref(), reply) {
        return 0.0;
    }
    let feature = call.plan.config.feature(&call.feature.name);
    let tier = feature.and_then(|feature| feature.tiers.iter().find(|one| one.name == tier));
    let suite = tier.and_then(|tier| tier.evals.as_ref()).map(|evals| &evals.suite);
    let graded = suite.zip(worker.gateway.harness.as_deref()).and_then(|(suite, harness)| {
        let (text, calls) = (text(reply), calls(reply));
        let calls: Vec<(&str, &str)> =
            calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
        let answer = Answered {
            text: &text,
            tool_calls: &calls,
            finish_reason: reply.finish.as_openai(),
            model: &reply.model,
        };
        harness.grade(suite, &answer)
    });
    graded.unwrap_or(1.0)
}

/// Whether an answer has the form that was asked for: it says something, it is whole, it does not
/// refuse, it is JSON where JSON is wanted, and it calls only tools that there are.
fn is_sound(ask: Option<&Ask>, reply: &Reply) -> bool {
    let refuses = reply.blocks.iter().any(|block| matches!(block, Content::Refusal(_)));
    let cut = matches!(
        reply.finish,
        Finish::Length | Finish::ContextFull | Finish::ContentFilter | Finish::Refusal
    );
    let (text, calls) = (text(reply), calls(reply));
    if refuses || cut || (text.trim().is_empty() && calls.is_empty()) {
        return false;
    }
    let Some(ask) = ask else {
        return true;
    };
    let known = |call: &&ToolCall| {
        ask.tools.iter().any(|tool| tool.name == call.name)
            && serde_json::from_str::<Value>(&call.arguments).is_ok_and(|value| value.is_object())
    };
    let formed = match &ask.format {
        Some(Format::JsonObject | Format::JsonSchema { .. }) if calls.is_empty() => {
            serde_json::from_str::<Value>(&text).is_ok()
        }
        _ => true,
    };
    formed && calls.iter().all(known)
}

/// All that an answer says.
fn text(reply: &Reply) -> String {
    let texts = reply.blocks.iter().filter_map(|block| match block {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn calls(reply: &Reply) -> Vec<&ToolCall> {
    let calls = reply.blocks.iter().filter_map(|block| match block {
        Content::ToolCall(call) => Some(call),
        _ => None,
    });
    calls.collect()
}
