//! Stop 3: credential to caller, body to head, head to feature.

use std::{hash::BuildHasher as _, sync::Arc, time::Duration};

use bytes::Bytes;
use foldhash::quality::FixedState;
use http::{HeaderMap, HeaderName, header::AUTHORIZATION, request};
use hyper::body::Incoming;
use rand::rngs::SmallRng;
use tieline_dialect::{Head, modalities, output_limit};
use tieline_ledger::KeyInfo;
use tieline_policy::{Asked, Ruling};
use tieline_route::{Ask, Decision, Demand, Feature, Live, Mode, OnBreak, Similar, Who, decide};
use tieline_types::{Class, DecisionRecord, DialectId, Fault, Modalities, OWN_CALLER, Pass};
use tokio::time::Instant;

use crate::{
    body,
    conversation::session,
    decision::in_drill,
    drills::{self, DrillToken, Drilled},
    gateway::Gateway,
    headers,
    limits::Admission,
    plan::ActivePlan,
    record::Record,
    release::Mirrored,
    slos::Drill,
    tags::tags,
    trace::Trace,
};

/// Bytes of a request per token, roughly.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;
/// Where Anthropic's SDKs put the key.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Where Azure's SDKs put the key.
const API_KEY: HeaderName = HeaderName::from_static("api-key");
/// Client headers that a same-dialect provider gets to see. Everything else stays here.
const PASSED_ON: [HeaderName; 3] = [
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
];

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The id that records show and that caches are kept apart by.
    pub(crate) id: Arc<str>,
    key: Option<Arc<KeyInfo>>,
}

impl Caller {
    /// Tieline itself, under this name.
    pub(crate) fn named(name: &str) -> Self {
        Self { id: name.into(), key: None }
    }

    /// Who it is, whichever of its keys it uses: the name that they were made under.
    pub(crate) fn name(&self) -> &str {
        self.key.as_ref().map_or(&self.id, |key| &key.name)
    }

    /// The same as policies see it.
    pub(crate) fn asked(&self) -> tieline_policy::Caller<'_> {
        let key = self.key.as_deref();
        tieline_policy::Caller {
            id: &self.id,
            name: Some(self.name()),
            features: key.and_then(|key| key.features.as_deref()),
            default_feature: key.and_then(|key| key.default_feature.as_deref()),
        }
    }

    /// Whether it may use a feature.
    pub(crate) fn allows(&self, feature: &str) -> bool {
        self.key.as_ref().is_none_or(|key| key.allows(feature))
    }
}

/// An admitted request for model output.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) dialect: DialectId,
    pub(crate) plan: Arc<ActivePlan>,
    pub(crate) caller: Caller,
    pub(crate) feature: Arc<Feature>,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    /// Headers of the client's dialect for a provider of the same dialect.
    pub(crate) passed_on: HeaderMap,
    pub(crate) trace: Trace,
    /// When the whole request must be over.
    pub(crate) deadline: Instant,
    /// The caller gave it less time than the feature does: that it ran out says nothing of anybody.
    pub(crate) hurried: bool,
    /// The client takes a stream that begins again, where the feature does that.
    pub(crate) takes_restarts: bool,
    /// Whose requests of what, for telling storms from mistakes.
    pub(crate) who: Who,
    /// A number for the conversation, where the client names it.
    pub(crate) session: Option<u64>,
    /// The budgets that pay for it, by position in the plan.
    pub(crate) budgets: Vec<usize>,
    /// The most tokens of output that it allows; read only where a budget pays.
    pub(crate) output_limit: Option<u64>,
    /// What the client says of the request, `key=value` each. Nobody has checked it.
    pub(crate) tags: Vec<String>,
    /// Where policy lets it go.
    pub(crate) ruling: Arc<Ruling>,
    /// What it is compared with, where it is a copy for a release's candidate.
    pub(crate) mirrored: Option<Mirrored>,
    /// The drill that it asks to be part of, until it is.
    pub(crate) token: Option<Box<DrillToken>>,
    /// The drill that it is part of.
    pub(crate) drilled: Option<Arc<Drilled>>,
}

