//! Cedar: the schema, the policies of files, and the questions put to it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    Policy, PolicyId, PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use miette::Diagnostic;
use serde_json::Value;
use tieline_types::{FactValue, PolicyFile};

use crate::{
    asked::{Asked, Caller},
    looks::Looks,
    problem::Problem,
    rule::{Kind, Rule, Written},
    source,
    world::{Deployment, Feature},
};

/// What policies speak of, as it is published.
pub const SCHEMA: &str = include_str!("policy.cedarschema");

/// A policy with what is told of it.
pub(crate) struct Loaded {
    pub(crate) rule: Rule,
    pub(crate) policy: Policy,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruled {
    /// Permitted by these, and forbidden by none.
    Permitted(Vec<Arc<str>>),
    /// Forbidden by these.
    Forbidden(Vec<Arc<str>>),
    /// None of them applies.
    Silent,
}

/// The schema as Cedar reads it.
pub(crate) fn schema() -> Result<Schema, Problem> {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|error| internal("policy.cedarschema", &error))
}

/// Reads and checks a file of policies; each gets its id, from `@id` or the file's name and number.
pub(crate) fn load(
    file: &PolicyFile,
    validator: &Validator,
    problems: &mut Vec<Problem>,
) -> Vec<Loaded> {
    let set: PolicySet = match file.text.parse() {
        Ok(set) => set,
        Err(errors) => {
            let errors: &cedar_policy::ParseErrors = &errors;
            problems.extend(errors.iter().map(|error| problem(file, error)));
            return Vec::new();
        }
    };
    for template in set.templates() {
        let message = format!("the policy {} has slots, which nothing fills", template.id());
        problems.push(Problem { message, ..at_file(file) });
    }
    let checked = validator.validate(&set, ValidationMode::Strict);
    problems.extend(checked.validation_errors().map(|error| problem(file, error)));
    // A policy that can never apply is a mistake as well.
    let impossible = checked
        .validation_warnings()
        .filter(|warning| matches!(warning, cedar_policy::ValidationWarning::ImpossiblePolicy(_)));
    problems.extend(impossible.map(|warning| problem(file, warning)));
    let lines = source::lines_of_policies(&file.text);
    let mut numbered: Vec<(usize, &Policy)> =
        set.policies().map(|policy| (number_of(policy), policy)).collect();
    numbered.sort_by_key(|(number, _)| *number);
    let line = |number: usize| lines.get(number).copied().unwrap_or_default();
    let all = numbered.into_iter();
    all.map(|(number, policy)| told(file, policy, number.saturating_add(1), line(number))).collect()
}

/// A policy's place among those of its file, from 0: Cedar calls them `policy0` and so on.
fn number_of(policy: &Policy) -> usize {
    let id: &str = policy.id().as_ref();
    let number = id.strip_prefix("policy").and_then(|number| number.parse().ok());
    number.unwrap_or(usize::MAX)
}

fn told(file: &PolicyFile, policy: &Policy, number: usize, line: usize) -> Loaded {
    let id = policy.annotation("id").filter(|id| !id.is_empty());
    let id: Arc<str> = match id {
        Some(id) => id.into(),
        None => format!("{}#{number}", file.name).into(),
    };
    let written = Written {
        file: file.name.clone(),
        line,
        says: policy.annotation("reason").map(str::to_owned),
        permits: policy.effect() == Effect::Permit,
    };
    let policy = policy.new_id(PolicyId::new(&id));
    Loaded { rule: Rule { id, kind: Kind::Policy(written) }, policy }
}

/// A rule of Tieline's own making.
pub(crate) fn own(rule: Rule, text: &str) -> Result<Loaded, Problem> {
    let policy = Policy::parse(Some(PolicyId::new(&rule.id)), text);
    let policy = policy.map_err(|error| internal(&rule.id, &error))?;
    Ok(Loaded { rule, policy })
}

/// Checks rules of Tieline's own making against the schema.
pub(crate) fn check_own(set: &PolicySet, validator: &Validator, problems: &mut Vec<Problem>) {
    let checked = validator.validate(set, ValidationMode::Strict);
    problems.extend(
        checked.validation_errors().map(|error| internal(error.policy_id().as_ref(), error)),
    );
}

/// A set of policies.
pub(crate) fn set_of(policies: impl IntoIterator<Item = Policy>) -> Result<PolicySet, Problem> {
    PolicySet::from_policies(policies).map_err(|error| internal("policies", &error))
}

