//! Scenarios from their files. A Markdown file is read by its fenced blocks of YAML.

use std::time::Duration;

use jiff::Timestamp;
use tieline_yaml::{Fields, Node, Notes, Problems, Value};

use super::{Mode, Phase, Scenario, expect, faults, moment, traffic};

/// How large a file may be, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Where nothing better is known.
const GUIDE: &str = "docs/guide/drills.md shows what a drill looks like";
const VERSION: &str = "tieline.dev/v1";
/// When drills begin that do not say so: 2026-11-22, midnight UTC.
const STARTS_S: i64 = 1_795_305_600;
/// The longest drill.
const LENGTH_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads the drills of one file, in its order.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(file: &str, text: &str) -> Result<Vec<Scenario>, Problems> {
    let mut notes = Notes::default();
    notes.turn_to(file);
    let literate = file.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("md"));
    let text = if literate { blocks(text) } else { text.to_owned() };
    if text.len() > FILE_BYTES_MAX {
        notes.tell((0, 0), format!("it is larger than {FILE_BYTES_MAX} bytes"), "split it");
        return notes.or(Vec::new());
    }
    let nodes = tieline_yaml::read(&text).unwrap_or_else(|(at, message)| {
        notes.tell(at, message, GUIDE);
        Vec::new()
    });
    let scenarios: Vec<Scenario> =
        nodes.iter().filter_map(|node| scenario(node, &mut notes)).collect();
    if scenarios.is_empty() && notes.is_empty() {
        notes.tell((0, 0), "no document of kind Drill", GUIDE);
    }
    notes.or(scenarios)
}

/// The blocks of YAML in a Markdown file as documents, each on the lines where it was.
fn blocks(text: &str) -> String {
    let mut documents = String::with_capacity(text.len());
    let mut within = false;
    for line in text.lines() {
        let fence = line.trim_start();
        if !within && (fence == "```yaml" || fence == "```yml") {
            within = true;
            documents.push_str("---");
        } else if within && fence.starts_with("```") {
            within = false;
        } else if within {
            documents.push_str(line);
        }
        documents.push('\n');
    }
    documents
}

fn scenario(node: &Node, notes: &mut Notes) -> Option<Scenario> {
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let fields = notes.fields(node, "a document", &known)?;
    for (key, wanted) in [("apiVersion", VERSION), ("kind", "Drill")] {
        let node = notes.required(&fields, "the document", key, &format!("{key}: {wanted}"))?;
        notes.one_of(node, &format!("`{key}`"), &[wanted])?;
    }
    let metadata = notes.required(&fields, "the document", "metadata", "metadata: { name: NAME }");
    let metadata = notes.fields(metadata?, "`metadata`", &["name", "labels"])?;
    let name = notes.required(&metadata, "`metadata`", "name", "name: lose-anthropic")?;
    let name = name_of(name, notes);
    let labels = labels(&metadata, notes);
    let spec = notes.required(&fields, "the document", "spec", "spec:")?;
    let known = [
        "hypothesis",
        "mode",
        "seed",
        "starts",
        "clock",
        "topology",
        "providers",
        "workload",
        "phases",
        "faults",
        "expect",
    ];
    let spec = notes.fields(spec, "`spec`", &known)?;
    let phases = phases(&spec, notes);
    let starts = starts(&spec, notes);
    let (phases, starts) = (phases?, starts?);
    let when = (starts, phases.as_slice());
    let list = |key: &str, notes: &mut Notes| -> Vec<&Node> {
        let found = spec.get(key).and_then(|node| notes.list(node, &format!("`{key}`")));
        found.map(|items| items.iter().collect()).unwrap_or_default()
    };
    let workload = list("workload", notes);
    if workload.is_empty() {
        let help = "add `workload:` with a feature and its arrivals";
        notes.tell(spec.at, "nobody asks for anything", help);
    }
    let workload = workload.iter().filter_map(|node| traffic::workload(node, notes)).collect();
    let faults = list("faults", notes);
    let faults = faults.iter().filter_map(|node| faults::injected(node, when, notes)).collect();
    let expect = list("expect", notes);
    if expect.is_empty() {
        let help = "add `expect:`, such as `- { timeToMitigate: \"<=10s\", feature: NAME }`";
        notes.tell(spec.at, "nothing is expected, so nothing can fail", help);
    }
    let expect = expect.iter().flat_map(|node| expect::expected(node, when, notes)).collect();
    let seed = spec.get("seed").map_or(Some(1), |node| notes.whole(node, "a whole number"));
    Some(Scenario {
        name: name?,
        labels,
        hypothesis: text(&spec, "hypothesis", notes).unwrap_or_default(),
        mode: mode(&spec, notes)?,
        seed: seed?,
        starts,
        topology: text(&spec, "topology", notes).map(Into::into),
        paces: spec.get("providers").map(|node| traffic::paces(node, notes)).unwrap_or_default(),
        workload,
        phases,
        faults,
        expect,
    })
}

