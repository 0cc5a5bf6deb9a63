//! The neutral form of a request, a reply and a stream, between any two dialects.

use serde_json::value::RawValue;
use tieline_types::{Fault, ServiceTier, Usage};

/// A request for model output.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// What the client wrote in `model`: a feature or a model name.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// OpenAI Chat streams: the client asked for a usage chunk.
    pub include_usage: bool,
    /// The conversation in order. System turns stay where the client put them.
    pub messages: Vec<Message>,
    /// Functions the model may call, in the client's order (prompt caches depend on it).
    pub tools: Vec<Tool>,
    /// Which of them it may or must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    pub parallel_tools: Option<bool>,
    /// The form the answer must have; none means free text.
    pub format: Option<Format>,
    /// How hard to think.
    pub reasoning: Option<Reasoning>,
    /// The most tokens to generate, reasoning included.
    pub max_output_tokens: Option<u64>,
    /// Sampling temperature in the OpenAI range 0 to 2.
    pub temperature: Option<f64>,
    /// Nucleus sampling mass, 0 to 1.
    pub top_p: Option<f64>,
    /// Sampling from the k likeliest tokens.
    pub top_k: Option<u64>,
    /// OpenAI frequency penalty, -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// OpenAI presence penalty, -2 to 2.
    pub presence_penalty: Option<f64>,
    /// Best-effort determinism.
    pub seed: Option<i64>,
    /// Strings that end the answer.
    pub stop: Vec<String>,
    /// A stable id of the end user (`user`, `safety_identifier`, `metadata.user_id`).
    pub user: Option<String>,
    /// Key-value pairs for the provider's own logs.
    pub metadata: Vec<(String, String)>,
    /// The service tier asked for, in the client dialect's word.
    pub service_tier: Option<String>,
    /// How wordy the answer is to be (`low`, `medium`, `high`).
    pub verbosity: Option<String>,
    /// OpenAI prompt cache routing key.
    pub cache_key: Option<String>,
    /// Whether the provider may keep the exchange (OpenAI `store`).
    pub store: Option<bool>,
    /// Fields of the client's dialect that this form does not model.
    pub foreign: Vec<Foreign>,
}

impl Ask {
    /// How many of the leading messages are instructions.
    #[must_use]
    pub fn leading_instructions(&self) -> usize {
        self.messages.iter().take_while(|message| message.role.instructs()).count()
    }

    /// The tools that the conversation called so far, each once, in the order of first calls.
    #[must_use]
    pub fn called_tools(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for block in self.messages.iter().flat_map(|message| &message.blocks) {
            if let Content::ToolCall(call) = &block.content
                && !names.contains(&call.name.as_str())
            {
                names.push(call.name.as_str());
            }
        }
        names
    }

    /// Whether the model must call a tool.
    #[must_use]
    pub fn forces_call(&self) -> bool {
        !self.tools.is_empty()
            && matches!(self.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)))
    }
}

/// A request field that the neutral form does not model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Where it stood, e.g. `logit_bias` or `messages[0].name`.
    pub path: String,
    /// True where a caller relies on it (numbers it consumes, a safety rule it set), so that
    /// another dialect must refuse the request rather than leave the field out.
    pub refuse: bool,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions by the operator.
    System,
    /// Instructions by the developer (OpenAI's newer word for system).
    Developer,
    /// The end user.
    User,
    /// The model.
    Assistant,
    /// Results of tool calls; every block is a [`Content::ToolResult`].
    Tool,
}

impl Role {
    /// Whether these are instructions rather than conversation.
    #[must_use]
    pub const fn instructs(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// One turn. Readers put tool results into a [`Role::Tool`] message of their own, whatever the
/// dialect's place for them; several results of one turn share one message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a turn, and whether a prompt cache ends after it.
#[derive(Clone, Debug)]
pub struct Block {
    /// The piece itself.
    pub content: Content,
    /// A prompt-cache breakpoint after this block.
    pub cache: Option<CacheMark>,
}

impl From<Content> for Block {
    fn from(content: Content) -> Self {
        Self { content, cache: None }
    }
}

/// A prompt-cache breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMark {
    /// The provider's default lifetime.
    Default,
    /// Five minutes.
    Minutes5,
    /// One hour or the longest the provider has.
    Hour1,
}

/// The kinds of content.
#[derive(Clone, Debug)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// A picture.
    Image {
        /// Its bytes or address.
        source: Media,
        /// OpenAI's `detail` hint.
        detail: Option<String>,
    },
    /// A document, mostly PDF.
    Document {
        /// Its bytes, text or address.
        source: Media,
        /// A file name or title.
        name: Option<String>,
    },
    /// The model's thinking.
    Reasoning(ReasoningBlock),
    /// A call of a tool by the model.
    ToolCall(ToolCall),
    /// The result of such a call.
    ToolResult(ToolResult),
    /// The model's refusal, in words.
    Refusal(String),
}

/// Where media come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// An http(s) address.
    Url(String),
    /// Bytes in base64.
    Base64 {
        /// MIME type, e.g. `image/png`.
        media_type: String,
        /// Standard base64 with padding, no line breaks.
        data: String,
    },
    /// Plain text (documents only).
    Text(String),
}

/// Thinking that the model showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReasoningBlock {
    /// Readable thinking or its summary; empty when only state was given.
    pub text: String,
    /// The provider's proof or encrypted form, to be replayed to the same family only.
    pub state: Option<OpaqueState>,
}

/// Provider-bound state of a reasoning block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueState {
    /// Who can read it.
    pub family: StateFamily,
    /// The state, exactly as given: Anthropic's signature or redacted data, or OpenAI's item id
    /// and encrypted content joined by a newline.
    pub payload: String,
    /// Anthropic: the whole block was redacted and `payload` is its `data`.
    pub redacted: bool,
}