/// Whether an expression in Cedar's JSON form looks at what only a request tells.
fn mentions_request(expression: &Value) -> bool {
    Looks::of_expression(expression).at_request()
}

/// A policy without all that it asks of a request: it applies wherever the whole one may.
pub(crate) fn relaxed(policy: &Policy) -> Result<Policy, Problem> {
    rewritten(policy, |json| {
        if let Some(scope) = json.get_mut("principal") {
            *scope = serde_json::json!({ "op": "All" });
        }
        conditions_of(json, |kind, body| match kind {
            "when" => without_request(body),
            // Half of what is denied would be denied too much.
            _ => (!mentions_request(body)).then(|| body.clone()),
        });
    })
}

/// A policy without its exceptions: what it is about.
pub(crate) fn without_unless(policy: &Policy) -> Result<Policy, Problem> {
    rewritten(policy, |json| {
        conditions_of(json, |kind, body| (kind == "when").then(|| body.clone()));
    })
}

/// What is left of a condition without the parts that mention a request; none for nothing.
fn without_request(expression: &Value) -> Option<Value> {
    if !mentions_request(expression) {
        return Some(expression.clone());
    }
    let both = expression.get("&&")?;
    let (left, right) = (without_request(both.get("left")?), without_request(both.get("right")?));
    match (left, right) {
        (Some(left), Some(right)) => {
            Some(serde_json::json!({ "&&": { "left": left, "right": right } }))
        }
        (one, other) => one.or(other),
    }
}

fn rewritten(policy: &Policy, rewrite: impl FnOnce(&mut Value)) -> Result<Policy, Problem> {
    let mut json = policy.to_json().map_err(|error| internal(policy.id().as_ref(), &error))?;
    rewrite(&mut json);
    Policy::from_json(Some(policy.id().clone()), json)
        .map_err(|error| internal(policy.id().as_ref(), &error))
}

/// Replaces the body of each condition, by its kind, or drops it.
fn conditions_of(json: &mut Value, keep: impl Fn(&str, &Value) -> Option<Value>) {
    let Some(conditions) = json.get_mut("conditions").and_then(Value::as_array_mut) else {
        return;
    };
    conditions.retain_mut(|condition| {
        let kind = condition.get("kind").and_then(Value::as_str).unwrap_or_default();
        match condition.get("body").and_then(|body| keep(kind, body)) {
            Some(kept) => condition
                .as_object_mut()
                .is_some_and(|condition| condition.insert("body".to_owned(), kept).is_some()),
            None => false,
        }
    });
}

/// Every deployment as policies see it, with the facts given.
pub(crate) fn entities(deployments: &[Deployment], schema: &Schema) -> Result<Entities, Problem> {
    let wrong = |error: &dyn std::error::Error| internal("facts", error);
    let mut all = Vec::new();
    for deployment in deployments {
        let names = [
            ("id", &deployment.id),
            ("model", &deployment.model),
            ("provider", &deployment.provider),
        ];
        let names = names.map(|(key, name)| {
            (key.to_owned(), RestrictedExpression::new_string(name.to_string()))
        });
        let facts = deployment.facts.iter();
        let facts = facts.map(|(name, fact)| (name.as_str().to_owned(), expression(&fact.value)));
        let attributes: HashMap<_, _> = names.into_iter().chain(facts).collect();
        let uid = uid("Deployment", &deployment.id)?;
        all.push(Entity::new(uid, attributes, HashSet::new()).map_err(|error| wrong(&error))?);
    }
    Entities::from_entities(all, Some(schema)).map_err(|error| wrong(&error))
}

/// The same with a caller, as policies see it.
pub(crate) fn with_caller(
    entities: &Entities,
    caller: Caller<'_>,
    schema: &Schema,
) -> Result<Entities, Problem> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let known = [
        Some(("id", text(caller.id))),
        caller.name.map(|name| ("name", text(name))),
        caller.features.map(|features| ("features", texts(features))),
        caller.default_feature.map(|feature| ("default_feature", text(feature))),
    ];
    let attributes = known.into_iter().flatten().map(|(key, value)| (key.to_owned(), value));
    let wrong = |error: &dyn std::error::Error| internal("caller", error);
    let uid = uid("Caller", caller.id)?;
    let caller = Entity::new(uid, attributes.collect(), HashSet::new());
    let caller = caller.map_err(|error| wrong(&error))?;
    entities.clone().add_entities([caller], Some(schema)).map_err(|error| wrong(&error))
}

