//! The kinds of content that each dialect knows, and what they come to.
//!
//! Sources: the API references of OpenAI (Chat, Responses), Anthropic (Messages) and Amazon Bedrock
//! (Converse), and what compatible servers added to Chat: `video_url`, `audio_url` (vLLM),
//! `document_url`, `reference`, `thinking` (Mistral).

use tieline_types::{DialectId, Modality};

use Means::{File, Media, Part, Text, Within};

/// What a kind of content is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Means {
    /// Words, or what a model or a tool of its provider made of words.
    Text,
    /// A medium.
    Media(Modality),
    /// A document, or what its own data say.
    File,
    /// What stands in a field; the key with its quotes.
    Within(&'static [u8]),
    /// A part like any other.
    Part,
}

/// Fields of a turn that are words whatever their form.
pub(super) const TURN_FIELDS: [&[u8]; 12] = [
    b"\"annotations\"",
    b"\"cache_control\"",
    b"\"extra_content\"",
    b"\"function_call\"",
    b"\"logprobs\"",
    b"\"metadata\"",
    b"\"parsed\"",
    b"\"provider_specific_fields\"",
    b"\"reasoning\"",
    b"\"reasoning_details\"",
    b"\"thinking_blocks\"",
    b"\"tool_calls\"",
];

type Kinds = &'static [(&'static str, Means)];

const CHAT: Kinds = &[
    ("text", Text),
    ("refusal", Text),
    ("thinking", Text),
    ("reference", Text),
    ("image_url", Media(Modality::Image)),
    ("input_audio", Media(Modality::Audio)),
    ("audio_url", Media(Modality::Audio)),
    ("video_url", Media(Modality::Video)),
    ("document_url", Media(Modality::Document)),
    ("file", File),
];

const RESPONSES: Kinds = &[
    ("message", Within(b"\"content\"")),
    ("text", Text),
    ("input_text", Text),
    ("output_text", Text),
    ("refusal", Text),
    ("reasoning", Text),
    ("function_call", Text),
    ("function_call_output", Within(b"\"output\"")),
    ("custom_tool_call", Text),
    ("custom_tool_call_output", Within(b"\"output\"")),
    ("web_search_call", Text),
    ("file_search_call", Text),
    ("mcp_list_tools", Text),
    ("mcp_call", Text),
    ("mcp_approval_request", Text),
    ("mcp_approval_response", Text),
    ("computer_call", Text),
    ("computer_call_output", Media(Modality::Image)),
    ("image_generation_call", Media(Modality::Image)),
    ("input_image", Media(Modality::Image)),
    ("input_audio", Media(Modality::Audio)),
    ("input_file", File),
];

const MESSAGES: Kinds = &[
    ("text", Text),
    ("thinking", Text),
    ("redacted_thinking", Text),
    ("tool_use", Text),
    ("tool_result", Within(b"\"content\"")),
    ("tool_reference", Text),
    ("search_result", Within(b"\"content\"")),
    ("server_tool_use", Text),
    ("web_search_tool_result", Text),
    ("web_fetch_tool_result", Media(Modality::Document)),
    ("tool_search_tool_result", Text),
    ("mcp_tool_use", Text),
    ("mcp_tool_result", Within(b"\"content\"")),
    ("image", Media(Modality::Image)),
    ("document", Media(Modality::Document)),
];

const CONVERSE: Kinds = &[
    ("text", Text),
    ("json", Text),
    ("toolUse", Text),
    ("toolResult", Within(b"\"content\"")),
    ("reasoningContent", Text),
    ("citationsContent", Text),
    ("searchResult", Text),
    ("cachePoint", Text),
    ("guardContent", Part),
    ("image", Media(Modality::Image)),
    ("audio", Media(Modality::Audio)),
    ("video", Media(Modality::Video)),
    ("document", Media(Modality::Document)),
];

/// What a dialect means by a kind of content, which stands in its quotes; none where it is not
/// known.
pub(super) fn meaning(dialect: DialectId, quoted: &[u8]) -> Option<Means> {
    let kinds = match dialect {
        DialectId::OpenaiChat => CHAT,
        DialectId::OpenaiResponses => RESPONSES,
        DialectId::AnthropicMessages => MESSAGES,
        DialectId::BedrockConverse => CONVERSE,
    };
    let name = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    kinds.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, means)| *means)
}
