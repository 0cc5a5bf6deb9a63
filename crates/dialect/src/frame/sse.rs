//! Server-sent events (WHATWG HTML, 9.2): splitting, reading and writing.

use std::borrow::Cow;

use memchr::memchr2_iter;

/// One event's fields that model dialects use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// The `event:` field.
    pub event: Option<&'a str>,
    /// The `data:` lines, joined by newlines. Empty for comments.
    pub data: Cow<'a, [u8]>,
}

/// Where the first frame ends: behind the first blank line, whatever the line ends (LF, CRLF, CR).
///
/// `searched` bytes were looked at before without success.
pub(crate) fn frame_end(bytes: &[u8], searched: usize) -> Option<usize> {
    // A blank line may straddle the border: step back over up to three bytes of line ends.
    let from = searched.saturating_sub(3);
    let tail = bytes.get(from..)?;
    for at in memchr2_iter(b'\n', b'\r', tail) {
        let rest = tail.get(at..)?;
        let end = if rest.starts_with(b"\r\n\r\n") {
            4
        } else if rest.starts_with(b"\n\n") || rest.starts_with(b"\r\r") {
            2
        } else if rest.starts_with(b"\n\r\n") {
            3
        } else {
            continue;
        };
        return Some(from + at + end);
    }
    None
}

/// Reads one whole frame. Comments, `id:`, `retry:` and a byte order mark are passed over.
#[must_use]
pub fn parse(frame: &[u8]) -> SseEvent<'_> {
    let frame = frame.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(frame);
    let mut event = None;
    let mut data: Option<Cow<'_, [u8]>> = None;
    for line in frame.split(|byte| *byte == b'\n' || *byte == b'\r') {
        if let Some(value) = field(line, b"data") {
            data = Some(match data {
                None => Cow::Borrowed(value),
                Some(before) => {
                    let mut joined = before.into_owned();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    Cow::Owned(joined)
                }
            });
        } else if let Some(value) = field(line, b"event") {
            event = std::str::from_utf8(value).ok();
        }
    }
    SseEvent { event, data: data.unwrap_or(Cow::Borrowed(&[])) }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// Appends one event: an `event:` line if named, one `data:` line. `data` must hold no line ends,
/// which JSON never does.
pub fn write(event: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
    if let Some(name) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

/// Appends a comment, which every SSE client must ignore.
pub fn write_comment(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b": ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Framing, Splitter};

    fn frames(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut splitter = Splitter::new(Framing::Sse);
        let mut frames = Vec::new();
        for chunk in chunks {
            splitter.push(Bytes::copy_from_slice(chunk));
            while let Some(frame) = splitter.next_frame().unwrap() {
                frames.push(frame.to_vec());
            }
        }
        (frames, splitter.rest().to_vec())
    }

    #[test]
    fn any_line_end_ends_a_frame() {
        for text in ["data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", "data:a\n\n"] {
            let (got, rest) = frames(&[text.as_bytes()]);
            assert_eq!(got.len(), 1, "{text:?}");
            assert!(rest.is_empty());
            assert_eq!(parse(&got[0]).data.as_ref(), b"a");
        }
    }

    #[test]
    fn fields_are_read_and_others_passed_over() {
        let event =
            parse(b"\xEF\xBB\xBF: note\nid: 3\nevent: ping\ndata: {\ndata: }\nretry: 5\n\n");
        assert_eq!(event.event, Some("ping"));
        assert_eq!(event.data.as_ref(), b"{\n}");
        assert_eq!(parse(b": only a comment\n\n").data.as_ref(), b"");
    }

    proptest! {
        #[test]
        fn chunk_borders_do_not_matter(cuts in prop::collection::vec(0usize..70, 0..8)) {
            let text = "event: a\ndata: {\"x\":\"\u{e9}\"}\n\ndata: b\r\n\r\n\
                        : c\n\ndata: \u{1f600}\n\nda"
                .as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&text[from..cut]);
                from = cut;
            }
            chunks.push(&text[from..]);
            prop_assert_eq!(frames(&chunks), frames(&[text]));
        }
    }
}
