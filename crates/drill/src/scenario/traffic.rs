//! Who asks for what, and how quick providers are.

use std::{path::PathBuf, time::Duration};

use tieline_yaml::{Fields, Node, Notes};

use super::moment;

/// Requests for one feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// The feature.
    pub feature: String,
    /// When they come.
    pub arrivals: Arrivals,
    /// What they are like.
    pub shape: Shape,
    /// Who sends them.
    pub clients: Clients,
}

/// When requests come.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// At even distances, so many a second.
    Constant(f64),
    /// At random, so many a second on average.
    Poisson(f64),
    /// At random, from one rate at the start to another at the end.
    Ramp {
        /// Requests a second at the start.
        from: f64,
        /// Requests a second at the end.
        to: f64,
    },
    /// As a day was recorded: so many in each minute, times a factor.
    Replay {
        /// The file: a number of requests a line, a line a minute.
        file: PathBuf,
        /// Times so much.
        scale: f64,
    },
}

/// What requests are like.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Tokens of prompts.
    pub input: Tokens,
    /// Tokens of answers.
    pub output: Tokens,
    /// The share that asks for a stream.
    pub stream: f64,
    /// The share that offers a tool.
    pub tools: f64,
    /// The share that asks what was asked before, word for word.
    pub repeats: f64,
    /// How many people there are.
    pub users: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            input: Tokens { p50: 900.0, p95: 900.0 },
            output: Tokens { p50: 120.0, p95: 120.0 },
            stream: 0.9,
            tools: 0.0,
            repeats: 0.0,
            users: 100,
        }
    }
}

/// Numbers of tokens: log-normal, by two of their quantiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tokens {
    /// Half of them are no more.
    pub p50: f64,
    /// 95 of 100 are no more.
    pub p95: f64,
}

/// What clients do when they are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// How often they try again, as official SDKs do: with backoff, and not where they are told
    /// not to.
    pub retries: u32,
    /// How often their application goes through all of that again.
    pub loops: u32,
    /// How long they wait for an answer.
    pub timeout: Duration,
}

impl Default for Clients {
    fn default() -> Self {
        Self { retries: 0, loops: 1, timeout: Duration::from_secs(600) }
    }
}

/// How quick a simulated provider is when it is well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The median time to the first token.
    pub first_token: Duration,
    /// Its 95th percentile.
    pub first_token_p95: Duration,
    /// Tokens a second after that.
    pub tokens_per_second: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_token: Duration::from_millis(500),
            first_token_p95: Duration::from_millis(1200),
            tokens_per_second: 80.0,
        }
    }
}

pub(super) fn workload(node: &Node, notes: &mut Notes) -> Option<Workload> {
    let fields = notes.fields(node, "a workload", &["feature", "arrivals", "shape", "clients"])?;
    let feature = notes.required(&fields, "the workload", "feature", "feature: support-reply")?;
    let feature = notes.text(feature, "`feature`")?.to_owned();
    let example = "arrivals: { process: poisson, rps: 4 }";
    let arrivals = notes.required(&fields, "the workload", "arrivals", example)?;
    let arrivals = self::arrivals(arrivals, notes);
    let shape = fields.get("shape").map_or(Some(Shape::default()), |node| shape(node, notes));
    let clients =
        fields.get("clients").map_or(Some(Clients::default()), |node| clients(node, notes));
    Some(Workload { feature, arrivals: arrivals?, shape: shape?, clients: clients? })
}

const PROCESSES: [&str; 4] = ["constant", "poisson", "ramp", "replay"];

fn arrivals(node: &Node, notes: &mut Notes) -> Option<Arrivals> {
    let known = ["process", "rps", "from", "to", "file", "scale"];
    let fields = notes.fields(node, "`arrivals`", &known)?;
    let process = notes.required(&fields, "`arrivals`", "process", "process: poisson")?;
    let at = notes.one_of(process, "`process`", &PROCESSES)?;
    let process = PROCESSES.get(at).copied().unwrap_or_default();
    let takes: &[&str] = match process {
        "constant" | "poisson" => &["process", "rps"],
        "ramp" => &["process", "from", "to"],
        _ => &["process", "file", "scale"],
    };
    notes.fields(node, &format!("`{process}` arrivals"), takes)?;
    let rate = |key: &str, notes: &mut Notes| {
        let node = notes.required(&fields, "`arrivals`", key, &format!("{key}: 4"))?;
        notes.number(node, "a number of requests a second", |rate| (0.0..=10_000.0).contains(&rate))
    };
    Some(match process {
        "constant" => Arrivals::Constant(rate("rps", notes)?),
        "poisson" => Arrivals::Poisson(rate("rps", notes)?),
        "ramp" => Arrivals::Ramp { from: rate("from", notes)?, to: rate("to", notes)? },
        _ => {
            let file = notes.required(&fields, "`arrivals`", "file", "file: day.txt")?;
            let file = notes.text(file, "`file`")?.into();
            let scale = fields.get("scale").map_or(Some(1.0), |node| {
                notes.number(node, "a factor above 0", |scale| scale > 0.0 && scale.is_finite())
            });
            Arrivals::Replay { file, scale: scale? }
        }
    })
}