impl Call {
    /// A request of Tieline's own, in the dialect of the provider that it is for.
    pub(crate) fn own(
        plan: Arc<ActivePlan>,
        feature: Arc<Feature>,
        dialect: DialectId,
        body: Bytes,
        trace: Trace,
        deadline: Instant,
    ) -> Self {
        let caller = Caller::named(OWN_CALLER);
        let who = Who { feature: hashed(&feature.name), caller: hashed(&caller.id) };
        Self {
            dialect,
            plan,
            caller,
            feature,
            head: Head::default(),
            body,
            passed_on: HeaderMap::new(),
            trace,
            deadline,
            hurried: false,
            takes_restarts: false,
            who,
            session: None,
            budgets: Vec::new(),
            output_limit: None,
            tags: Vec::new(),
            ruling: Arc::default(),
            mirrored: None,
            token: None,
            drilled: None,
        }
    }

    /// The right to send it to a deployment, at any attempt of any kind.
    pub(crate) fn allowed(&self, deployment: usize) -> Option<Pass> {
        self.ruling.eligible.allowed(deployment)
    }

    /// What may answer it, in order.
    pub(crate) fn decide(&self, gateway: &Gateway, rng: &mut SmallRng) -> Decision {
        let ask = Ask {
            demand: self.demand(),
            conversation: self.conversation(),
            budgeted: !self.budgets.is_empty(),
        };
        let (live, eligible) = (self.live(), &self.ruling.eligible);
        let decision = decide(&self.feature, eligible, live, gateway.now(), ask, rng);
        gateway.note_tiers(&self.feature, &decision, &self.drill());
        decision
    }

    /// What it is decided by: what all requests have learnt, or those of its drill.
    pub(crate) fn live(&self) -> &Live {
        self.apart().map_or(&self.plan.live, |live| &**live)
    }

    /// What the requests of its drill have learnt, where they learn apart from the others.
    pub(crate) fn apart(&self) -> Option<&Arc<Live>> {
        self.drilled.as_ref()?.live()
    }

    /// Its drill, as metrics call it.
    pub(crate) fn drill(&self) -> Drill {
        self.drilled.as_ref().and_then(|drilled| drilled.label())
    }

    /// What goes on record of its decision.
    pub(crate) fn on_record(&self, decision: &Decision) -> Arc<DecisionRecord> {
        let plan = &self.plan;
        let record = plan.decisions.record(&plan.plan, &self.feature, &self.ruling, decision);
        match &self.drilled {
            Some(drilled) => in_drill(&record, Arc::clone(drilled.name())),
            None => record,
        }
    }

    /// The tokens it will need, as far as that can be told before it is sent.
    pub(crate) fn demand(&self) -> Demand {
        Demand { input: self.body.len() as u64 / BYTES_PER_TOKEN, output: 0 }
    }

    /// Whether answers are kept for a `cache` tier.
    pub(crate) fn keeps_answers(&self) -> bool {
        self.feature.tiers.iter().any(|tier| matches!(tier.mode, Mode::Cache { .. }))
    }

    /// Whether whole answers are to be looked at when they are complete.
    pub(crate) fn wants_answers(&self) -> bool {
        self.keeps_answers() || self.plan.standings.watches(&self.feature.name) || self.is_graded()
    }

    /// When answers to similar questions will do in a `cache` tier; all those of a feature have
    /// the same model of embeddings.
    pub(crate) fn similar(&self) -> Option<&Similar> {
        self.feature.tiers.iter().find_map(|tier| match &tier.mode {
            Mode::Cache { similar, .. } => similar.as_ref(),
            _ => None,
        })
    }

    /// The model whose vectors tell what is similar.
    pub(crate) fn embedder(&self) -> Option<&str> {
        let first = *self.similar()?.embeddings.first()?;
        self.plan.plan.deployments.get(first).map(|one| &*one.model)
    }
}

