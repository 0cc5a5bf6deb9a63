//! `tieline sim`: simulated providers on real ports.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU16, NonZeroUsize},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tieline_sim::{
    FixedReply, Kind, Known, Pace, ProviderSpec, Quota, Rule, Sim as Simulation, Spread,
};

use crate::{
    failure::Failure,
    print::{self, FormatOption},
    signals::Signals,
    when,
};

/// The first of the ports that providers have where none are named, one after the other.
const USUAL_PORT: u16 = 9101;

/// Run simulated providers, for trying things out and for tests
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A provider is KIND=ADDRESS or NAME:KIND=ADDRESS; port 0 takes a free one. Kinds: openai,
azure-openai, anthropic, bedrock, openai-compatible. None given: one of each kind on
127.0.0.1:9101 to 9105. Any key of the right form opens. What they say depends on the seed only.

Faults are rules in a JSON file:
  [{\"provider\": \"openai\", \"from\": \"10s\", \"until\": \"40s\", \"fault\": \"status=401\"},
   {\"provider\": \"openai\", \"share\": 0.1, \"fault\": \"cut-after=3\"},
   {\"provider\": \"openai\", \"load_above\": 0.6, \"share\": 0.5, \"fault\": \"status=500\"}]
One request can ask for a fault with the header x-sim-fault, such as `status=429,retry-after=2s`.

Quotas are what accounts may use a minute, in a JSON file too:
  [{\"provider\": \"openai\", \"requests_per_minute\": 600, \"tokens_per_minute\": 200000},
   {\"provider\": \"openai\", \"from\": \"10m\", \"until\": \"70m\", \"tokens_per_minute\": 60000}]

Answers are lines of JSON, each for texts with a part; --wrong says who gets which share wrong:
  {\"when\": \"capital of France\", \"say\": \"Paris\", \"wrong\": \"Lyon\"}

Examples:
  tieline sim
  tieline sim openai=127.0.0.1:9101 eu:azure-openai=127.0.0.1:9102 --first-token 200ms
  tieline sim openai=127.0.0.1:0 --faults outage.json --format json
  tieline sim openai=127.0.0.1:9101 --quotas quotas.json
  tieline sim openai=127.0.0.1:9101 --first-token 400ms --first-token-p95 1500ms
  tieline sim openai=127.0.0.1:9101 --answers answers.jsonl --wrong gpt-5.4-mini=0.15
  tieline sim openai=127.0.0.1:9101 --fixed-reply 1024 --chunks 100 --threads 1")]
pub(crate) struct Sim {
    /// The providers
    #[arg(value_name = "[NAME:]KIND=ADDRESS")]
    providers: Vec<Wanted>,
    /// Seed of everything they say
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// From a request to its first token
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = when::duration)]
    first_token: Duration,
    /// From one token to the next
    #[arg(long, value_name = "DURATION", default_value = "5ms", value_parser = when::duration)]
    per_token: Duration,
    /// From a request to its first token in 1 of 20 answers, where it differs; the others are
    /// spread around --first-token
    #[arg(long, value_name = "DURATION", value_parser = when::duration)]
    first_token_p95: Option<Duration>,
    /// From one token to the next in 1 of 20 answers, where it differs
    #[arg(long, value_name = "DURATION", value_parser = when::duration)]
    per_token_p95: Option<Duration>,
    /// How many tokens a reply has: a number, or the least and the most
    #[arg(long, value_name = "N..M", default_value = "20..60", value_parser = token_range)]
    reply_tokens: RangeInclusive<u32>,
    /// A JSON file with the faults to show
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// A JSON file with the quotas of the providers' accounts
    #[arg(long, value_name = "FILE")]
    quotas: Option<PathBuf>,
    /// A JSON Lines file of questions with their answers; to all others they say what they like
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The share of these answers that a provider or a model gets wrong; may be repeated
    #[arg(long, value_name = "NAME=SHARE", requires = "answers", value_parser = wrong_share)]
    wrong: Vec<(String, f64)>,
    /// Answer every request at once with the same text of so many bytes, for load tests
    #[arg(long, value_name = "BYTES")]
    fixed_reply: Option<usize>,
    /// Deltas that a stream cuts the fixed reply into
    #[arg(long, value_name = "N", requires = "fixed_reply", default_value = "100")]
    chunks: NonZeroU16,
    /// Threads that serve. Default: one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    format: FormatOption,
}

/// A provider as written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    name: String,
    kind: Kind,
    address: SocketAddr,
}

/// The JSON form of the line that says that the providers are ready.
#[derive(Serialize)]
struct Ready {
    providers: Vec<Listening>,
}

#[derive(Serialize)]
struct Listening {
    name: String,
    kind: Kind,
    url: String,
}

impl Sim {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        if self.providers.is_empty() {
            self.providers = usual_providers();
        }
        distinct(&self.providers)?;
        let known = self.answers.as_deref().map(|path| self.read_answers(path)).transpose()?;
        let rules = read_list(self.faults.as_deref(), "faults")?;
        let quotas = read_list(self.quotas.as_deref(), "quotas")?;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        if let Some(threads) = self.threads {
            builder.worker_threads(threads.get());
        }
        let runtime = builder.enable_all().build().map_err(Failure::os("start the runtime"))?;
        runtime.block_on(self.simulate(rules, quotas, known.as_ref()))
    }

    async fn simulate(
        self,
        rules: Vec<Rule>,
        quotas: Vec<Quota>,
        known: Option<&Arc<Known>>,
    ) -> Result<(), Failure> {
        let mut signals = Signals::listen()?;
        let specs = self.providers.iter().map(|wanted| self.spec(wanted, known)).collect();
        let simulation = Simulation::starting_at(when::wall_now(), self.seed, specs);
        simulation.script().set(rules);
        simulation.quotas().set(quotas);
        let mut providers = Vec::new();
        for Wanted { name, kind, address } in &self.providers {
            let bound = simulation.listen(name, *address).await;
            let bound = bound.map_err(Failure::os(format!("listen on {address}")))?;
            let url = format!("http://{bound}");
            providers.push(Listening { name: name.clone(), kind: *kind, url });
        }
        self.format.print(&Ready { providers }, |ready| {
            let rows = ready.providers.iter();
            let rows = rows.map(|one| [one.name.clone(), one.kind.to_string(), one.url.clone()]);
            print::table(&["NAME", "KIND", "URL"], rows)
        })?;
        signals.stop().await;
        Ok(())
    }

    fn spec(&self, wanted: &Wanted, known: Option<&Arc<Known>>) -> ProviderSpec {
        ProviderSpec {
            pace: Pace { first_token: self.first_token, per_token: self.per_token },
            spread: self.spread(),
            reply_tokens: self.reply_tokens.clone(),
            known: known.cloned(),
            fixed: self.fixed_reply.map(|reply_bytes| FixedReply {
                reply_bytes,
                chunks: usize::from(self.chunks.get()),
            }),
            ..ProviderSpec::new(&wanted.name, wanted.kind)
        }
    }
}

impl Sim {
    /// None where every answer has the same pace.
    fn spread(&self) -> Option<Spread> {
        self.first_token_p95.or(self.per_token_p95)?;
        Some(Spread {
            first_token_p95: self.first_token_p95.unwrap_or_default(),
            per_token_p95: self.per_token_p95.unwrap_or_default(),
        })
    }

    fn read_answers(&self, path: &Path) -> Result<Arc<Known>, Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(Failure::os(format!("read {shown}")))?;
        let known = Known::read(&text).map_err(|error| Failure::Usage {
            message: format!("{shown}: {}", error),
            hint: "`tieline sim --help` shows how answers are written".to_owned(),
        })?;
        let wrong = self.wrong.iter();
        Ok(Arc::new(wrong.fold(known, |known, (who, share)| known.wrong(who, *share))))
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (who, address) = text
            .split_once('=')
            .ok_or("expected [NAME:]KIND=ADDRESS, such as `openai=127.0.0.1:9101`")?;
        let (name, kind) = who.split_once(':').unwrap_or((who, who));
        let kind: Kind = kind.parse().map_err(|unknown| {
            let known = Kind::ALL.map(Kind::as_str).join(", ");
            format!("{unknown}; there are {known}")
        })?;
        let address = address
            .parse()
            .map_err(|_| format!("`{address}` is no address and port, such as `127.0.0.1:0`"))?;
        Ok(Self { name: name.to_owned(), kind, address })
    }
}

fn usual_providers() -> Vec<Wanted> {
    let wanted = |(kind, port): (Kind, u16)| Wanted {
        name: kind.to_string(),
        kind,
        address: (Ipv4Addr::LOCALHOST, port).into(),
    };
    Kind::ALL.into_iter().zip(USUAL_PORT..).map(wanted).collect()
}

fn distinct(providers: &[Wanted]) -> Result<(), Failure> {
    let twice = providers
        .iter()
        .enumerate()
        .find(|(at, wanted)| providers.iter().take(*at).any(|earlier| earlier.name == wanted.name));
    match twice {
        None => Ok(()),
        Some((_, Wanted { name, kind, .. })) => Err(Failure::Usage {
            message: format!("two providers are called `{name}`"),
            hint: format!("give one of them another name, such as `other:{kind}=127.0.0.1:0`"),
        }),
    }
}

/// Reads a JSON file of `what`; no file has none.
fn read_list<T: DeserializeOwned>(path: Option<&Path>, what: &str) -> Result<Vec<T>, Failure> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let shown = path.display();
    let text = std::fs::read(path).map_err(Failure::os(format!("read {shown}")))?;
    serde_json::from_slice(&text).map_err(|error| Failure::Usage {
        message: format!("{shown}: {error}"),
        hint: format!("`tieline sim --help` shows how {what} are written"),
    })
}

/// Reads `NAME=SHARE`.
fn wrong_share(text: &str) -> Result<(String, f64), &'static str> {
    let pair = text.rsplit_once('=').and_then(|(who, share)| Some((who, share.parse().ok()?)));
    pair.filter(|(who, share)| !who.is_empty() && (0.0..=1.0).contains(share))
        .map(|(who, share)| (who.to_owned(), share))
        .ok_or("expected NAME=SHARE with a share from 0 to 1, such as `gpt-5.4-mini=0.15`")
}

/// Reads `40` or `20..60`, both ends included.
fn token_range(text: &str) -> Result<RangeInclusive<u32>, String> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) if 1 <= least && least <= most => Ok(least..=most),
        _ => Err("expected a number or a range that begins at 1 or more, such as `20..60`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_may_have_names() {
        let wanted = |name: &str, kind, address: &str| {
            Ok(Wanted { name: name.to_owned(), kind, address: address.parse().unwrap() })
        };
        for (text, expected) in [
            ("openai=127.0.0.1:0", wanted("openai", Kind::Openai, "127.0.0.1:0")),
            ("eu:azure-openai=[::1]:9", wanted("eu", Kind::AzureOpenai, "[::1]:9")),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for (text, part) in [
            ("openai", "[NAME:]KIND=ADDRESS"),
            ("eu:acme=127.0.0.1:0", "there are openai, azure-openai"),
            ("openai=9101", "`9101`"),
        ] {
            let said = text.parse::<Wanted>().unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }

    #[test]
    fn token_ranges_include_both_ends() {
        for (text, range) in
            [("40", Some(40..=40)), ("20..60", Some(20..=60)), ("0", None), ("3..2", None)]
        {
            assert_eq!(token_range(text).ok(), range, "{text}");
        }
    }
}
