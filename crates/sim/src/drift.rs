//! Answers with more in them than their dialect knows: providers add fields and events at any time.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::{
    event_stream::{Header, HeaderValue, Message},
    str_bytes::StrBytes,
};
use bytes::{Buf, Bytes};
use tieline_types::DialectId;

use crate::{answer::Speech, body::Piece};

/// What is added to every JSON object that is an answer or an event.
const FIELD: &[u8] = br#"{"unannounced":{"level":1},"#;
/// What is an event of its own.
const EVENT: &str = r#"{"type":"unannounced","object":"unannounced","level":1,"choices":[]}"#;
/// What stands before the JSON of an event.
const DATA: &str = "data: ";

/// The whole answer.
pub(crate) fn whole(speech: &Speech<'_>) -> Bytes {
    with_field(&speech.whole()).into()
}

/// The stream; the new event comes before the first content.
pub(crate) fn pieces(speech: &Speech<'_>) -> Vec<Piece> {
    let mut pieces = speech.pieces();
    for piece in &mut pieces {
        piece.bytes = match speech.dialect {
            DialectId::BedrockConverse => frames_with_field(&piece.bytes),
            _ => events_with_field(&piece.bytes),
        };
    }
    let first = pieces.iter().position(|piece| piece.content).unwrap_or_default();
    pieces.insert(first, Piece::now(event(speech.dialect)));
    pieces
}

fn event(dialect: DialectId) -> Bytes {
    match dialect {
        DialectId::OpenaiChat => format!("{DATA}{EVENT}\n\n").into(),
        DialectId::OpenaiResponses | DialectId::AnthropicMessages => {
            format!("event: unannounced\n{DATA}{EVENT}\n\n").into()
        }
        DialectId::BedrockConverse => {
            let text = |value: &'static str| HeaderValue::String(StrBytes::from(value));
            let message = Message::new(EVENT)
                .add_header(Header::new(":event-type", text("unannounced")))
                .add_header(Header::new(":content-type", text("application/json")))
                .add_header(Header::new(":message-type", text("event")));
            framed(&message)
        }
    }
}

fn events_with_field(bytes: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split_inclusive('\n').map(|line| match line.strip_prefix(DATA) {
        Some(data) => [DATA.as_bytes(), &with_field(data.as_bytes())].concat(),
        None => line.as_bytes().to_vec(),
    });
    lines.collect::<Vec<_>>().concat().into()
}

fn frames_with_field(bytes: &Bytes) -> Bytes {
    let mut rest = bytes.clone();
    let mut written = Vec::with_capacity(bytes.len());
    while rest.has_remaining() {
        let Ok(message) = read_message_from(&mut rest) else {
            return bytes.clone();
        };
        let payload = with_field(message.payload());
        let added = Message::new_from_parts(message.headers().to_vec(), payload);
        written.extend_from_slice(&framed(&added));
    }
    written.into()
}

/// A frame; headers too long for the format do not occur here.
fn framed(message: &Message) -> Bytes {
    let mut bytes = Vec::new();
    if write_message_to(message, &mut bytes).is_err() {
        bytes.clear();
    }
    bytes.into()
}

/// A JSON object with one more field; anything else stays as it is.
fn with_field(json: &[u8]) -> Vec<u8> {
    match json.strip_prefix(b"{") {
        Some(rest) if !rest.starts_with(b"}") => [FIELD, rest].concat(),
        _ => json.to_vec(),
    }
}