fn expression(value: &FactValue) -> RestrictedExpression {
    match value {
        FactValue::Text(text) => RestrictedExpression::new_string(text.clone()),
        FactValue::Set(set) => texts(set),
        FactValue::Number(number) => RestrictedExpression::new_long(i64::from(*number)),
        FactValue::Flag(flag) => RestrictedExpression::new_bool(*flag),
    }
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> RestrictedExpression {
    let texts = texts.into_iter().map(|text| RestrictedExpression::new_string(text.clone()));
    RestrictedExpression::new_set(texts)
}

/// A question: may this caller's request of this feature go to this deployment?
pub(crate) fn question(
    feature: &Feature,
    asked: &Asked<'_>,
    deployment: &Deployment,
    schema: &Schema,
) -> Result<Request, Problem> {
    let text =
        |key: &str, text: &str| (key.to_owned(), RestrictedExpression::new_string(text.to_owned()));
    let rules = &feature.rules;
    let tags: BTreeSet<&String> = asked.tags.iter().collect();
    let modalities = asked.modalities.iter();
    let modalities = RestrictedExpression::new_set(
        modalities.map(|one| RestrictedExpression::new_string(one.as_str().to_owned())),
    );
    let pairs = [
        Some(text("feature", &feature.name)),
        feature.owner.as_deref().map(|owner| text("owner", owner)),
        rules.class.map(|class| text("data_class", class.as_str())),
        Some(("residency".to_owned(), texts(&rules.residency))),
        rules.purpose.as_deref().map(|purpose| text("purpose", purpose)),
        Some(("tags".to_owned(), texts(tags))),
        Some(("modalities".to_owned(), modalities)),
    ];
    let context = Context::from_pairs(pairs.into_iter().flatten());
    let context = context.map_err(|error| internal(&feature.name, &error))?;
    let (caller, action) = (uid("Caller", asked.caller.id)?, uid("Action", "infer")?);
    let deployment = uid("Deployment", &deployment.id)?;
    Request::new(caller, action, deployment, context, Some(schema))
        .map_err(|error| internal(&feature.name, &error))
}

/// Puts a question to a set of policies. One that cannot be answered is answered with no.
pub(crate) fn ask(request: &Request, policies: &PolicySet, entities: &Entities) -> Ruled {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    let ids = |ids: Vec<&PolicyId>| {
        let sorted: BTreeSet<&str> = ids.into_iter().map(AsRef::as_ref).collect();
        sorted.into_iter().map(Arc::from).collect::<Vec<Arc<str>>>()
    };
    let failed = response.diagnostics().errors().map(|error| match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
    });
    let failed: Vec<&PolicyId> = failed.collect();
    if !failed.is_empty() {
        return Ruled::Forbidden(ids(failed));
    }
    let reasons = ids(response.diagnostics().reason().collect());
    match response.decision() {
        Decision::Allow => Ruled::Permitted(reasons),
        Decision::Deny if reasons.is_empty() => Ruled::Silent,
        Decision::Deny => Ruled::Forbidden(reasons),
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Problem> {
    let kind: EntityTypeName = kind.parse().map_err(|error| internal(kind, &error))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// A mistake in a file, where Cedar says that it is.
fn problem(file: &PolicyFile, error: &dyn Diagnostic) -> Problem {
    let label = error.labels().and_then(|mut labels| labels.next());
    let (line, column) = label.map_or((0, 0), |label| source::place(&file.text, label.offset()));
    let message = unnumbered(&error.to_string());
    let help = error.help().map(|help| unnumbered(&help.to_string()));
    let help = help.unwrap_or_else(|| {
        "docs/reference/policy.cedarschema says what policies may speak of".to_owned()
    });
    Problem { file: file.name.clone(), line, column, message, help: Some(help) }
}

/// What Cedar says, without the number it gave the policy: the place says which one it is.
fn unnumbered(text: &str) -> String {
    match text.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((_, rest)) => rest.to_owned(),
        None => text.to_owned(),
    }
}

fn at_file(file: &PolicyFile) -> Problem {
    Problem {
        file: file.name.clone(),
        line: 0,
        column: 0,
        message: String::new(),
        help: Some("write a policy without `?principal` and `?resource`".to_owned()),
    }
}

/// What cannot be but by a defect of Tieline.
fn internal(what: &str, error: &dyn std::error::Error) -> Problem {
    let message = tieline_types::chain(error);
    Problem { file: what.to_owned(), line: 0, column: 0, message, help: None }
}
