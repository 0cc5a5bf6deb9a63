//! AWS event stream messages (`application/vnd.amazon.eventstream`): splitting, reading, writing.
//!
//! A message is a prelude (total length, headers length, checksum of both), headers, a payload and
//! a checksum of all before it; lengths are big endian, checksums CRC-32 (Smithy, "Amazon Event
//! Stream specification").

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message as RawMessage};
use bytes::Bytes;
use tieline_types::{Class, Fault};

/// The shortest message: prelude (12 bytes) and checksum (4 bytes).
const MESSAGE_BYTES_MIN: usize = 16;

/// The content type of every payload that Tieline reads and writes.
const JSON: &str = "application/json";

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What the service has to say (`:message-type: event`).
    Event {
        /// Which event: `:event-type`.
        name: String,
        /// Its content, mostly JSON.
        payload: Bytes,
    },
    /// An error that the service's model names (`:message-type: exception`).
    Exception {
        /// Which error: `:exception-type`.
        name: String,
        /// Its content, mostly JSON.
        payload: Bytes,
    },
    /// An error that the service's model does not name (`:message-type: error`).
    Error {
        /// `:error-code`.
        code: String,
        /// `:error-message`.
        message: String,
    },
}

/// Where the first message ends, by its length field.
///
/// # Errors
/// `bad_payload` when the length field is smaller than any message.
pub(crate) fn frame_end(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(prefix) = bytes.first_chunk::<4>() else {
        return Ok(None);
    };
    let total = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if !(MESSAGE_BYTES_MIN..=super::FRAME_BYTES_MAX).contains(&total) {
        return Err(Fault::new(
            Class::BadPayload,
            format!("an event stream message claims {total} bytes"),
        ));
    }
    Ok((bytes.len() >= total).then_some(total))
}

/// Reads one whole message and verifies both checksums.
///
/// # Errors
/// `bad_payload` when the bytes are not exactly one sound message with a known `:message-type`.
pub fn parse(frame: &[u8]) -> Result<Message, Fault> {
    if frame_end(frame)? != Some(frame.len()) {
        return Err(unsound("it is not one whole message"));
    }
    let raw = read_message_from(frame).map_err(unsound)?;
    let header = |name: &str| header(&raw, name);
    match header(":message-type")? {
        "event" => Ok(Message::Event {
            name: header(":event-type")?.to_owned(),
            payload: raw.payload().clone(),
        }),
        "exception" => Ok(Message::Exception {
            name: header(":exception-type")?.to_owned(),
            payload: raw.payload().clone(),
        }),
        "error" => Ok(Message::Error {
            code: header(":error-code")?.to_owned(),
            message: header(":error-message").unwrap_or_default().to_owned(),
        }),
        other => Err(unsound(format_args!("its `:message-type` is {other:?}"))),
    }
}

/// Appends an event with a JSON payload.
///
/// # Errors
/// `internal` when the message is longer than the length field can say; nothing is appended.
pub fn write_event(name: &str, payload: Vec<u8>, out: &mut Vec<u8>) -> Result<(), Fault> {
    write((":event-type", name), "event", payload, out)
}

/// Appends an exception with a JSON payload.
///
/// # Errors
/// As [`write_event`].
pub fn write_exception(name: &str, payload: Vec<u8>, out: &mut Vec<u8>) -> Result<(), Fault> {
    write((":exception-type", name), "exception", payload, out)
}

/// The order of the headers is the order that AWS sends.
fn write(
    kind: (&'static str, &str),
    message_type: &'static str,
    payload: Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let text = |value: &str| HeaderValue::String(value.to_owned().into());
    let message = RawMessage::new(payload)
        .add_header(Header::new(kind.0, text(kind.1)))
        .add_header(Header::new(":content-type", text(JSON)))
        .add_header(Header::new(":message-type", text(message_type)));
    write_message_to(&message, out).map_err(|error| {
        Fault::new(Class::Internal, format!("an event stream message cannot be written: {error}"))
    })
}

fn header<'a>(raw: &'a RawMessage, name: &str) -> Result<&'a str, Fault> {
    raw.headers()
        .iter()
        .find(|header| header.name().as_str() == name)
        .and_then(|header| header.value().as_string().ok())
        .map(|value| value.as_str())
        .ok_or_else(|| unsound(format_args!("it has no `{name}`")))
}