fn shape(node: &Node, notes: &mut Notes) -> Option<Shape> {
    let known = ["inputTokens", "outputTokens", "stream", "tools", "repeats", "users"];
    let fields = notes.fields(node, "`shape`", &known)?;
    let usual = Shape::default();
    let input = tokens(&fields, "inputTokens", usual.input, notes);
    let output = tokens(&fields, "outputTokens", usual.output, notes);
    let mut share = |key: &str, usual: f64| match fields.get(key) {
        Some(node) => notes.number(node, "a share from 0 to 1", |one| (0.0..=1.0).contains(&one)),
        None => Some(usual),
    };
    let stream = share("stream", usual.stream);
    let tools = share("tools", usual.tools);
    let repeats = share("repeats", usual.repeats);
    let users = match fields.get("users") {
        Some(node) => {
            notes.whole(node, "a number of people")?.try_into().unwrap_or(u32::MAX).max(1)
        }
        None => usual.users,
    };
    let (input, output) = (input?, output?);
    Some(Shape { input, output, stream: stream?, tools: tools?, repeats: repeats?, users })
}

fn tokens(fields: &Fields<'_>, key: &str, usual: Tokens, notes: &mut Notes) -> Option<Tokens> {
    let Some(node) = fields.get(key) else { return Some(usual) };
    let quantiles = notes.fields(node, &format!("`{key}`"), &["p50", "p95"])?;
    let fits = |count: f64| (1.0..=200_000.0).contains(&count);
    let p50 = notes.required(&quantiles, &format!("`{key}`"), "p50", "p50: 900")?;
    let p50 = notes.number(p50, "a number of tokens above 0", fits)?;
    let p95 = match quantiles.get("p95") {
        Some(node) => notes.number(node, "a number of tokens above 0", fits)?,
        None => p50,
    };
    Some(Tokens { p50, p95: p95.max(p50) })
}

fn clients(node: &Node, notes: &mut Notes) -> Option<Clients> {
    let fields = notes.fields(node, "`clients`", &["retries", "loops", "timeout"])?;
    let usual = Clients::default();
    let mut count = |key: &str, usual: u32| match fields.get(key) {
        Some(node) => notes.whole(node, "a whole number").map(|n| n.try_into().unwrap_or(100)),
        None => Some(usual),
    };
    let (retries, loops) = (count("retries", usual.retries)?, count("loops", usual.loops)?);
    let timeout = match fields.get("timeout") {
        Some(node) => moment::length(node, "`timeout`", notes)?,
        None => usual.timeout,
    };
    Some(Clients { retries: retries.min(100), loops: loops.clamp(1, 100), timeout })
}

/// Reads how quick providers are, by their names.
pub(super) fn paces(node: &Node, notes: &mut Notes) -> Vec<(String, Pace)> {
    let Some(fields) = notes.any_fields(node, "`providers`") else { return Vec::new() };
    let paces =
        fields.entries().filter_map(|(name, _, node)| Some((name.to_owned(), pace(node, notes)?)));
    paces.collect()
}

fn pace(node: &Node, notes: &mut Notes) -> Option<Pace> {
    let fields = notes.fields(node, "a provider", &["firstToken", "tokensPerSecond"])?;
    let usual = Pace::default();
    let (first_token, first_token_p95) = match fields.get("firstToken") {
        Some(node) => {
            let times = notes.fields(node, "`firstToken`", &["p50", "p95"])?;
            let p50 = notes.required(&times, "`firstToken`", "p50", "p50: 500ms")?;
            let p50 = moment::length(p50, "`p50`", notes)?;
            let p95 =
                times.get("p95").map_or(Some(p50), |node| moment::length(node, "`p95`", notes));
            (p50, p95?)
        }
        None => (usual.first_token, usual.first_token_p95),
    };
    let tokens_per_second = match fields.get("tokensPerSecond") {
        Some(node) => {
            notes.number(node, "a number above 0", |pace| pace > 0.0 && pace.is_finite())?
        }
        None => usual.tokens_per_second,
    };
    Some(Pace { first_token, first_token_p95, tokens_per_second })
}
