//! A home for one ledger, records to put in it, and waiting for levels.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use proptest::{collection::vec, option, prelude::*, sample::select};
use rusqlite::Connection;
use tempfile::TempDir;
use tieline_ledger::{Filter, Ledger, Settings, Status, query};
use tieline_types::{
    AttemptRecord, CallRecord, Class, Cost, CostState, DecisionRecord, DialectId, Modalities,
    Modality, Outcome, PassedOver, Phase, PlannedStep, Reason, ServiceTier, Usage, UsdPico,
    WeighedCandidate,
};
use tokio::time::Instant;

/// How long a level may take to be reached on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(30);

/// A directory with room for a database and a spill.
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn settings(&self) -> Settings {
        settings_in(self.path())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.settings().path
    }

    pub(crate) fn open(&self) -> Ledger {
        Ledger::open(&self.settings()).unwrap()
    }

    /// Everything in the database, newest first.
    pub(crate) fn all(&self) -> Vec<CallRecord> {
        query(&self.database(), &Filter { limit: u32::MAX, ..Filter::default() }).unwrap()
    }

    /// The files of the spill that end in `extension`.
    pub(crate) fn spill_files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.settings().spill).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|found| found == extension));
        paths
    }

    /// Another connection that keeps every writer out until it is dropped.
    pub(crate) fn lock(&self) -> Connection {
        let connection = Connection::open(self.database()).unwrap();
        connection.busy_timeout(LIMIT).unwrap();
        connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
        connection
    }
}

pub(crate) fn settings_in(directory: &Path) -> Settings {
    Settings { path: directory.join("ledger.db"), spill: directory.join("spill") }
}

/// Waits for a level, for a bounded time.
pub(crate) fn eventually(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < LIMIT, "not reached: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Waits until the ledger's status is as wanted.
pub(crate) fn until(ledger: &Ledger, what: &str, wanted: impl Fn(Status) -> bool) {
    eventually(what, || wanted(ledger.status()));
}

/// The ids of records, sorted.
pub(crate) fn ids(records: &[CallRecord]) -> Vec<String> {
    let mut ids: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
    ids.sort();
    ids
}

/// Records as [`Home::all`] gives them.
pub(crate) fn newest_first(mut records: Vec<CallRecord>) -> Vec<CallRecord> {
    records.sort_by(|a, b| (b.started_ms, &b.id).cmp(&(a.started_ms, &a.id)));
    records
}

/// A served request that needed two attempts, with something in every field.
pub(crate) fn record(number: u64) -> CallRecord {
    let usage = Usage {
        input: number,
        cache_read: 2,
        cache_write_5m: 3,
        cache_write_1h: 4,
        cache_write_other: 5,
        input_audio: 6,
        output: 7,
        reasoning: 8,
        output_audio: 9,
        estimated: number.is_multiple_of(2),
    };
    CallRecord {
        id: format!("req_{number:010}"),
        started_ms: 1_790_000_000_000 + number,
        duration_us: 1_500_000,
        first_content_us: Some(300_000),
        longest_gap_us: Some(250_000),
        dialect: DialectId::OpenaiChat,
        feature: Arc::from("support-reply"),
        model_asked: "support-reply".to_owned(),
        stream: true,
        caller: Arc::from("local"),
        tier: Some(Arc::from("frontier")),
        deployment: Some(Arc::from("gpt-5.5@azure-sweden")),
        outcome: Outcome::Served,
        status: 200,
        fault: None,
        fault_message: None,
        losses: vec!["dropped:top_k".to_owned(), "changed:system".to_owned()],
        usage: Some(usage),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        attempts: vec![failed_attempt(), served_attempt(usage)],
        passed_over: vec![PassedOver {
            tier: Arc::from("frontier"),
            deployment: Arc::from("gpt-5.5@openai"),
            why: "quota".into(),
            opens_in_ms: Some(1_200),
        }],
        decision: Some(Arc::new(decision())),
    }
}

/// What was decided for [`record`], the same for each of them.
fn decision() -> DecisionRecord {
    let step = |does: &'static str, deployment: Option<&str>| PlannedStep {
        tier: Arc::from("frontier"),
        does: does.into(),
        deployment: deployment.map(Arc::from),
    };
    DecisionRecord {
        id: Arc::from("dec_5f0c2a9d1b7e48c36a90f1d2"),
        configuration: Arc::from("sha256:5f0c2a9d1b7e"),
        feature: Arc::from("support-reply"),
        modalities: Some(Modality::Image.into()),
        on_burn: vec![Arc::from("quick: prefer fastest")],
        drill: Some(Arc::from("region-loss")),
        candidates: vec![WeighedCandidate {
            tier: Arc::from("frontier"),
            deployment: Arc::from("gpt-5.5@azure-sweden"),
            verdict: "in".into(),
            usd: Some("0.0125".parse().unwrap()),
            ttft_ms: Some(300),
            ttft_of: Some("4k".into()),
            ttft_p95_ms: Some(900),
            ttft_p95_of: None,
            quality: Some(0.5),
            score: None,
        }],
        plan: vec![step("call", Some("gpt-5.5@azure-sweden")), step("reply", None)],
    }
}