/// Admits a request or says why not.
pub(crate) async fn admit(
    gateway: &Gateway,
    plan: Arc<ActivePlan>,
    dialect: DialectId,
    request: (request::Parts, Incoming),
    trace: Trace,
    record: &mut Record,
) -> Result<Call, Fault> {
    let (parts, incoming) = request;
    let caller = caller(gateway, &parts.headers)?;
    record.note(|call| {
        call.caller = Arc::clone(&caller.id);
        call.trace_id = Some(trace.id.clone());
    });
    if let Some(encoding) = parts.headers.get(http::header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        let fault =
            Fault::new(Class::ClientInvalid, "send the request body without content-encoding");
        return Err(fault.with_status(415));
    }
    let body = body::read(&parts.headers, incoming, plan.body_bytes_max).await?;
    let head = Head::read(&body)?;
    record.note(|call| {
        call.model_asked.clone_from(&head.model);
        call.stream = head.stream;
    });
    let feature = feature(&plan, &caller, &parts.headers, &head.model)?;
    record.note(|call| call.feature = Arc::clone(&feature.name));
    if is_repeat(&parts.headers) {
        gateway.metrics.client_repeat(&feature.name);
    }
    let asked = deadline_asked(&parts.headers)?;
    let hurried = asked.is_some_and(|asked| asked < feature.deadline);
    let deadline = record.arrived() + asked.unwrap_or(Duration::MAX).min(feature.deadline);
    let token = drills::token(gateway, &plan, &parts.headers, &feature.name)?;
    let session = session(&parts.headers)?;
    let tags = tags(&parts.headers)?;
    let ruling = ruling(gateway, &plan, &feature, (&caller, &tags), (dialect, &body));
    let passed_on = passed_on(&parts.headers);
    let takes_restarts = feature.on_break == OnBreak::Restart
        && parts.headers.get(headers::RESTART).is_some_and(|value| value == "ok");
    let who = who(&feature, &caller);
    record.let_in(Admission::ask(&plan, &feature, &caller, (dialect, &body), gateway.now())?);
    let (budgets, output_limit) = paying(&plan, &feature, &caller, (dialect, &body));
    Ok(Call {
        dialect,
        plan,
        caller,
        feature,
        head,
        body,
        passed_on,
        trace,
        deadline,
        hurried,
        takes_restarts,
        who,
        session,
        budgets,
        output_limit,
        tags,
        ruling,
        mirrored: None,
        token,
        drilled: None,
    })
}

/// The budgets that pay for a request, and the most output that it allows.
pub(crate) fn paying(
    plan: &ActivePlan,
    feature: &Feature,
    caller: &Caller,
    (dialect, body): (DialectId, &[u8]),
) -> (Vec<usize>, Option<u64>) {
    let budgets = plan.plan.paying(feature, caller.name());
    let limit = (!budgets.is_empty()).then(|| output_limit(dialect, body)).flatten();
    (budgets, limit)
}

/// Where policy lets a request go.
pub(crate) fn ruling(
    gateway: &Gateway,
    plan: &ActivePlan,
    feature: &Feature,
    (caller, tags): (&Caller, &[String]),
    (dialect, body): (DialectId, &[u8]),
) -> Arc<Ruling> {
    let now_ms = gateway.unix_ms();
    let modalities = match plan.matrix.needs_modalities(&feature.name, now_ms) {
        true => modalities(dialect, body),
        false => Modalities::NONE,
    };
    let asked = Asked { caller: caller.asked(), tags, modalities };
    plan.matrix.allowed(&feature.name, asked, now_ms)
}

/// The caller that an earlier request was found to be of; none where its key is no longer valid.
pub(crate) fn known_caller(gateway: &Gateway, id: &str) -> Option<Caller> {
    let keys = gateway.keys();
    if keys.is_empty() {
        return (id == gateway.local).then(|| Caller { id: id.into(), key: None });
    }
    let key = keys.current(id, gateway.unix_ms())?;
    Some(Caller { id: id.into(), key: Some(key) })
}