fn unsound(why: impl std::fmt::Display) -> Fault {
    Fault::new(Class::BadPayload, format!("an event stream message cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Framing, Splitter};

    /// Written by aws-smithy-eventstream 0.61.6 and decoded by boto3 1.44.5.
    const EVENT_HEX: &str = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74\
        426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a\
        6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264\
        656c7461223a7b2274657874223a224869227d7d1f944657";
    const EXCEPTION_HEX: &str = "000000b0000000614f5086b30f3a657863657074696f6e2d747970650700137468\
        726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e\
        2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a22546f\
        6f206d616e7920746f6b656e732c20706c656173652077616974206265666f726520747279696e672061676169\
        6e2e227df70ae57f";

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    fn event() -> Message {
        Message::Event {
            name: "contentBlockDelta".to_owned(),
            payload: Bytes::from_static(br#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
        }
    }

    fn exception() -> Message {
        Message::Exception {
            name: "throttlingException".to_owned(),
            payload: Bytes::from_static(
                br#"{"message":"Too many tokens, please wait before trying again."}"#,
            ),
        }
    }

    #[test]
    fn golden_frames_are_read_and_written_to_the_byte() {
        for (hex, message) in [(EVENT_HEX, event()), (EXCEPTION_HEX, exception())] {
            let frame = unhex(hex);
            assert_eq!(parse(&frame).unwrap(), message);
            let mut out = Vec::new();
            match message {
                Message::Event { name, payload } => {
                    write_event(&name, payload.to_vec(), &mut out).unwrap();
                }
                Message::Exception { name, payload } => {
                    write_exception(&name, payload.to_vec(), &mut out).unwrap();
                }
                Message::Error { .. } => panic!("no golden frame is an error"),
            }
            assert_eq!(out, frame);
        }
    }

    #[test]
    fn an_unmodelled_error_is_read() {
        let text = |value: &'static str| HeaderValue::String(value.into());
        let message = RawMessage::new(Bytes::new())
            .add_header(Header::new(":error-code", text("InternalError")))
            .add_header(Header::new(":error-message", text("an internal server error")))
            .add_header(Header::new(":message-type", text("error")));
        let mut frame = Vec::new();
        write_message_to(&message, &mut frame).unwrap();
        let expected = Message::Error {
            code: "InternalError".to_owned(),
            message: "an internal server error".to_owned(),
        };
        assert_eq!(parse(&frame).unwrap(), expected);
    }

    #[test]
    fn what_is_not_one_message_is_refused() {
        let frame = unhex(EVENT_HEX);
        let mut headerless = Vec::new();
        write_message_to(&RawMessage::new(Bytes::new()), &mut headerless).unwrap();
        let doubled = [frame.clone(), frame.clone()].concat();
        for bytes in [&[][..], &frame[..20], &frame[..147], &doubled, &headerless] {
            assert_eq!(parse(bytes).unwrap_err().class, Class::BadPayload);
        }
        assert!(frame_end(&[0, 0, 0, 3]).is_err());
        assert!(frame_end(&[0xff; 4]).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_always_noticed(at in 0usize..148, bit in 0u32..8) {
            let mut frame = unhex(EVENT_HEX);
            frame[at] ^= 1 << bit;
            prop_assert_eq!(parse(&frame).unwrap_err().class, Class::BadPayload);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn chunk_borders_do_not_matter(mut cuts in prop::collection::vec(0usize..324, 0..8)) {
            let stream = [unhex(EVENT_HEX), unhex(EXCEPTION_HEX)].concat();
            cuts.sort_unstable();
            cuts.push(stream.len());
            let mut splitter = Splitter::new(Framing::AwsEventStream);
            let mut read = Vec::new();
            let mut from = 0;
            for cut in cuts {
                splitter.push(Bytes::copy_from_slice(&stream[from..cut]));
                from = cut;
                while let Some(frame) = splitter.next_frame().unwrap() {
                    read.push(parse(&frame).unwrap());
                }
            }
            prop_assert_eq!(read, vec![event(), exception()]);
            prop_assert!(splitter.rest().is_empty());
        }
    }
}