fn failed_attempt() -> AttemptRecord {
    AttemptRecord {
        tier: Arc::from("frontier"),
        deployment: Arc::from("claude-sonnet-5@anthropic"),
        provider: Arc::from("anthropic"),
        dialect: DialectId::AnthropicMessages,
        reason: Reason::Chosen,
        start_us: 900,
        duration_us: 200_000,
        first_content_us: None,
        status: Some(529),
        fault: Some(Class::Overloaded),
        phase: Some(Phase::Headers),
        fault_message: Some("Overloaded".to_owned()),
        upstream_request_id: Some("req_011".to_owned()),
        model_served: None,
        service_tier: None,
        usage: None,
        cost: None,
    }
}

fn served_attempt(usage: Usage) -> AttemptRecord {
    AttemptRecord {
        tier: Arc::from("frontier"),
        deployment: Arc::from("gpt-5.5@azure-sweden"),
        provider: Arc::from("azure-sweden"),
        dialect: DialectId::OpenaiResponses,
        reason: Reason::Fallback,
        start_us: 201_000,
        duration_us: 1_299_000,
        first_content_us: Some(99_000),
        status: Some(200),
        fault: None,
        phase: None,
        fault_message: None,
        upstream_request_id: None,
        model_served: Some("gpt-5.5-2026-04-01".to_owned()),
        service_tier: ServiceTier::served("flex"),
        usage: Some(usage),
        cost: Some(Cost { usd: UsdPico::new(20_600_000_000), state: CostState::Estimated }),
    }
}

const DIALECTS: [DialectId; 4] = [
    DialectId::OpenaiChat,
    DialectId::OpenaiResponses,
    DialectId::AnthropicMessages,
    DialectId::BedrockConverse,
];

pub(crate) const OUTCOMES: [Outcome; 6] = [
    Outcome::Served,
    Outcome::Degraded,
    Outcome::Refused,
    Outcome::Failed,
    Outcome::Broken,
    Outcome::Cancelled,
];

const REASONS: [Reason; 6] = [
    Reason::Chosen,
    Reason::Fallback,
    Reason::LastResort,
    Reason::Again,
    Reason::Hedge,
    Reason::Embeddings,
];

const PHASES: [Phase; 5] =
    [Phase::Admit, Phase::Connect, Phase::Headers, Phase::PreCommit, Phase::PostCommit];

/// Any text, with line breaks, quotes and NUL more often than chance would have it.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z'\"\n\r\0,\\\\]{0,12}"]
}

fn any_name() -> impl Strategy<Value = Arc<str>> {
    any_text().prop_map(Arc::from)
}

fn any_usage() -> impl Strategy<Value = Usage> {
    (any::<[u64; 9]>(), any::<bool>()).prop_map(|(tokens, estimated)| Usage {
        input: tokens[0],
        cache_read: tokens[1],
        cache_write_5m: tokens[2],
        cache_write_1h: tokens[3],
        cache_write_other: tokens[4],
        input_audio: tokens[5],
        output: tokens[6],
        reasoning: tokens[7],
        output_audio: tokens[8],
        estimated,
    })
}

const COST_STATES: [CostState; 4] =
    [CostState::Priced, CostState::Estimated, CostState::Partial, CostState::Unpriced];

fn any_cost() -> impl Strategy<Value = Cost> {
    (any::<i64>(), select(&COST_STATES[..]))
        .prop_map(|(pico, state)| Cost { usd: UsdPico::new(pico.into()), state })
}