/// Finds the caller by its key, in whichever header its SDK puts it.
pub(crate) fn caller(gateway: &Gateway, headers: &HeaderMap) -> Result<Caller, Fault> {
    let keys = gateway.keys();
    if keys.is_empty() {
        return Ok(Caller { id: gateway.local.into(), key: None });
    }
    let refuse = |message: String| Err(Fault::new(Class::CallerAuth, message));
    let mut presented = credentials(headers);
    let Some(first) = presented.next() else {
        return refuse(
            "no API key: send one of Tieline's keys as `Authorization: Bearer` or `x-api-key`"
                .into(),
        );
    };
    if presented.any(|other| other != first) {
        return refuse("the request carries two different API keys".into());
    }
    match keys.verify(first, gateway.unix_ms()) {
        Ok(key) => Ok(Caller { id: key.id.as_str().into(), key: Some(key) }),
        Err(refusal) => refuse(refusal.to_string()),
    }
}

fn credentials(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    [bearer, text(X_API_KEY), text(API_KEY)].into_iter().flatten()
}

/// Finds the feature: by header, by `model`, or the one bound to the caller's key.
fn feature(
    plan: &ActivePlan,
    caller: &Caller,
    headers: &HeaderMap,
    model: &str,
) -> Result<Arc<Feature>, Fault> {
    let named = headers.get(headers::FEATURE).and_then(|value| value.to_str().ok());
    let bound = caller.key.as_ref().and_then(|key| key.default_feature.as_deref());
    let features = &plan.plan.features;
    let found = match named {
        Some(named) => features.get(named),
        None => features.get(model).or_else(|| features.get(bound?)),
    };
    let asked = named.unwrap_or(model);
    let Some(feature) = found else {
        return Err(unknown_feature(plan, caller, asked));
    };
    if !caller.allows(&feature.name) {
        let message = format!("this API key may not use `{}`", feature.name);
        return Err(Fault::new(Class::CallerDenied, message));
    }
    Ok(Arc::clone(feature))
}

fn unknown_feature(plan: &ActivePlan, caller: &Caller, asked: &str) -> Fault {
    if asked.is_empty() {
        return Fault::invalid("model", "`model` is required: name a feature or a model");
    }
    let known = plan.plan.features.keys().filter(|name| caller.allows(name));
    let known: Vec<&str> = known.take(20).map(AsRef::as_ref).collect();
    let asked: String = asked.chars().take(200).collect();
    let message =
        format!("there is no feature or model `{asked}`; there are: {}", known.join(", "));
    let mut fault = Fault::new(Class::NotFound, message).with_code("model_not_found");
    fault.param = Some("model".to_owned());
    fault
}

/// Whether the client's SDK sends the request again after a failure.
fn is_repeat(headers: &HeaderMap) -> bool {
    headers.get(headers::RETRIES).is_some_and(|count| count != "0")
}

/// The time that the caller still has for this request.
fn deadline_asked(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    let Some(value) = headers.get(headers::DEADLINE) else {
        return Ok(None);
    };
    let ms = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    match ms.filter(|ms| *ms > 0) {
        Some(ms) => Ok(Some(Duration::from_millis(ms))),
        None => {
            let message = format!(
                "`{}` must be a whole number of milliseconds above zero",
                headers::DEADLINE
            );
            Err(Fault::new(Class::ClientInvalid, message))
        }
    }
}

pub(crate) fn who(feature: &Feature, caller: &Caller) -> Who {
    Who { feature: hashed(&feature.name), caller: hashed(&caller.id) }
}

fn hashed(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

/// Those of a client's headers that a provider of its dialect gets to see.
pub(crate) fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::new();
    for name in PASSED_ON {
        if let Some(value) = headers.get(&name) {
            out.insert(name, value.clone());
        }
    }
    out
}
