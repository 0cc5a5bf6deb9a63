//! How hard Claude is to think. Other models on Converse take no such field.

use serde_json::{Map, Value, json};

use crate::{
    Losses,
    bedrock_converse::model::Version,
    ir::{Ask, Reasoning, ToolChoice},
    json::{Fields, expected},
};
use tieline_types::Fault;

/// The first release that thinks.
const THINKS: Version = (3, 7);
/// The first release that takes an effort beside a budget.
const TAKES_EFFORT: Version = (4, 5);
/// The first release that can be left to find its own budget.
const ADAPTS: Version = (4, 6);
/// The first release that takes nothing else, and the effort `xhigh`.
const ONLY_ADAPTS: Version = (4, 7);

/// The smallest budget, in tokens.
const BUDGET_MIN: u64 = 1024;

/// Effort and the budget in tokens that stands for it; no vendor publishes such a table.
const BUDGETS: [(&str, u64); 6] = [
    ("minimal", 1024),
    ("low", 1024),
    ("medium", 8192),
    ("high", 24_576),
    ("xhigh", 32_768),
    ("max", u64::MAX),
];

/// The circumstances that decide between the ways to think.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The release, where the model is Claude.
    pub(super) claude: Option<Version>,
    /// The most tokens of the whole answer, thinking included.
    pub(super) limit: u64,
    /// The model goes on from tool calls that came without thinking.
    pub(super) unthought: bool,
}

/// The fields of `additionalModelRequestFields` that say how hard to think.
pub(super) fn write(ask: &Ask, setting: Setting, losses: &mut Losses) -> Map<String, Value> {
    let Some(reasoning) = &ask.reasoning else {
        return Map::new();
    };
    let Some(version) = setting.claude.filter(|version| *version >= THINKS) else {
        losses.drop("reasoning");
        return Map::new();
    };
    if reasoning.off {
        return off(version, losses);
    }
    // Manual thinking forbids both: a forced call, and going on from a turn without thinking.
    let forced = matches!(ask.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
    let barred = setting.unthought || (forced && !ask.tools.is_empty());
    if version >= ONLY_ADAPTS
        || (version >= ADAPTS && (barred || reasoning.budget_tokens.is_none()))
    {
        adaptive(reasoning, version, losses)
    } else if barred {
        losses.drop("reasoning");
        Map::new()
    } else {
        manual(reasoning, version, setting.limit, losses)
    }
}

/// Whether these fields switch thinking on.
pub(super) fn is_on(fields: &Map<String, Value>) -> bool {
    fields.get("thinking").is_some_and(|thinking| thinking.get("type") != Some(&"disabled".into()))
}

fn off(version: Version, losses: &mut Losses) -> Map<String, Value> {
    if version < ONLY_ADAPTS {
        return object(json!({ "thinking": { "type": "disabled" } }));
    }
    losses.downgrade("reasoning");
    object(json!({ "output_config": { "effort": "low" } }))
}

fn adaptive(reasoning: &Reasoning, version: Version, losses: &mut Losses) -> Map<String, Value> {
    let mut thinking = json!({ "type": "adaptive" });
    if let (Some(wanted), Some(map)) = (reasoning.summary, thinking.as_object_mut()) {
        let display = if wanted { "summarized" } else { "omitted" };
        map.insert("display".to_owned(), display.into());
    }
    let mut fields = Map::new();
    fields.insert("thinking".to_owned(), thinking);
    let effort = match (&reasoning.effort, reasoning.budget_tokens) {
        (Some(word), _) => effort(word, version, losses),
        (None, Some(budget)) => {
            losses.downgrade("reasoning");
            effort(effort_of(budget), version, losses)
        }
        (None, None) => None,
    };
    if let Some(effort) = effort {
        fields.insert("output_config".to_owned(), json!({ "effort": effort }));
    }
    fields
}

fn manual(
    reasoning: &Reasoning,
    version: Version,
    limit: u64,
    losses: &mut Losses,
) -> Map<String, Value> {
    let wanted = reasoning.budget_tokens.unwrap_or_else(|| {
        losses.downgrade("reasoning");
        budget_of(reasoning.effort.as_deref().unwrap_or("medium"))
    });
    let most = limit.saturating_sub(1);
    if most < BUDGET_MIN {
        losses.drop("reasoning");
        return Map::new();
    }
    let budget = wanted.clamp(BUDGET_MIN, most);
    if budget != wanted {
        losses.downgrade("reasoning");
    }
    let thinking = json!({ "type": "enabled", "budget_tokens": budget });
    let mut fields = Map::new();
    fields.insert("thinking".to_owned(), thinking);
    if let (true, Some(_), Some(word)) =
        (version >= TAKES_EFFORT, reasoning.budget_tokens, &reasoning.effort)
        && let Some(effort) = effort(word, version, losses)
    {
        fields.insert("output_config".to_owned(), json!({ "effort": effort }));
    }
    fields
}

/// Claude's word for an effort, or none for words it lacks.
fn effort(word: &str, version: Version, losses: &mut Losses) -> Option<&'static str> {
    let nearest = match word {
        "minimal" => "low",
        "xhigh" if version < ONLY_ADAPTS => "high",
        other => other,
    };
    let found = BUDGETS.iter().find(|(known, _)| *known == nearest).map(|(known, _)| *known);
    if found.is_none() {
        losses.drop("reasoning");
    } else if nearest != word {
        losses.downgrade("reasoning");
    }
    found
}

