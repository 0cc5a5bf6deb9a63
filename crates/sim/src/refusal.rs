//! What each vendor says where it refuses a request for what the request, the model or the account
//! is.

use serde_json::Value;
use tieline_dialect::ir::{Ask, Role};

use crate::{
    Fault,
    failure::{Failure, Shape},
    quota::{Refused, Why},
};

/// The refusal that a fault means for every request.
pub(crate) fn of_any(fault: &Fault, shape: Shape, model: &str) -> Option<Failure> {
    match fault {
        Fault::ModelGone => Some(model_gone(shape, model)),
        Fault::BillingExhausted => Some(Failure { spare: true, ..billing_exhausted(shape) }),
        Fault::HighDemand { retry_after } => {
            Some(Failure { wait: *retry_after, spare: true, ..high_demand(shape) })
        }
        Fault::ContentFilter { after: None } => Some(content_filtered(shape)),
        _ => None,
    }
}

/// Whether this request is none of those that the fault refuses.
///
/// # Errors
/// The refusal.
pub(crate) fn check(
    fault: &Fault,
    shape: Shape,
    (ask, body): (&Ask, &[u8]),
    prompt_tokens: u64,
) -> Result<(), Failure> {
    let prefill = || ask.messages.last().is_some_and(|last| last.role == Role::Assistant);
    match fault {
        Fault::ContextLimit(most) if prompt_tokens > *most => {
            Err(too_long(shape, prompt_tokens, *most))
        }
        Fault::RejectParam(name) if has_field(body, name) => Err(unknown_field(shape, name)),
        Fault::RejectPrefill if prefill() => Err(prefilled(shape)),
        _ => Ok(()),
    }
}

/// The vendor's refusal for want of quota.
pub(crate) fn used_up(refused: &Refused, model: &str) -> Failure {
    let failure = Failure { wait: Some(refused.wait), ..Failure::new(429) };
    match refused.why {
        Why::Limit(what, limit) => failure.message(format!(
            "Rate limit reached for {model} on {}: limit {limit:.0}.",
            what.words()
        )),
        Why::Ramp => failure
            .word("slow_down")
            .message("The rate of requests grows too fast; slow down and let it grow evenly."),
    }
}

fn model_gone(shape: Shape, model: &str) -> Failure {
    Failure::new(404).message(match shape {
        Shape::Openai => format!("The model `{model}` has been retired."),
        Shape::Azure => "The API deployment for this resource does not exist.".to_owned(),
        Shape::Anthropic => format!("model: {model}"),
        Shape::Aws => "This model version has reached the end of its life.".to_owned(),
    })
}

/// Anthropic sends no wait with it, and none would help; AWS denies access instead.
fn billing_exhausted(shape: Shape) -> Failure {
    match shape {
        Shape::Openai => Failure::new(429).word("credit_balance_exhausted"),
        Shape::Azure => Failure::new(429).word("insufficient_quota"),
        Shape::Anthropic => Failure::new(429).word("enforced_spend_limit_reached"),
        Shape::Aws => Failure::new(403)
            .message("INVALID_PAYMENT_INSTRUMENT: a valid payment instrument must be provided"),
    }
}

/// Azure says it with the status of a used-up quota; only its words tell the two apart.
fn high_demand(shape: Shape) -> Failure {
    match shape {
        Shape::Azure => Failure::new(429)
            .message("The system is experiencing high demand and cannot process your request."),
        Shape::Anthropic => Failure::new(529),
        Shape::Openai | Shape::Aws => Failure::new(503),
    }
}

fn content_filtered(shape: Shape) -> Failure {
    let failure = Failure::new(400);
    match shape {
        Shape::Openai => failure.word("content_policy_violation"),
        Shape::Azure => failure.word("content_filter"),
        Shape::Anthropic => failure.message("Output blocked by content filtering policy"),
        Shape::Aws => failure.message("The request was blocked by the content filter."),
    }
}

/// The words by which clients know that they must shorten their conversation.
fn too_long(shape: Shape, tokens: u64, most: u64) -> Failure {
    let failure = Failure::new(400);
    match shape {
        Shape::Openai | Shape::Azure => failure.word("context_length_exceeded").message(format!(
            "This model's maximum context length is {most} tokens, and your messages have {tokens}."
        )),
        Shape::Anthropic => {
            failure.message(format!("prompt is too long: {tokens} tokens > {most} maximum"))
        }
        Shape::Aws => failure.message("Input is too long for requested model."),
    }
}

fn unknown_field(shape: Shape, name: &str) -> Failure {
    let failure = Failure { param: Some(name.to_owned()), ..Failure::new(400) };
    match shape {
        Shape::Openai | Shape::Azure => failure
            .word("unsupported_parameter")
            .message(format!("Unsupported parameter: '{name}' is not supported with this model.")),
        Shape::Anthropic => failure.message(format!("{name}: Extra inputs are not permitted")),
        Shape::Aws => failure
            .message(format!("Malformed input request: extraneous key [{name}] is not permitted")),
    }
}

fn prefilled(shape: Shape) -> Failure {
    let failure = Failure::new(400).message(
        "This model does not support assistant message prefill. The conversation must end with \
         a user message.",
    );
    match shape {
        Shape::Openai | Shape::Azure => failure.word("unsupported_value"),
        Shape::Anthropic | Shape::Aws => failure,
    }
}

/// Whether a request has a field of this name, at its top or one level below.
fn has_field(body: &[u8], name: &str) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return false;
    };
    let below = || fields.values().any(|value| value.get(name).is_some());
    fields.contains_key(name) || below()
}
