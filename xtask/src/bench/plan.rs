//! What is measured: works, and the candidates that do each.

use std::fmt;

use super::options::Options;

const KB: usize = 1024;
const CONCURRENCIES: [usize; 4] = [1, 8, 64, 256];
const CONCURRENCIES_QUICK: [usize; 2] = [1, 64];
/// How many streams are open together where their first tokens are timed: enough for a median in
/// some seconds, too few to wait for each other.
pub(super) const FEW_STREAMS: usize = 8;
/// How many streams are open together where their chunks are counted.
pub(super) const STREAMS: usize = 64;
/// How many streams are open together where memory is looked at.
pub(super) const OPEN_STREAMS: usize = 1000;

/// The dialect that the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
    Chat,
    Messages,
}

impl Client {
    /// The dialect's name in the vocabulary.
    pub(super) fn dialect(self) -> &'static str {
        match self {
            Self::Chat => "openai-chat",
            Self::Messages => "anthropic-messages",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
        }
    }
}

/// How answers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answers {
    /// Whole and at once.
    Whole,
    /// As streams with a pause between chunks.
    Streams,
    /// As streams so slow that all of them stay open.
    OpenStreams,
}

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Work {
    pub(super) client: Client,
    pub(super) answers: Answers,
    /// Bytes of text in the request.
    pub(super) prompt_bytes: usize,
    /// Requests that are under way at any time.
    pub(super) concurrency: usize,
}

/// Who does a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Candidate {
    /// The simulated provider itself, without anything between.
    Direct,
    /// nginx as a plain reverse proxy.
    Nginx,
    /// Tieline in front of a provider that speaks the client's dialect.
    Same,
    /// Tieline in front of a provider that speaks another.
    Cross,
    /// An earlier Tieline, doing what [`Self::Same`] does.
    Before,
}

impl Candidate {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Same => "tieline same dialect",
            Self::Cross => "tieline cross dialect",
            Self::Before => "tieline before",
        }
    }
}

impl Work {
    /// Whether it is so light that it shows the time that a hop adds to going direct.
    pub(super) fn shows_added_time(&self) -> bool {
        match self.answers {
            Answers::Whole => self.concurrency == 1,
            Answers::Streams => self.concurrency == FEW_STREAMS,
            Answers::OpenStreams => false,
        }
    }

    /// Who does it.
    pub(super) fn candidates(&self) -> &'static [Candidate] {
        use Candidate::{Cross, Direct, Nginx, Same};
        match (self.answers, self.client) {
            (Answers::OpenStreams, _) => &[Nginx, Same],
            (_, Client::Chat) if self.shows_added_time() => &[Direct, Nginx, Same, Cross],
            (_, Client::Chat) => &[Nginx, Same, Cross],
            (_, Client::Messages) if self.shows_added_time() => &[Direct, Nginx, Cross],
            (_, Client::Messages) => &[Nginx, Cross],
        }
    }

    pub(super) fn streams(&self) -> bool {
        self.answers != Answers::Whole
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = match self.answers {
            Answers::Whole => "whole replies",
            Answers::Streams => "streams",
            Answers::OpenStreams => "open streams",
        };
        let Self { client, concurrency, .. } = self;
        let kb = self.prompt_bytes / KB;
        write!(f, "{} {answers}, {kb} KB prompt, concurrency {concurrency}", client.dialect())
    }
}

/// Every work of a run, in order.
pub(super) fn of(options: &Options) -> Vec<Work> {
    let concurrencies = if options.quick { &CONCURRENCIES_QUICK[..] } else { &CONCURRENCIES };
    let mut works = Vec::new();
    for client in [Client::Chat, Client::Messages] {
        let stream = |concurrency| (Answers::Streams, KB, concurrency);
        let whole = [KB, 100 * KB].into_iter().flat_map(|prompt_bytes| {
            concurrencies.iter().map(move |count| (Answers::Whole, prompt_bytes, *count))
        });
        works.extend(whole.chain([FEW_STREAMS, STREAMS].map(stream)).map(
            |(answers, prompt_bytes, concurrency)| Work {
                client,
                answers,
                prompt_bytes,
                concurrency,
            },
        ));
    }
    works.push(Work {
        client: Client::Chat,
        answers: Answers::OpenStreams,
        prompt_bytes: KB,
        concurrency: OPEN_STREAMS,
    });
    works
}