fn budget_of(effort: &str) -> u64 {
    BUDGETS.iter().find(|(word, _)| *word == effort).map_or(BUDGET_MIN, |(_, budget)| *budget)
}

fn effort_of(budget: u64) -> &'static str {
    let named = BUDGETS.iter().filter(|(word, _)| ["low", "medium", "high"].contains(word));
    named.into_iter().find(|(_, most)| budget <= *most).map_or("xhigh", |(word, _)| *word)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Reads `thinking` and `output_config` of `additionalModelRequestFields`.
///
/// # Errors
/// `client_invalid` where a field has the wrong type.
pub(super) fn read(fields: &mut Fields) -> Result<Option<Reasoning>, Fault> {
    let mut reasoning = None;
    if let Some(mut thinking) = fields.object("thinking")? {
        let known: &mut Reasoning = reasoning.get_or_insert_default();
        known.off = thinking.string("type")?.as_deref() == Some("disabled");
        known.budget_tokens = thinking.unsigned("budget_tokens")?;
        known.summary = match thinking.string("display")?.as_deref() {
            None => None,
            Some("summarized") => Some(true),
            Some("omitted") => Some(false),
            Some(other) => {
                let path = thinking.path("display");
                return Err(expected(&path, "`summarized` or `omitted`", &other.into()));
            }
        };
    }
    if let Some(effort) = effort_field(fields.object("output_config")?)? {
        reasoning.get_or_insert_default().effort = Some(effort);
    }
    Ok(reasoning)
}

fn effort_field(fields: Option<Fields>) -> Result<Option<String>, Fault> {
    fields.map_or(Ok(None), |mut fields| fields.string("effort"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Tool;

    fn written(reasoning: Reasoning, claude: Option<Version>, limit: u64) -> (String, String) {
        let ask = Ask { reasoning: Some(reasoning), ..Ask::default() };
        let mut losses = Losses::default();
        let fields = write(&ask, Setting { claude, limit, unthought: false }, &mut losses);
        (Value::Object(fields).to_string(), losses.to_string())
    }

    fn effort(word: &str) -> Reasoning {
        Reasoning { effort: Some(word.into()), ..Reasoning::default() }
    }

    fn budget(tokens: u64) -> Reasoning {
        Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() }
    }

    #[test]
    fn every_release_gets_what_it_takes() {
        let off = Reasoning { off: true, ..Reasoning::default() };
        let enabled =
            |tokens| format!(r#"{{"thinking":{{"type":"enabled","budget_tokens":{tokens}}}}}"#);
        let adapts = |effort| {
            format!(
                r#"{{"thinking":{{"type":"adaptive"}},"output_config":{{"effort":"{effort}"}}}}"#
            )
        };
        let (down, drop) = ("downgrade:reasoning", "drop:reasoning");
        for (reasoning, version, limit, fields, losses) in [
            (effort("high"), Some((5, 0)), 9000, adapts("high"), ""),
            (effort("minimal"), Some((5, 0)), 9000, adapts("low"), down),
            (effort("xhigh"), Some((4, 6)), 9000, adapts("high"), down),
            (budget(5000), Some((4, 7)), 9000, adapts("medium"), down),
            (budget(5000), Some((4, 6)), 9000, enabled(5000), ""),
            (effort("medium"), Some((4, 1)), 64_000, enabled(8192), down),
            (budget(9000), Some((4, 1)), 9000, enabled(8999), down),
            (budget(10), Some((3, 7)), 9000, enabled(1024), down),
            (budget(5000), Some((3, 7)), 1000, "{}".into(), drop),
            (effort("high"), Some((3, 5)), 9000, "{}".into(), drop),
            (effort("high"), None, 9000, "{}".into(), drop),
            (off.clone(), Some((4, 6)), 9000, r#"{"thinking":{"type":"disabled"}}"#.into(), ""),
            (off, Some((5, 0)), 9000, r#"{"output_config":{"effort":"low"}}"#.into(), down),
        ] {
            let name = format!("{reasoning:?} {version:?}");
            assert_eq!(written(reasoning, version, limit), (fields, losses.into()), "{name}");
        }
    }

    #[test]
    fn manual_thinking_yields_to_forced_calls_and_unthought_turns() {
        let tool = Tool {
            name: "f".into(),
            description: None,
            parameters: None,
            strict: None,
            cache: None,
        };
        let ask = Ask {
            reasoning: Some(budget(2000)),
            tools: vec![tool],
            tool_choice: Some(ToolChoice::Required),
            ..Ask::default()
        };
        let of = |claude, unthought, ask: &Ask| {
            let setting = Setting { claude: Some(claude), limit: 9000, unthought };
            write(ask, setting, &mut Losses::default())
        };
        assert!(of((4, 1), false, &ask).is_empty());
        assert_eq!(of((4, 6), false, &ask)["thinking"]["type"], "adaptive");
        let free = Ask { tool_choice: None, ..ask };
        assert_eq!(of((4, 1), false, &free)["thinking"]["type"], "enabled");
        assert!(of((4, 1), true, &free).is_empty());
    }
}
