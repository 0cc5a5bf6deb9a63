//! Every stream fixture, written for every other dialect, and how streams end and are cut.

use proptest::{prelude::*, sample::Index};
use tieline_dialect::ir::Event;
use tieline_types::{Class, DialectId};

use crate::common::{Fixture, events, fixtures, frames, readable, stream_of};

#[test]
fn streams_are_translated_as_reviewed() {
    for fixture in fixtures("streams") {
        let events = events_in(fixture, &[]);
        for id in fixture.targets() {
            let text = readable(id, &stream_of(id, &events));
            fixture.assert_snapshot("streams", id, &text);
        }
    }
}

/// The events of a fixture that arrives in chunks cut at `cuts`.
fn events_in(fixture: &Fixture, cuts: &[usize]) -> Vec<Event> {
    let mut chunks = Vec::new();
    let mut rest = fixture.bytes.as_slice();
    let mut at = 0;
    for cut in cuts {
        let (chunk, after) = rest.split_at(cut - at);
        chunks.push(chunk);
        (rest, at) = (after, *cut);
    }
    chunks.push(rest);
    let frames = frames(fixture.dialect().framing(), chunks).unwrap();
    events(fixture.source, &frames)
}

/// Whether the dialect's streams may end after the finish without a word of their own.
fn ends_with_its_finish(id: DialectId) -> bool {
    matches!(id, DialectId::OpenaiChat | DialectId::BedrockConverse)
}

#[test]
fn a_stream_that_breaks_off_is_an_error() {
    for fixture in fixtures("streams") {
        let whole = frames(fixture.dialect().framing(), [fixture.bytes.as_slice()]).unwrap();
        let ended = events(fixture.source, &whole).last() == Some(&Event::End);
        let mut broken = 0;
        for kept in 0..whole.len() {
            let got = events(fixture.source, &whole[..kept]);
            let name = format!("{} {} after {kept} frames", fixture.source, fixture.name);
            match got.last() {
                Some(Event::Error(fault)) => {
                    broken += usize::from(fault.class == Class::StreamTruncated)
                }
                Some(Event::End) => {
                    let finish = |event: &Event| matches!(event, Event::Finish { .. });
                    assert_eq!(got.iter().filter(|event| finish(event)).count(), 1, "{name}");
                    let read = read_without_end(fixture, kept);
                    let own_end = read.last() == Some(&Event::End);
                    assert!(own_end || ends_with_its_finish(fixture.source), "{name}");
                }
                other => panic!("{name}: ended silently with {other:?}"),
            }
        }
        assert!(broken > 0 || !ended, "{}", fixture.name);
    }
}

/// The events of the first frames, the transport being still open.
fn read_without_end(fixture: &Fixture, kept: usize) -> Vec<Event> {
    let whole = frames(fixture.dialect().framing(), [fixture.bytes.as_slice()]).unwrap();
    let mut reader = fixture.dialect().read_events();
    let mut events = Vec::new();
    whole.iter().take(kept).for_each(|frame| reader.read(frame, &mut events));
    events
}

#[test]
fn every_stream_tells_its_end_once() {
    for fixture in fixtures("streams") {
        let events = events_in(fixture, &[]);
        let last = |event: &Event| matches!(event, Event::End | Event::Error(_));
        assert_eq!(events.iter().filter(|event| last(event)).count(), 1, "{}", fixture.name);
        assert!(events.last().is_some_and(last), "{}", fixture.name);
    }
}

proptest! {
    #[test]
    fn chunk_borders_do_not_matter(
        fixture in any::<Index>(),
        cuts in prop::collection::vec(any::<Index>(), 1..12),
    ) {
        let all = fixtures("streams");
        let fixture = &all[fixture.index(all.len())];
        let mut cuts: Vec<usize> =
            cuts.iter().map(|cut| cut.index(fixture.bytes.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(events_in(fixture, &cuts), events_in(fixture, &[]));
    }
}
