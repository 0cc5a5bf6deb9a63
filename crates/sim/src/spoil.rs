//! Answers with status 200 that go wrong after all.

use bytes::Bytes;
use tieline_dialect::frame::Framing;

use crate::{
    Fault,
    answer::Speech,
    body::{Ending, Paced, Piece, Reset},
    drift,
};

const JSON: &str = "application/json";
const HTML: &str = "text/html";
/// What a proxy in between may answer instead of the model.
const GARBAGE_PAGE: &str = "<html><head><title>Oops</title></head><body>Not JSON</body></html>\n";
/// An event whose data ends in the middle.
const GARBAGE_EVENT: &str = "data: {\"unfinished\": [\n\n";

/// A body with what its headers say of it.
pub(crate) struct Answer {
    pub(crate) content_type: &'static str,
    /// The length announced where the body will not keep to it.
    pub(crate) announced: Option<usize>,
    pub(crate) body: Paced,
}

impl Answer {
    /// JSON, whole.
    pub(crate) fn json(bytes: impl Into<Bytes>) -> Self {
        Self::sound(JSON, Paced::whole(bytes))
    }

    /// A body that keeps its word.
    pub(crate) fn sound(content_type: &'static str, body: Paced) -> Self {
        Self { content_type, announced: None, body }
    }
}

/// A stream, struck by the fault.
pub(crate) fn stream(speech: &Speech<'_>, fault: Option<&Fault>, reset: &Reset) -> Answer {
    let framing = speech.dialect().framing();
    let body = match fault {
        Some(Fault::HangAfterHeaders) => Paced::stream([], Ending::Hang),
        Some(Fault::SchemaDrift) => Paced::stream(drift::pieces(speech), Ending::Clean),
        Some(Fault::InBand { code, after }) => {
            Paced::stream(speech.failing_pieces(*after, code), Ending::Clean)
        }
        Some(Fault::Stall { after }) => Paced::stream(parted(speech, *after).0, Ending::Hang),
        Some(Fault::Cut { after, clean: true }) => {
            Paced::stream(parted(speech, *after).0, Ending::Clean)
        }
        Some(Fault::Cut { after, clean: false }) => {
            let (mut kept, next) = parted(speech, *after);
            kept.extend(next.map(|next| Piece { bytes: half(&next.bytes), ..next }));
            Paced::stream(kept, Ending::Break(reset.clone()))
        }
        Some(Fault::Garbage) => {
            let (mut kept, next) = parted(speech, 0);
            kept.push(garbage(framing, next));
            Paced::stream(kept, Ending::Clean)
        }
        _ => Paced::stream(speech.pieces(), Ending::Clean),
    };
    Answer::sound(framing.content_type(), body)
}

/// A whole reply, struck by the fault.
pub(crate) fn whole(speech: &Speech<'_>, fault: Option<&Fault>, reset: &Reset) -> Answer {
    if matches!(fault, Some(Fault::SchemaDrift)) {
        return Answer::json(drift::whole(speech));
    }
    body(&speech.whole(), |code| speech.failed_whole(code), fault, reset)
}

/// A whole body, struck by the fault; `failed` is what stands in its place for an error in-band.
pub(crate) fn body(
    whole: &Bytes,
    failed: impl FnOnce(&str) -> Bytes,
    fault: Option<&Fault>,
    reset: &Reset,
) -> Answer {
    let broken = |bytes: Option<Bytes>, ending| Answer {
        content_type: JSON,
        announced: Some(whole.len()),
        body: Paced::stream(bytes.into_iter().map(Piece::now).collect::<Vec<_>>(), ending),
    };
    match fault {
        Some(Fault::HangAfterHeaders) => broken(None, Ending::Hang),
        Some(Fault::Stall { .. }) => broken(Some(half(whole)), Ending::Hang),
        Some(Fault::Cut { clean: false, .. }) => {
            broken(Some(half(whole)), Ending::Break(reset.clone()))
        }
        Some(Fault::Cut { clean: true, .. }) => Answer::json(half(whole)),
        Some(Fault::Garbage) => Answer::sound(HTML, Paced::whole(GARBAGE_PAGE)),
        Some(Fault::InBand { code, .. }) => Answer::json(failed(code)),
        _ => Answer::json(whole.clone()),
    }
}

/// The pieces before the content that comes after so much content, and the piece that would be
/// next. A stream with less content is parted behind its last: its end is never kept.
fn parted(speech: &Speech<'_>, after: usize) -> (Vec<Piece>, Option<Piece>) {
    let mut pieces = speech.pieces();
    let behind_last = pieces.iter().rposition(|piece| piece.content).map_or(0, |last| last + 1);
    let mut content = pieces.iter().enumerate().filter(|(_, piece)| piece.content);
    let at = content.nth(after).map_or(behind_last, |(at, _)| at);
    let next = pieces.get(at).cloned();
    pieces.truncate(at);
    (pieces, next)
}

fn half(bytes: &Bytes) -> Bytes {
    bytes.slice(..bytes.len() / 2)
}

/// A frame that cannot be decoded: JSON cut short, or a checksum that does not fit.
fn garbage(framing: Framing, next: Option<Piece>) -> Piece {
    match (framing, next) {
        (Framing::AwsEventStream, Some(next)) => {
            let mut bytes = next.bytes.to_vec();
            if let Some(last) = bytes.last_mut() {
                *last = !*last;
            }
            Piece { bytes: bytes.into(), ..next }
        }
        _ => Piece::now(GARBAGE_EVENT),
    }
}