/// A name that can be part of the names of files.
fn name_of(node: &Node, notes: &mut Notes) -> Option<String> {
    let name = notes.text(node, "`name`")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.bytes().all(plain) && name.len() <= 128 {
        return Some(name.to_owned());
    }
    let help = "use letters, digits, `-`, `_` and `.`, 128 of them at most";
    notes.tell(node.at, format!("`{name}` cannot be a name"), help);
    None
}

fn labels(metadata: &Fields<'_>, notes: &mut Notes) -> Vec<(String, String)> {
    let labels = metadata.get("labels").and_then(|node| notes.any_fields(node, "`labels`"));
    let entries = labels.iter().flat_map(Fields::entries);
    let said = entries.map(|(name, _, node)| {
        let value = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => String::new(),
        };
        (name.to_owned(), value)
    });
    said.collect()
}

fn text(fields: &Fields<'_>, key: &str, notes: &mut Notes) -> Option<String> {
    let node = fields.get(key)?;
    notes.text(node, &format!("`{key}`")).map(str::to_owned)
}

fn mode(spec: &Fields<'_>, notes: &mut Notes) -> Option<Mode> {
    const MODES: [Mode; 3] = [Mode::Simulate, Mode::Wire, Mode::Inject];
    let Some(node) = spec.get("mode") else { return Some(Mode::default()) };
    let at = notes.one_of(node, "`mode`", &MODES.map(Mode::as_str))?;
    MODES.get(at).copied()
}

fn starts(spec: &Fields<'_>, notes: &mut Notes) -> Option<Timestamp> {
    let Some(node) = spec.get("starts") else {
        return Timestamp::from_second(STARTS_S).ok();
    };
    let text = notes.text(node, "`starts`")?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let message = format!("`starts` is not `{text}`");
        notes.tell(node.at, message, "write a time such as `2026-04-28T11:40:00Z`");
    }
    parsed
}

fn phases(spec: &Fields<'_>, notes: &mut Notes) -> Option<Vec<Phase>> {
    let example = "phases: [{ name: warmup, duration: 10m }, ...]";
    let node = notes.required(spec, "`spec`", "phases", example)?;
    let mut phases: Vec<Phase> = Vec::new();
    for item in notes.list(node, "`phases`")? {
        let fields = notes.fields(item, "a phase", &["name", "duration"])?;
        let name = notes.required(&fields, "the phase", "name", "name: warmup")?;
        let duration = notes.required(&fields, "the phase", "duration", "duration: 10m")?;
        let name_at = name.at;
        let name = notes.text(name, "`name`")?.to_owned();
        let duration = moment::length(duration, "`duration`", notes)?;
        if name == "all" || phases.iter().any(|other| other.name == name) {
            notes.tell(name_at, format!("another phase is called `{name}`"), "rename one");
        }
        let begin = phases.last().map_or(Duration::ZERO, |phase| phase.end);
        phases.push(Phase { name, begin, end: begin + duration });
    }
    let length = phases.last().map_or(Duration::ZERO, |phase| phase.end);
    if length.is_zero() || length > LENGTH_MAX {
        notes.tell(node.at, "a drill takes more than nothing and at most a week", example);
        return None;
    }
    Some(phases)
}