prop_compose! {
    fn any_attempt()(
        (tier, deployment, provider) in (any_name(), any_name(), any_name()),
        dialect in select(&DIALECTS[..]),
        reason in select(&REASONS[..]),
        (start_us, duration_us, first_content_us) in any::<(u64, u64, Option<u64>)>(),
        status in any::<Option<u16>>(),
        fault in option::of(select(&Class::ALL[..])),
        phase in option::of(select(&PHASES[..])),
        fault_message in option::of(any_text()),
        upstream_request_id in option::of(any_text()),
        model_served in option::of(any_text()),
        service_tier in any_text().prop_map(|word| ServiceTier::served(&word)),
        usage in option::of(any_usage()),
        cost in option::of(any_cost()),
    ) -> AttemptRecord {
        AttemptRecord {
            tier, deployment, provider, dialect, reason, start_us, duration_us, first_content_us,
            status, fault, phase, fault_message, upstream_request_id, model_served,
            service_tier, usage, cost,
        }
    }
}

prop_compose! {
    fn any_passed_over()(
        (tier, deployment, why) in (any_name(), any_name(), any_text()),
        opens_in_ms in any::<Option<u64>>(),
    ) -> PassedOver {
        PassedOver { tier, deployment, why: why.into(), opens_in_ms }
    }
}

prop_compose! {
    /// Ids are made of what decisions say, so each has one of its own.
    fn any_decision()(
        id in "dec_[0-9a-f]{24}",
        (configuration, feature) in (any_name(), any_name()),
        modalities in option::of(select(&Modality::ALL[..]).prop_map(Modalities::from)),
        on_burn in vec(any_name(), 0..2),
        drill in option::of(any_name()),
        candidates in vec(any_candidate(), 0..3),
        plan in vec((any_name(), any_text(), option::of(any_name())), 0..3),
    ) -> Arc<DecisionRecord> {
        let step = |(tier, does, deployment): (_, String, _)| {
            PlannedStep { tier, does: does.into(), deployment }
        };
        let plan = plan.into_iter().map(step).collect();
        let id = id.into();
        Arc::new(DecisionRecord {
            id, configuration, feature, modalities, on_burn, drill, candidates, plan,
        })
    }
}

prop_compose! {
    fn any_candidate()(
        (tier, deployment, verdict) in (any_name(), any_name(), any_text()),
        pico in option::of(0..i64::MAX),
        (ttft_ms, ttft_p95_ms) in any::<(Option<u64>, Option<u64>)>(),
        (ttft_of, ttft_p95_of) in (option::of(any_text()), option::of(any_text())),
        (quality, score) in (option::of(0..64_u8), option::of(0..64_u8)),
    ) -> WeighedCandidate {
        // Such fractions have few digits.
        let share = |of_64: Option<u8>| of_64.map(|share| f64::from(share) / 64.0);
        WeighedCandidate {
            tier,
            deployment,
            verdict: verdict.into(),
            usd: pico.map(|pico| UsdPico::new(pico.into())),
            ttft_ms,
            ttft_of: ttft_of.map(Into::into),
            ttft_p95_ms,
            ttft_p95_of: ttft_p95_of.map(Into::into),
            quality: share(quality),
            score: share(score),
        }
    }
}

prop_compose! {
    /// Any record at all; its id is any text too.
    pub(crate) fn any_record()(
        (id, model_asked) in (any_text(), any_text()),
        (started_ms, duration_us) in any::<(u64, u64)>(),
        (first_content_us, longest_gap_us) in any::<(Option<u64>, Option<u64>)>(),
        dialect in select(&DIALECTS[..]),
        (feature, caller) in (any_name(), any_name()),
        (stream, status) in any::<(bool, u16)>(),
        (tier, deployment) in (option::of(any_name()), option::of(any_name())),
        outcome in select(&OUTCOMES[..]),
        fault in option::of(select(&Class::ALL[..])),
        (fault_message, trace_id) in (option::of(any_text()), option::of(any_text())),
        losses in vec(any_text(), 0..4),
        usage in option::of(any_usage()),
        attempts in vec(any_attempt(), 0..4),
        passed_over in vec(any_passed_over(), 0..3),
        decision in option::of(any_decision()),
    ) -> CallRecord {
        CallRecord {
            id, started_ms, duration_us, first_content_us, longest_gap_us, dialect, feature,
            model_asked, stream, caller, tier, deployment, outcome, status, fault, fault_message,
            losses, usage, trace_id, attempts, passed_over, decision,
        }
    }
}