/// Whose models can read a piece of opaque state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFamily {
    /// Claude, in the Messages and Converse dialects.
    Anthropic,
    /// OpenAI models, in the Responses dialect.
    Openai,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id, unique in the conversation.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON text; `{}` when there are none.
    pub arguments: String,
}

/// The result of a tool call.
#[derive(Clone, Debug)]
pub struct ToolResult {
    /// The id of the call it answers.
    pub call_id: String,
    /// Text, images and documents.
    pub blocks: Vec<Block>,
    /// The tool failed.
    pub is_error: bool,
}

/// A function the model may call.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of its arguments, text untouched; none means no arguments.
    pub parameters: Option<Box<RawValue>>,
    /// Arguments must match the schema exactly.
    pub strict: Option<bool>,
    /// A prompt-cache breakpoint after this tool.
    pub cache: Option<CacheMark>,
}

/// Which tools may or must be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model sees fit.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

/// The form of the answer.
#[derive(Clone, Debug)]
pub enum Format {
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The JSON Schema, text untouched.
        schema: Box<RawValue>,
        /// The answer must match exactly.
        strict: Option<bool>,
    },
}

/// How hard the model is to think.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// Thinking is switched off.
    pub off: bool,
    /// `minimal`, `low`, `medium`, `high`, `xhigh` or `max`.
    pub effort: Option<String>,
    /// A budget in tokens (older Claude models).
    pub budget_tokens: Option<u64>,
    /// Readable thinking or a summary is wanted.
    pub summary: Option<bool>,
}

/// A whole reply.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The provider's id of the reply; empty when it gave none.
    pub id: String,
    /// The model the provider says it served; empty when it did not say.
    pub model: String,
    /// Seconds since the Unix epoch, when the provider dated it.
    pub created_s: Option<u64>,
    /// Text, reasoning, tool calls and refusals, in order.
    pub blocks: Vec<Content>,
    /// Why it ended.
    pub finish: Finish,
    /// Which stop string ended it.
    pub stop_sequence: Option<String>,
    /// What it consumed; none when the provider did not say.
    pub usage: Option<Usage>,
    /// The service tier it was served in, as the provider says; none where that is the standard
    /// one.
    pub service_tier: Option<ServiceTier>,
    /// Where response-side fields were left out, e.g. `choices[0].logprobs`.
    pub foreign: Vec<String>,
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// The model was done.
    #[default]
    Stop,
    /// A stop string was met.
    StopSequence,
    /// The token limit was reached.
    Length,
    /// The context window was full.
    ContextFull,
    /// The model called tools.
    ToolCalls,
    /// A content filter cut in.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// The provider paused a long turn; the client should send it back to go on.
    Pause,
}

impl Finish {
    /// OpenAI Chat's word for it.
    #[must_use]
    pub const fn as_openai(self) -> &'static str {
        match self {
            Self::Stop | Self::StopSequence | Self::Pause => "stop",
            Self::Length | Self::ContextFull => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter | Self::Refusal => "content_filter",
        }
    }
}

/// One event of a stream. Blocks are numbered from 0 in the order they start; events of different
/// blocks may interleave (parallel OpenAI tool calls).
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The reply began. No content yet.
    Start {
        /// The provider's id of the reply; empty when it gave none.
        id: String,
        /// The model the provider says it serves; empty when it did not say.
        model: String,
    },
    /// A block began.
    BlockStart {
        /// Its number.
        index: usize,
        /// Its kind.
        block: BlockOpen,
    },
    /// A block grew.
    Delta {
        /// Its number.
        index: usize,
        /// By what.
        delta: Delta,
    },
    /// A block is complete.
    BlockStop {
        /// Its number.
        index: usize,
    },
    /// What the call consumed so far. A snapshot: the last one is right.
    Usage(Usage),
    /// The service tier that the provider says it serves; none is the standard one. The last one
    /// is right.
    ServiceTier(Option<ServiceTier>),
    /// Why the reply ended; exactly once. Usage may still follow.
    Finish {
        /// The reason.
        reason: Finish,
        /// Which stop string ended it.
        stop_sequence: Option<String>,
    },
    /// The dialect's terminal event: the reply is complete.
    End,
    /// A sign of life without content.
    Ping,
    /// The stream failed; nothing follows.
    Error(Fault),
}

/// The kind of a block in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockOpen {
    /// Text.
    Text,
    /// Thinking.
    Reasoning,
    /// A tool call.
    ToolCall {
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// A refusal in words.
    Refusal,
}

/// What a block grew by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Text, cut at character boundaries.
    Text(String),
    /// Readable thinking.
    Reasoning(String),
    /// Provider-bound state of the reasoning block, whole.
    State(OpaqueState),
    /// A fragment of a tool call's JSON arguments.
    Arguments(String),
    /// A fragment of a refusal.
    Refusal(String),
}

impl Delta {
    /// Whether it carries anything a client would see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text)
            | Self::Reasoning(text)
            | Self::Arguments(text)
            | Self::Refusal(text) => text.is_empty(),
            Self::State(_) => false,
        }
    }
}

impl Event {
    /// Whether sending this to the client commits the attempt: the first content.
    ///
    /// Starts, pings and empty fragments do not; a tool call does by its name alone.
    #[must_use]
    pub fn is_content(&self) -> bool {
        match self {
            Self::Delta { delta, .. } => !delta.is_empty(),
            Self::BlockStart { block: BlockOpen::ToolCall { .. }, .. } => true,
            _ => false,
        }
    }
}
