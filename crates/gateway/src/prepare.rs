//! Stop 5: the request as one deployment gets it.

use bytes::Bytes;
use tieline_dialect::{
    Action, Losses, RawRequest, dialect,
    ir::{Ask, Content, Message, Role},
    splice_model,
};
use tieline_types::{Class, Fault, Phase};
use tieline_upstream::{Parts, Route, Upstream};

use crate::{admit::Call, seam::seen};

/// A request body ready to be sent, and what it could not carry.
pub(crate) struct Prepared {
    pub(crate) body: Parts,
    pub(crate) losses: Losses,
}

/// The client's request in the neutral form, read when the first candidate of another dialect
/// needs it and kept for the next.
#[derive(Default)]
pub(crate) struct Neutral {
    ask: Option<Result<Ask, Fault>>,
    /// It asks for the rest of an answer, so that the client's own bytes will not do.
    continued: bool,
}

impl Neutral {
    fn of(&mut self, call: &Call) -> Result<&mut Ask, Fault> {
        let read = || {
            let raw = RawRequest { body: &call.body, path_model: None, path_stream: false };
            dialect(call.dialect).read_request(&raw)
        };
        self.ask.get_or_insert_with(read).as_mut().map_err(|fault| fault.clone())
    }

    /// Makes of the request one for what follows `text`, of which `pieces` were said since it was
    /// last asked for. False where the rest of the answer cannot be had that way.
    pub(crate) fn go_on_from(&mut self, call: &Call, text: &str, pieces: u64) -> bool {
        let again = self.continued;
        let Ok(ask) = self.of(call) else {
            return false;
        };
        if again {
            ask.messages.pop();
        } else if !wants_plain_text(ask) {
            return false;
        }
        let blocks = vec![Content::Text(seen(text).to_owned()).into()];
        ask.messages.push(Message { role: Role::Assistant, blocks });
        // A piece is mostly one token.
        ask.max_output_tokens =
            ask.max_output_tokens.map(|most| most.saturating_sub(pieces).max(1));
        self.continued = true;
        true
    }
}

/// Whether nothing but text can answer a request: no calls, no form, no thoughts, and nothing that
/// the neutral form does not know, such as several choices or citations.
fn wants_plain_text(ask: &Ask) -> bool {
    ask.tools.is_empty()
        && ask.format.is_none()
        && ask.reasoning.as_ref().is_none_or(|reasoning| reasoning.off)
        && ask.foreign.is_empty()
        && ask.messages.last().is_some_and(|message| message.role == Role::User)
}

/// Writes the request for a deployment: the client's own bytes with `model` replaced where the
/// dialects are the same, a translation where they differ.
///
/// # Errors
/// `client_invalid` where the request cannot be read, `unsupported_here` where this deployment
/// cannot carry it, or would lose something and the feature is strict.
pub(crate) async fn prepare(
    call: &Call,
    neutral: &mut Neutral,
    route: &Route,
    upstream: &Upstream,
) -> Result<Prepared, Fault> {
    let same = call.dialect == route.dialect && !neutral.continued;
    if same && !dialect(call.dialect).replays_foreign_reasoning(&call.body) {
        let span = call.head.model_span.as_ref();
        let parts: [Bytes; 3] = splice_model(&call.body, span, &route.target.model);
        return Ok(Prepared { body: Parts::from(parts), losses: Losses::default() });
    }
    let ask = &*neutral.of(call)?;
    let mut losses = Losses::default();
    let body = if route.target.accepts.media_urls {
        dialect(route.dialect).write_request(ask, &route.target, &mut losses)
    } else {
        let mut inlined = ask.clone();
        // Another deployment may fetch for itself what cannot be fetched here.
        let unreachable = |fault: Fault| {
            let mut fault = Fault::new(Class::UnsupportedHere, fault.message).at(Phase::Admit);
            fault.param = Some("messages".to_owned());
            fault
        };
        let inlining = Box::pin(upstream.inline_media(&mut inlined));
        if inlining.await.map_err(unreachable)? > 0 {
            losses.note(Action::Inline, "media_url");
        }
        dialect(route.dialect).write_request(&inlined, &route.target, &mut losses)
    }
    .map_err(|fault| fault.at(Phase::Admit))?;
    if call.feature.strict && !losses.is_empty() {
        let message = format!(
            "feature `{}` allows no loss in translation; to {} it would lose {losses}",
            call.feature.name, route.dialect
        );
        return Err(Fault::new(Class::UnsupportedHere, message).at(Phase::Admit));
    }
    Ok(Prepared { body: Parts::from(body), losses })
}
