//! Whatever bytes come, a reader answers; whatever it read, every writer writes.

use bytes::Bytes;
use proptest::{prelude::*, sample::Index};
use serde_json::Value;
use tieline_dialect::{
    Losses, dialect,
    frame::{Framing, aws_event, sse},
    modalities,
};
use tieline_types::DialectId;

use crate::{
    common::{DIALECTS, events, fixtures, frames, read_request, stream_of, style, target},
    modalities::read,
};

/// Values that a field may hold instead of its own.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("data:;base64,")),
        Just(Value::from("tl1.openai.cnNfMQ==")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof!["[a-z]{1,6}", Just("type".to_owned()), Just("text".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Puts `new` in place of one of the values in `value`, counted in depth-first order.
fn replace(value: &mut Value, at: Index, new: &Value) {
    let mut left = at.index(count(value));
    replace_counted(value, &mut left, new);
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0_usize,
    }
}

/// Whether the place was found.
fn replace_counted(value: &mut Value, left: &mut usize, new: &Value) -> bool {
    if *left == 0 {
        *value = new.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace_counted(item, left, new)),
        Value::Object(fields) => fields.values_mut().any(|field| replace_counted(field, left, new)),
        _ => false,
    }
}

fn changed(body: &[u8], at: Index, new: &Value) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(body).unwrap();
    replace(&mut value, at, new);
    value.to_string().into_bytes()
}

/// A frame with the changed payload of `frame`; the frame itself where it holds no JSON.
fn changed_frame(framing: Framing, frame: &Bytes, at: Index, new: &Value) -> Bytes {
    let mut out = Vec::new();
    match framing {
        Framing::Sse => {
            let event = sse::parse(frame);
            if serde_json::from_slice::<Value>(&event.data).is_ok() {
                sse::write(event.event, &changed(&event.data, at, new), &mut out);
            }
        }
        Framing::AwsEventStream => {
            if let Ok(aws_event::Message::Event { name, payload }) = aws_event::parse(frame) {
                aws_event::write_event(&name, changed(&payload, at, new), &mut out).unwrap();
            }
        }
    }
    if out.is_empty() { frame.clone() } else { out.into() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn requests_with_any_value_are_read_or_refused(
        fixture in any::<Index>(), at in any::<Index>(), new in any_value(),
    ) {
        let all = fixtures("requests");
        let fixture = &all[fixture.index(all.len())];
        let body = changed(&fixture.bytes, at, &new);
        if let Ok(ask) = read_request(fixture.source, &body) {
            let told = modalities(fixture.source, &body);
            for kind in read(&ask).iter() {
                prop_assert!(told.contains(kind), "{:?} of {:?}", kind, told);
            }
            for id in DIALECTS {
                let mut losses = Losses::default();
                if let Ok(body) = dialect(id).write_request(&ask, &target(id), &mut losses) {
                    prop_assert!(serde_json::from_slice::<Value>(&body).is_ok(), "{}", id);
                }
            }
        }
    }

    #[test]
    fn replies_with_any_value_are_read_or_refused(
        fixture in any::<Index>(), at in any::<Index>(), new in any_value(),
    ) {
        let all = fixtures("responses");
        let fixture = &all[fixture.index(all.len())];
        if let Ok(reply) = fixture.dialect().read_response(&changed(&fixture.bytes, at, &new)) {
            for id in DIALECTS {
                let body = dialect(id).write_response(&reply, &style(), &mut Losses::default());
                prop_assert!(dialect(id).read_response(&body).is_ok(), "{}", id);
            }
        }
    }

    #[test]
    fn streams_with_any_value_end(
        fixture in any::<Index>(),
        frame in any::<Index>(),
        at in any::<Index>(),
        new in any_value(),
    ) {
        let all = fixtures("streams");
        let fixture = &all[fixture.index(all.len())];
        let framing = fixture.dialect().framing();
        let mut whole = frames(framing, [fixture.bytes.as_slice()]).unwrap();
        let place = frame.index(whole.len());
        whole[place] = changed_frame(framing, &whole[place], at, &new);
        let events = events(fixture.source, &whole);
        for id in DIALECTS {
            let bytes = stream_of(id, &events);
            prop_assert!(frames(dialect(id).framing(), [bytes.as_slice()]).is_ok(), "{}", id);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for id in DIALECTS {
            let _ = read_request(id, &bytes);
            let _ = dialect(id).read_response(&bytes);
            let _ = dialect(id).read_error(500, &http::HeaderMap::new(), &bytes);
            let _ = dialect(id).is_plain_delta(&bytes);
            let _ = events(id, &[bytes.clone().into()]);
            let mut message = Vec::new();
            aws_event::write_event("contentBlockDelta", bytes.clone(), &mut message).unwrap();
            let _ = events(DialectId::BedrockConverse, &[message.into()]);
        }
    }
}
