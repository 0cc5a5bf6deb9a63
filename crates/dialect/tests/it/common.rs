//! Fixtures, targets and snapshots.

use std::{fs, path::Path, sync::LazyLock};

use bytes::Bytes;
use serde_json::Value;
use tieline_dialect::{
    Accepts, Dialect, Losses, RawRequest, Style, Target, dialect,
    frame::{
        Framing, Splitter,
        aws_event::{self, Message},
    },
    ir::{Ask, Event},
};
use tieline_types::{DialectId, Fault};

/// The model that requests of dialects with the model in the path ask for.
const PATH_MODEL: &str = "us.anthropic.claude-sonnet-5";

/// All dialects.
pub(crate) const DIALECTS: [DialectId; 4] = [
    DialectId::OpenaiChat,
    DialectId::OpenaiResponses,
    DialectId::AnthropicMessages,
    DialectId::BedrockConverse,
];

/// A file of `tests/golden/<dialect>/<kind>`.
pub(crate) struct Fixture {
    pub(crate) source: DialectId,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Fixture {
    pub(crate) fn dialect(&self) -> &'static dyn Dialect {
        dialect(self.source)
    }

    /// The dialects that this fixture is not of.
    pub(crate) fn targets(&self) -> impl Iterator<Item = DialectId> {
        let source = self.source;
        DIALECTS.into_iter().filter(move |id| *id != source)
    }

    pub(crate) fn ask(&self) -> Result<Ask, Fault> {
        read_request(self.source, &self.bytes)
    }

    /// Compares `text` with the committed snapshot for `target`.
    pub(crate) fn assert_snapshot(&self, kind: &str, target: DialectId, text: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(format!("../golden/snapshots/{kind}"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let name = format!("{}.{}.to.{}", folder(self.source), self.name, folder(target));
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

/// The folder of a dialect's fixtures.
fn folder(id: DialectId) -> String {
    id.as_str().replace('-', "_")
}

/// The fixtures of that kind, all dialects', in a stable order. Streams written in hexadecimal are
/// given as bytes. Each kind is read once.
pub(crate) fn fixtures(kind: &'static str) -> &'static [Fixture] {
    static READ: [LazyLock<Vec<Fixture>>; 3] = [
        LazyLock::new(|| read("requests")),
        LazyLock::new(|| read("responses")),
        LazyLock::new(|| read("streams")),
    ];
    let [requests, responses, streams] = &READ;
    match kind {
        "requests" => requests,
        "responses" => responses,
        "streams" => streams,
        other => panic!("there are no {other}"),
    }
}

fn read(kind: &str) -> Vec<Fixture> {
    let mut found = Vec::new();
    for source in DIALECTS {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let before = found.len();
        for entry in fs::read_dir(golden.join(folder(source)).join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_hex = path.extension().is_some_and(|extension| extension == "hex");
            let raw = fs::read(&path).unwrap();
            let bytes = if is_hex { unhex(&raw) } else { raw };
            found.push(Fixture { source, name, bytes });
        }
        assert!(found.len() > before, "{source} has no {kind}");
    }
    found.sort_by_key(|fixture| (fixture.source.as_str(), fixture.name.clone()));
    found
}

fn unhex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

pub(crate) fn read_request(source: DialectId, body: &[u8]) -> Result<Ask, Fault> {
    let in_path = source == DialectId::BedrockConverse;
    let path_model = in_path.then_some(PATH_MODEL);
    dialect(source).read_request(&RawRequest { body, path_model, path_stream: false })
}

/// A deployment that speaks `id` and takes all that its dialect has.
pub(crate) fn target(id: DialectId) -> Target {
    let model = match id {
        DialectId::OpenaiChat | DialectId::OpenaiResponses => "gpt-6-sol",
        DialectId::AnthropicMessages => "claude-sonnet-5",
        DialectId::BedrockConverse => PATH_MODEL,
    };
    Target { model: model.to_owned(), accepts: Accepts::default(), max_output_tokens: 32_000 }
}

pub(crate) fn style() -> Style {
    Style {
        id: "reply_1".to_owned(),
        model: "served-model".to_owned(),
        created_s: 1_763_800_000,
        include_usage: true,
    }
}

/// A JSON body with its losses above it.
pub(crate) fn with_losses(losses: &Losses, body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap();
    format!("losses: {losses}\n\n{value:#}")
}

/// A fault as one line of a snapshot.
pub(crate) fn told(fault: &Fault) -> String {
    let at = fault.param.as_ref().map(|param| format!(" at {param}")).unwrap_or_default();
    format!("fault: {}{at}: {}", fault.class, fault.message)
}

/// The whole frames of `bytes`, cut by a splitter that gets them in `chunks`.
pub(crate) fn frames<'a>(
    framing: Framing,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Bytes>, Fault> {
    let mut splitter = Splitter::new(framing);
    let mut frames = Vec::new();
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk));
        while let Some(frame) = splitter.next_frame()? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

/// The events of a stream that consists of these frames and then ends.
pub(crate) fn events(source: DialectId, frames: &[Bytes]) -> Vec<Event> {
    let mut reader = dialect(source).read_events();
    let mut events = Vec::new();
    for frame in frames {
        reader.read(frame, &mut events);
    }
    reader.end(&mut events);
    events
}

/// The bytes of a client's stream with these events.
pub(crate) fn stream_of(target: DialectId, events: &[Event]) -> Vec<u8> {
    let mut writer = dialect(target).write_events(&style());
    let mut bytes = Vec::new();
    for event in events {
        writer.write(event, &mut bytes);
    }
    bytes
}

/// A stream as text: server-sent events as they are, event stream messages as a line each.
pub(crate) fn readable(target: DialectId, bytes: &[u8]) -> String {
    let framing = dialect(target).framing();
    if framing == Framing::Sse {
        return String::from_utf8(bytes.to_vec()).unwrap();
    }
    let lines = frames(framing, [bytes]).unwrap().into_iter().map(|frame| {
        let (name, payload) = match aws_event::parse(&frame).unwrap() {
            Message::Event { name, payload } => (name, payload),
            Message::Exception { name, payload } => (format!("exception {name}"), payload),
            Message::Error { code, message } => (format!("error {code}"), message.into()),
        };
        format!("{name} {}\n", String::from_utf8_lossy(&payload))
    });
    lines.collect()
}
