//! Replies written out in a dialect, whole or as the pieces of a stream.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::{
    event_stream::{Header, HeaderValue, Message},
    str_bytes::StrBytes,
};
use bytes::Bytes;
use serde_json::json;
use tieline_dialect::{
    Dialect, Losses, Style, WriteEvents, events_of,
    frame::sse,
    ir::{Event, Reply},
};
use tieline_types::{Class, DialectId};

use crate::{
    Kind, Pace,
    body::Piece,
    failure::{Failure, Shape},
};

/// What Azure says of the prompt before and beside the answer.
const PROMPT_FILTER_RESULTS: &str = concat!(
    r#""prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"#,
    r#""hate":{"filtered":false,"severity":"safe"},"#,
    r#""self_harm":{"filtered":false,"severity":"safe"},"#,
    r#""sexual":{"filtered":false,"severity":"safe"},"#,
    r#""violence":{"filtered":false,"severity":"safe"}}}]"#,
);

/// A reply about to be sent.
pub(crate) struct Speech<'a> {
    pub(crate) kind: Kind,
    pub(crate) dialect: DialectId,
    pub(crate) reply: &'a Reply,
    pub(crate) style: &'a Style,
    pub(crate) pace: Pace,
    /// Characters of one delta.
    pub(crate) piece_chars: usize,
}

impl Speech<'_> {
    pub(crate) fn dialect(&self) -> &'static dyn Dialect {
        tieline_dialect::dialect(self.dialect)
    }

    /// The whole reply.
    pub(crate) fn whole(&self) -> Bytes {
        let mut body =
            self.dialect().write_response(self.reply, self.style, &mut Losses::default());
        if self.filters_prompts() && body.pop() == Some(b'}') {
            body.extend_from_slice(format!(",{PROMPT_FILTER_RESULTS}}}").as_bytes());
        }
        body.into()
    }

    /// The whole stream.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let mut telling = Telling::begin(self);
        for event in events_of(self.reply, self.piece_chars) {
            telling.event(&event);
        }
        telling.pieces
    }

    /// The stream up to so many content events, then the vendor's error `code`.
    pub(crate) fn failing_pieces(&self, after: usize, code: &str) -> Vec<Piece> {
        let mut telling = Telling::begin(self);
        let mut left = after;
        for event in events_of(self.reply, self.piece_chars) {
            let over = matches!(event, Event::Finish { .. });
            if over || event.is_content() && left == 0 {
                break;
            }
            left -= usize::from(event.is_content());
            telling.event(&event);
        }
        telling.error(code);
        telling.pieces
    }

    /// The body of status 200 that is an error all the same.
    pub(crate) fn failed_whole(&self, code: &str) -> Bytes {
        let shape = Shape::of(self.kind, Some(self.dialect));
        Failure::new(500).word(code).write(shape, &self.style.id).1.into()
    }

    fn filters_prompts(&self) -> bool {
        self.kind == Kind::AzureOpenai && self.dialect == DialectId::OpenaiChat
    }
}

/// A stream being written.
struct Telling<'a> {
    speech: &'a Speech<'a>,
    writer: Box<dyn WriteEvents>,
    pieces: Vec<Piece>,
    /// What is to come with the next bytes; writers may hold an event back.
    next: Piece,
    spoke: bool,
}

impl<'a> Telling<'a> {
    fn begin(speech: &'a Speech<'a>) -> Self {
        let writer = speech.dialect().write_events(speech.style);
        let mut pieces = Vec::new();
        if speech.filters_prompts() {
            let chunk = format!(
                "data: {{\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],\
                 {PROMPT_FILTER_RESULTS}}}\n\n"
            );
            pieces.push(Piece::now(chunk));
        }
        Self { speech, writer, pieces, next: Piece::now(Bytes::new()), spoke: false }
    }

    fn event(&mut self, event: &Event) {
        if event.is_content() {
            let pace = self.speech.pace;
            self.next.wait += if self.spoke { pace.per_token } else { pace.first_token };
            self.next.content = true;
            self.spoke = true;
        }
        let mut bytes = Vec::new();
        self.writer.write(event, &mut bytes);
        self.send(bytes);
    }

    fn send(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            let rest = Piece::now(Bytes::new());
            self.pieces
                .push(Piece { bytes: bytes.into(), ..std::mem::replace(&mut self.next, rest) });
        }
    }

    /// An in-band error in the vendor's words. Responses number their events, so there the writer
    /// that wrote the others writes it.
    fn error(&mut self, code: &str) {
        let failure = Failure::new(500).word(code);
        let mut bytes = Vec::new();
        match self.speech.dialect {
            DialectId::OpenaiChat => {
                sse::write(None, &failure.write(Shape::Openai, "").1, &mut bytes);
            }
            DialectId::AnthropicMessages => {
                let id = &self.speech.style.id;
                sse::write(Some("error"), &failure.write(Shape::Anthropic, id).1, &mut bytes);
            }
            DialectId::BedrockConverse => exception(code, &mut bytes),
            DialectId::OpenaiResponses => {
                let fault =
                    tieline_types::Fault::new(class_of_code(code), format!("simulated {code}"));
                self.writer.write(&Event::Error(fault.with_code(code)), &mut bytes);
            }
        }
        self.send(bytes);
    }
}

/// The class whose in-band code of the Responses dialect this is.
fn class_of_code(code: &str) -> Class {
    match code {
        "rate_limit_exceeded" => Class::RateLimited,
        "server_is_overloaded" => Class::Overloaded,
        "server_error" => Class::ServerError,
        _ => Class::StreamError,
    }
}

/// Appends an exception frame of an AWS event stream. Exception types begin with a small letter
/// there; a word that names none becomes an internal error.
fn exception(code: &str, out: &mut Vec<u8>) {
    let name = match code.char_indices().nth(1) {
        Some((rest, _)) if code.ends_with("Exception") => {
            let (first, rest) = code.split_at(rest);
            format!("{}{rest}", first.to_ascii_lowercase())
        }
        _ => "internalServerException".to_owned(),
    };
    let message = format!("simulated {code}");
    let payload = if name == "modelStreamErrorException" {
        json!({"message": message, "originalStatusCode": 500, "originalMessage": message})
    } else {
        json!({ "message": message })
    };
    let text = |value: String| HeaderValue::String(StrBytes::from(value));
    let frame = Message::new(payload.to_string().into_bytes())
        .add_header(Header::new(":exception-type", text(name)))
        .add_header(Header::new(":content-type", text("application/json".to_owned())))
        .add_header(Header::new(":message-type", text("exception".to_owned())));
    // The only failures are headers too long for the format; such a code is sent as no frame.
    if write_message_to(&frame, out).is_err() {
        out.clear();
    }
}
