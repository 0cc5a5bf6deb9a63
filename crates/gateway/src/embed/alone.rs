//! Vectors for whoever asks for nothing else: the eval harness, within its own process.

use std::sync::Arc;

use http::HeaderMap;
use tieline_policy::Asked;
use tieline_route::Feature;
use tieline_types::{CallRecord, Class, Cost, DialectId, Fault, Modalities, Pass, Usage};

use super::{Books, Embedding, Errand};
use crate::{
    admit::{Caller, known_caller, who},
    cache::Vector,
    gateway::Gateway,
    listen::Worker,
    plan::ActivePlan,
    record::Record,
    trace::Trace,
};

/// A text's place in the space of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// The place, as a vector of length 1.
    pub vector: Vec<f32>,
    /// What it cost; none where nobody counted.
    pub cost: Option<Cost>,
}

impl Worker {
    /// Asks a deployment of a feature for the vector of a text, under the feature's policy and
    /// within its deadline, as the gateway's local caller. It goes on record as a request does.
    ///
    /// # Errors
    /// Why there is none; `policy_denied` where policy keeps the feature from the deployment.
    pub async fn embed(
        self: &Arc<Self>,
        feature: &str,
        deployment: &str,
        text: &str,
    ) -> Result<Embedded, Fault> {
        let gateway = &self.gateway;
        let mut rng = gateway.rng();
        let id = gateway.request_id(&mut rng);
        let trace = Trace::of(&HeaderMap::new(), &mut rng);
        let mut headers = HeaderMap::new();
        trace.put(&mut headers, &mut rng);
        let mut record = Record::open(gateway, id, DialectId::OpenaiChat);
        record.note(|call| {
            call.caller = gateway.local.into();
            deployment.clone_into(&mut call.model_asked);
            call.trace_id = Some(trace.id);
        });
        match self.vector_of((feature, deployment, text), headers, &mut record).await {
            Ok((vector, usage)) => {
                let cost = record.call().and_then(CallRecord::cost);
                record.note(|call| call.deployment = Some(deployment.into()));
                record.served(true, usage);
                Ok(Embedded { vector: vector.into_numbers(), cost })
            }
            Err(fault) => {
                let status = fault.class.status();
                record.failed(&fault, status, None);
                Err(fault)
            }
        }
    }

    async fn vector_of(
        self: &Arc<Self>,
        (feature, deployment, text): (&str, &str, &str),
        headers: HeaderMap,
        record: &mut Record,
    ) -> Result<(Vector, Option<Usage>), Fault> {
        let gateway = &self.gateway;
        let plan = gateway.plan();
        let Some(feature) = plan.plan.features.get(feature).map(Arc::clone) else {
            return Err(Fault::new(Class::NotFound, format!("there is no feature `{feature}`")));
        };
        record.note(|call| call.feature = Arc::clone(&feature.name));
        let caller = known_caller(gateway, gateway.local)
            .ok_or_else(|| Fault::new(Class::CallerAuth, "the gateway wants a key"))?;
        let pass = pass(gateway, &plan, &feature, &caller, deployment)?;
        let embedding = Embedding {
            who: who(&feature, &caller),
            passes: vec![pass],
            budgets: plan.plan.paying(&feature, caller.name()),
            text: text.to_owned(),
            plan,
            feature,
        };
        let allowed = embedding.feature.deadline;
        let until = record.arrived() + allowed;
        let errand = Errand { gateway, upstream: &self.upstream, headers, until };
        embedding.ask(pass, &errand, allowed, &mut Books::alone(record)).await
    }
}

/// The right to send a text of a feature to a deployment.
fn pass(
    gateway: &Gateway,
    plan: &ActivePlan,
    feature: &Feature,
    caller: &Caller,
    deployment: &str,
) -> Result<Pass, Fault> {
    let at = plan.plan.deployments.iter().position(|known| *known.id == *deployment);
    let Some(at) = at else {
        return Err(Fault::new(Class::NotFound, format!("there is no deployment `{deployment}`")));
    };
    let asked = Asked { caller: caller.asked(), tags: &[], modalities: Modalities::NONE };
    let ruling = plan.matrix.allowed(&feature.name, asked, gateway.unix_ms());
    ruling.eligible.allowed(at).ok_or_else(|| {
        let rules = ruling.rules(at).map_or("it is in no tier of the feature", |rules| &**rules);
        let message = format!("policy keeps `{}` from {deployment}: {rules}", feature.name);
        Fault::new(Class::PolicyDenied, message)
    })
}
