//! Reading requests: for their answer, and for rules that ask more of them than their head.

use std::cell::OnceCell;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tieline_dialect::{
    Head, RawRequest,
    ir::{Ask, Content, Role},
    splice_model,
};
use tieline_types::DialectId;

use crate::{
    failure::Failure,
    path::Endpoint,
    prose,
    quota::{Draw, Quotas},
    reply,
    script::Facts,
};

/// Reads a request in its dialect. A model named by the path alone is put into bodies that name
/// their model themselves.
pub(crate) fn read(
    dialect: DialectId,
    body: &Bytes,
    head: &Head,
    path_model: Option<&str>,
    path_stream: bool,
) -> Result<Ask, Failure> {
    let named;
    let (body, path_model) = match path_model {
        Some(model) if dialect != DialectId::BedrockConverse => {
            named = splice_model(body, head.model_span.as_ref(), model).concat();
            (named.as_slice(), None)
        }
        _ => (body.as_ref(), path_model),
    };
    let raw = RawRequest { body, path_model, path_stream };
    tieline_dialect::dialect(dialect).read_request(&raw).map_err(rejected)
}

/// The refusal of a request that cannot be read.
pub(crate) fn rejected(fault: tieline_types::Fault) -> Failure {
    Failure {
        status: fault.class.status(),
        word: fault.code,
        message: Some(fault.message),
        param: fault.param,
        ..Failure::default()
    }
}

/// What rules may want to know of a request beside its head; found out at most once.
pub(crate) struct Sight<'a> {
    pub(crate) body: Bytes,
    pub(crate) endpoint: Option<&'a Endpoint>,
    pub(crate) head: &'a Head,
    pub(crate) quotas: &'a Quotas,
    pub(crate) draw: Draw<'a>,
    pub(crate) look: OnceCell<Look>,
}

/// What is seen of a request when it is read whole.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    prompt_tokens: u64,
    who: u64,
}

impl Sight<'_> {
    /// What is no request for output, or none that can be read, is told by its bytes.
    fn look(&self) -> Look {
        *self.look.get_or_init(|| {
            let ask = match self.endpoint {
                Some(Endpoint::Generate { dialect, model, stream }) => {
                    read(*dialect, &self.body, self.head, model.as_deref(), *stream).ok()
                }
                _ => None,
            };
            match ask {
                Some(ask) => Look { prompt_tokens: reply::input_tokens(&ask), who: who(&ask) },
                None => Look {
                    prompt_tokens: prose::tokens_of_bytes(self.body.len()),
                    who: number_of(&self.body),
                },
            }
        })
    }
}

impl Facts for Sight<'_> {
    fn prompt_tokens(&self) -> u64 {
        self.look().prompt_tokens
    }

    fn who(&self) -> u64 {
        self.look().who
    }

    fn load(&self) -> f64 {
        self.quotas.load(&self.draw)
    }
}

/// The user, or what was said first in the conversation.
fn who(ask: &Ask) -> u64 {
    if let Some(user) = &ask.user {
        return number_of(user.as_bytes());
    }
    let first = ask.messages.iter().find(|message| message.role == Role::User);
    let blocks = first.into_iter().flat_map(|message| &message.blocks);
    let texts = blocks.filter_map(|block| match &block.content {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    number_of(texts.collect::<Vec<_>>().join("\n").as_bytes())
}

/// A number that these bytes have for themselves.
fn number_of(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
    hash.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte))
}
