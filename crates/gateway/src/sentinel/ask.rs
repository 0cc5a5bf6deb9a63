//! One round: every prompt, one after the other.

use std::sync::Arc;

use bytes::Bytes;
use tieline_dialect::{
    Losses, dialect,
    ir::{Ask, Content, Finish, Message, Reply, Role, Tool},
};
use tieline_gate::sentinel::{Look, Prompt, PromptSet, Round, Said, Want};
use tieline_route::{Demand, Feature, worst};
use tieline_types::{Class, CostState, Fault, Pass, Replay, UsdPico};
use tokio::time::Instant;

use super::PROMPT_TIMEOUT;
use crate::{
    admit::Call, attempt::Reached, held::Held, listen::Worker, own::Own, plan::ActivePlan,
    record::CallKind, trace::Trace,
};

/// The most tokens of an answer: short answers need a few, and models that think first need room.
const OUTPUT_TOKENS_MAX: u64 = 1_024;

/// All that asking one deployment takes.
pub(super) struct Asking {
    pub(super) worker: Arc<Worker>,
    pub(super) plan: Arc<ActivePlan>,
    pub(super) feature: Arc<Feature>,
    pub(super) pass: Pass,
    pub(super) set: Arc<PromptSet>,
}

impl Asking {
    /// Asks every prompt. Where the deployment takes no more requests, or there is no more to
    /// spend, the rest is missing.
    pub(super) async fn round(&self) -> Round {
        let mut looks: Vec<Option<Look>> = Vec::with_capacity(self.set.prompts.len());
        for prompt in &self.set.prompts {
            if self.worker.gateway.is_draining() {
                break;
            }
            match self.answer(prompt).await {
                Some(said) => looks.push(said.map(|said| prompt.look(&said))),
                None => break,
            }
        }
        looks.resize(self.set.prompts.len(), None);
        Round::of(&self.set, &looks)
    }

    /// What comes back to a prompt, nothing where that is a fault; none where it is not asked.
    async fn answer(&self, prompt: &Prompt) -> Option<Option<Said>> {
        let gateway = &self.worker.gateway;
        let (ask, body) = self.written(prompt)?;
        let route = self.plan.route(self.pass)?;
        let call = Call::own(
            Arc::clone(&self.plan),
            Arc::clone(&self.feature),
            route.dialect,
            body,
            Trace::of(&http::HeaderMap::new(), &mut gateway.rng()),
            Instant::now() + PROMPT_TIMEOUT,
        );
        let output = ask.max_output_tokens.unwrap_or_default();
        let demand = Demand { output, ..call.demand() };
        let most = self.most(demand);
        let may_spend = self.plan.config.sentinels.as_ref()?.max_usd_per_day;
        let unix_ms = gateway.unix_ms();
        if !gateway.sentinels.reserve(unix_ms, most, may_spend) {
            tracing::debug!("sentinels have spent what they may today");
            return None;
        }
        let spend = |cost: UsdPico| {
            gateway.sentinels.spend(gateway.ledger.as_ref(), unix_ms, (most, cost));
        };
        let leased = self.plan.live.examine(self.pass, &self.feature, gateway.now(), demand);
        let Ok(lease) = leased else {
            spend(UsdPico::ZERO);
            return None;
        };
        let own = Own {
            worker: Arc::clone(&self.worker),
            call: Arc::new(call),
            pass: self.pass,
            held: Held::new(gateway, &self.plan, lease),
            kind: CallKind::Sentinel,
            keep: true,
        };
        let Some(sent) = own.send().await else {
            spend(UsdPico::ZERO);
            return None;
        };
        let settled = sent.settle();
        spend(self.cost(&settled, most));
        Some(said(settled))
    }

    /// A prompt in the words of the deployment's dialect.
    fn written(&self, prompt: &Prompt) -> Option<(Ask, Bytes)> {
        let route = self.plan.route(self.pass)?;
        let ask = ask(prompt)?;
        let mut losses = Losses::default();
        let body = dialect(route.dialect).write_request(&ask, &route.target, &mut losses).ok()?;
        Some((ask, body.into()))
    }

    /// What a prompt may cost at most; nothing where nobody knows a price.
    fn most(&self, demand: Demand) -> UsdPico {
        let tariff = self.plan.tariff(self.pass.deployment());
        let rates = tariff.as_ref().and_then(|tariff| tariff.standard());
        rates.and_then(|rates| worst(rates, demand)).unwrap_or(UsdPico::ZERO)
    }

    /// What it has cost: all that was reserved where that cannot be told.
    fn cost(&self, settled: &Result<Reached, Fault>, most: UsdPico) -> UsdPico {
        let served = match settled {
            Ok(reached) => reached.served(),
            Err(Fault { replay: Replay::NotSent | Replay::Refused, .. }) => return UsdPico::ZERO,
            Err(_) => return most,
        };
        let tariff = self.plan.tariff(self.pass.deployment());
        let cost = tariff.zip(served.usage).map(|(tariff, usage)| {
            let cost = tariff.cost(served.service_tier.as_ref(), &usage);
            match cost.state {
                CostState::Priced | CostState::Estimated => cost.usd,
                CostState::Partial | CostState::Unpriced => cost.usd.max(most),
            }
        });
        cost.unwrap_or(most)
    }
}

/// A prompt as a request; none where its tool cannot be written.
fn ask(prompt: &Prompt) -> Option<Ask> {
    let tools = match &prompt.want {
        Want::Tool(tool) => vec![Tool {
            name: tool.name.clone(),
            description: Some(tool.description.clone()),
            parameters: Some(serde_json::value::to_raw_value(&tool.parameters).ok()?),
            strict: None,
            cache: None,
        }],
        _ => Vec::new(),
    };
    let text = Content::Text(prompt.ask.clone());
    Some(Ask {
        messages: vec![Message { role: Role::User, blocks: vec![text.into()] }],
        tools,
        max_output_tokens: Some(OUTPUT_TOKENS_MAX),
        ..Ask::default()
    })
}

/// What was said. An answer with nothing in it and one that a filter kept back are answers here;
/// any other fault says nothing of what would have been said.
fn said(settled: Result<Reached, Fault>) -> Option<Said> {
    match settled {
        Ok(Reached::Whole { reply: Some(reply), .. }) => Some(read(*reply)),
        Ok(_) => None,
        Err(fault) => match fault.class {
            Class::Empty => Some(Said::default()),
            Class::PolicyBlock => Some(Said { refused: true, ..Said::default() }),
            _ => None,
        },
    }
}

fn read(reply: Reply) -> Said {
    let mut said = Said {
        refused: matches!(reply.finish, Finish::Refusal | Finish::ContentFilter),
        output_tokens: reply.usage.map(|usage| usage.output_total()),
        model: Some(reply.model).filter(|model| !model.is_empty()),
        ..Said::default()
    };
    for block in reply.blocks {
        match block {
            Content::Text(text) => said.text.push_str(&text),
            Content::Refusal(text) => {
                said.refused = true;
                said.text.push_str(&text);
            }
            Content::ToolCall(call) => said.calls.push((call.name, call.arguments)),
            _ => {}
        }
    }
    said
}
