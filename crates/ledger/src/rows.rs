//! A record as rows and back. Every field has a column of its own; only decisions are kept as JSON,
//! which many records share.

use std::{collections::HashSet, sync::Arc};

use rusqlite::{
    CachedStatement, Connection, OptionalExtension as _, Row, params,
    types::{FromSql, FromSqlError, ToSqlOutput, Value, ValueRef},
};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value::Error as NameError, value::StrDeserializer},
};
use tieline_types::{
    AttemptRecord, CallRecord, Cost, DecisionRecord, PassedOver, Phase, ServiceTier, Usage, UsdPico,
};

const INSERT_REQUEST: &str = include_str!("sql/insert_request.sql");
const INSERT_ATTEMPT: &str = include_str!("sql/insert_attempt.sql");
const INSERT_LOSS: &str = "INSERT INTO losses (request, number, loss) VALUES (?, ?, ?)";
const INSERT_PASSED_OVER: &str = include_str!("sql/insert_passed_over.sql");
const INSERT_DECISION: &str =
    "INSERT INTO decisions (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING";
const SELECT_DECISION: &str = "SELECT body FROM decisions WHERE id = ?";
const SELECT_ATTEMPTS: &str = "SELECT * FROM attempts WHERE request = ? ORDER BY number";
const SELECT_PASSED_OVER: &str = "SELECT * FROM passed_over WHERE request = ? ORDER BY number";
const SELECT_LOSSES: &str = "SELECT loss FROM losses WHERE request = ? ORDER BY number";

/// How many columns a usage takes.
const USAGE_COLUMNS: usize = 10;

/// One value to be bound.
type Cell<'a> = ToSqlOutput<'a>;

/// Inserts whole records: prepared once, used for a batch.
pub(crate) struct Inserter<'c> {
    connection: &'c Connection,
    request: CachedStatement<'c>,
    attempt: CachedStatement<'c>,
    loss: CachedStatement<'c>,
    passed_over: CachedStatement<'c>,
    decision: CachedStatement<'c>,
    /// The decisions of this batch.
    decided: HashSet<Arc<str>>,
}

impl<'c> Inserter<'c> {
    /// Prepares to insert into `connection`.
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            request: connection.prepare_cached(INSERT_REQUEST)?,
            attempt: connection.prepare_cached(INSERT_ATTEMPT)?,
            loss: connection.prepare_cached(INSERT_LOSS)?,
            passed_over: connection.prepare_cached(INSERT_PASSED_OVER)?,
            decision: connection.prepare_cached(INSERT_DECISION)?,
            decided: HashSet::new(),
        })
    }

    /// Inserts a record with all that belongs to it; false when its id is there already.
    pub(crate) fn insert(&mut self, record: &CallRecord) -> rusqlite::Result<bool> {
        let inserted = insert(&mut self.request, request_cells(record))?;
        if inserted == 0 {
            return Ok(false);
        }
        let request = self.connection.last_insert_rowid();
        for (number, attempt) in (0_i64..).zip(&record.attempts) {
            insert(&mut self.attempt, attempt_cells(request, number, attempt))?;
        }
        for (number, loss) in (0_i64..).zip(&record.losses) {
            self.loss.execute(params![request, number, loss])?;
        }
        for (number, one) in (0_i64..).zip(&record.passed_over) {
            let PassedOver { tier, deployment, why, opens_in_ms } = one;
            let opens_in_ms = opens_in_ms.map(u64::cast_signed);
            self.passed_over.execute(params![
                request,
                number,
                tier,
                deployment,
                why,
                opens_in_ms
            ])?;
        }
        if let Some(decision) = &record.decision {
            self.insert_decision(decision)?;
        }
        Ok(true)
    }

    fn insert_decision(&mut self, decision: &DecisionRecord) -> rusqlite::Result<()> {
        if self.decided.contains(&decision.id) {
            return Ok(());
        }
        let body = serde_json::to_string(decision);
        let body = body.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        self.decision.execute(params![decision.id, body])?;
        self.decided.insert(Arc::clone(&decision.id));
        Ok(())
    }
}

/// Inserts one row; the number of rows that were. Cells are driven from within their iterator,
/// which joins several, for this is what the writer does most.
fn insert<'a>(
    statement: &mut CachedStatement<'_>,
    mut cells: impl Iterator<Item = Cell<'a>>,
) -> rusqlite::Result<usize> {
    let mut place: usize = 0;
    cells.try_for_each(|cell| {
        place += 1;
        statement.raw_bind_parameter(place, cell)
    })?;
    statement.raw_execute()
}

/// The values of a request's row, in the order of `insert_request.sql`.
///
/// Records are taken apart field by field so that a new field cannot be forgotten here.
fn request_cells(record: &CallRecord) -> impl Iterator<Item = Cell<'_>> {
    let CallRecord {
        id,
        started_ms,
        duration_us,
        first_content_us,
        longest_gap_us,
        dialect,
        feature,
        model_asked,
        stream,
        caller,
        tier,
        deployment,
        outcome,
        status,
        fault,
        fault_message,
        losses: _,
        usage,
        trace_id,
        attempts: _,
        passed_over: _,
        decision,
    } = record;
    let cells = [
        text(id),
        integer(*started_ms),
        integer(*duration_us),
        or_null(*first_content_us, integer),
        text(dialect.as_str()),
        text(feature),
        text(model_asked),
        integer(u64::from(*stream)),
        text(caller),
        or_null(tier.as_deref(), text),
        or_null(deployment.as_deref(), text),
        text(outcome.as_str()),
        integer(u64::from(*status)),
        or_null(fault.map(|class| class.as_str()), text),
        or_null(fault_message.as_deref(), text),
        or_null(trace_id.as_deref(), text),
    ];
    let decision = or_null(decision.as_ref().map(|decision| &*decision.id), text);
    let longest_gap = or_null(*longest_gap_us, integer);
    cells.into_iter().chain(usage_cells(usage.as_ref())).chain([decision, longest_gap])
}

/// The values of an attempt's row, in the order of `insert_attempt.sql`.
fn attempt_cells(
    request: i64,
    number: i64,
    attempt: &AttemptRecord,
) -> impl Iterator<Item = Cell<'_>> {
    let AttemptRecord {
        tier,
        deployment,
        provider,
        dialect,
        reason,
        start_us,
        duration_us,
        first_content_us,
        status,
        fault,
        phase,
        fault_message,
        upstream_request_id,
        model_served,
        service_tier,
        usage,
        cost,
    } = attempt;
    let cells = [
        Cell::Owned(Value::Integer(request)),
        Cell::Owned(Value::Integer(number)),
        text(tier),
        text(deployment),
        text(provider),
        text(dialect.as_str()),
        text(reason.as_str()),
        integer(*start_us),
        integer(*duration_us),
        or_null(*first_content_us, integer),
        or_null(status.map(u64::from), integer),
        or_null(fault.map(|class| class.as_str()), text),
        or_null(phase.map(phase_name), text),
        or_null(fault_message.as_deref(), text),
        or_null(upstream_request_id.as_deref(), text),
        or_null(model_served.as_deref(), text),
    ];
    let cost = [
        or_null(cost.map(|cost| pico(cost.usd)), |pico| Cell::Owned(Value::Integer(pico))),
        or_null(cost.map(|cost| cost.state.as_str()), text),
        or_null(service_tier.as_ref().map(ServiceTier::as_str), text),
    ];
    cells.into_iter().chain(usage_cells(usage.as_ref())).chain(cost)
}

/// The values of the `usage_` columns; all null where usage is unknown.
fn usage_cells(usage: Option<&Usage>) -> [Cell<'static>; USAGE_COLUMNS] {
    let Some(usage) = usage else {
        return [const { Cell::Owned(Value::Null) }; USAGE_COLUMNS];
    };
    let Usage {
        input,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        cache_write_other,
        input_audio,
        output,
        reasoning,
        output_audio,
        estimated,
    } = *usage;
    [
        input,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        cache_write_other,
        input_audio,
        output,
        reasoning,
        output_audio,
        u64::from(estimated),
    ]
    .map(integer)
}

/// Nine million dollars fit: more is nobody's call.
pub(crate) fn pico(usd: UsdPico) -> i64 {
    i64::try_from(usd.pico()).unwrap_or(i64::MAX)
}

fn text(value: &str) -> Cell<'_> {
    Cell::Borrowed(ValueRef::Text(value.as_bytes()))
}

/// SQLite's integers are signed: the bits are kept, so that every value comes back as it went in.
fn integer(value: u64) -> Cell<'static> {
    Cell::Owned(Value::Integer(value.cast_signed()))
}

fn or_null<'a, T>(value: Option<T>, cell: impl FnOnce(T) -> Cell<'a>) -> Cell<'a> {
    value.map_or(Cell::Owned(Value::Null), cell)
}

/// The stable name of a phase, the same as its serialised form.
const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Admit => "admit",
        Phase::Connect => "connect",
        Phase::Headers => "headers",
        Phase::PreCommit => "pre_commit",
        Phase::PostCommit => "post_commit",
    }
}

/// Reads whole records from rows of `requests`: prepared once, used for many rows.
pub(crate) struct Reader<'c> {
    attempts: CachedStatement<'c>,
    losses: CachedStatement<'c>,
    passed_over: CachedStatement<'c>,
    decision: CachedStatement<'c>,
}

impl<'c> Reader<'c> {
    /// Prepares to read from `connection`.
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            attempts: connection.prepare_cached(SELECT_ATTEMPTS)?,
            losses: connection.prepare_cached(SELECT_LOSSES)?,
            passed_over: connection.prepare_cached(SELECT_PASSED_OVER)?,
            decision: connection.prepare_cached(SELECT_DECISION)?,
        })
    }

    /// The record of one row of `requests`, with all that belongs to it.
    pub(crate) fn read(&mut self, row: &Row<'_>) -> rusqlite::Result<CallRecord> {
        let request: i64 = row.get("seq")?;
        let attempts = self.attempts.query_map([request], read_attempt)?.collect::<Result<_, _>>();
        let losses = self.losses.query_map([request], |row| row.get(0))?.collect::<Result<_, _>>();
        let passed_over =
            self.passed_over.query_map([request], read_passed_over)?.collect::<Result<_, _>>();
        let decision: Option<String> = row.get("decision")?;
        let decision = decision.map(|id| read_decision(&mut self.decision, &id)).transpose()?;
        Ok(CallRecord {
            id: row.get("id")?,
            started_ms: unsigned(row, "started_ms")?,
            duration_us: unsigned(row, "duration_us")?,
            first_content_us: maybe_unsigned(row, "first_content_us")?,
            longest_gap_us: maybe_unsigned(row, "longest_gap_us")?,
            dialect: name(row, "dialect")?,
            feature: row.get("feature")?,
            model_asked: row.get("model_asked")?,
            stream: row.get("stream")?,
            caller: row.get("caller")?,
            tier: row.get("tier")?,
            deployment: row.get("deployment")?,
            outcome: name(row, "outcome")?,
            status: row.get("status")?,
            fault: maybe_name(row, "fault")?,
            fault_message: row.get("fault_message")?,
            losses: losses?,
            usage: read_usage(row)?,
            trace_id: row.get("trace_id")?,
            attempts: attempts?,
            passed_over: passed_over?,
            decision: decision.flatten().map(Arc::new),
        })
    }
}

/// The decision with this id, if there is one.
pub(crate) fn decision(
    connection: &Connection,
    id: &str,
) -> rusqlite::Result<Option<DecisionRecord>> {
    read_decision(&mut connection.prepare_cached(SELECT_DECISION)?, id)
}

fn read_decision(
    statement: &mut CachedStatement<'_>,
    id: &str,
) -> rusqlite::Result<Option<DecisionRecord>> {
    let body: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    let read = |body: String| serde_json::from_str(&body);
    body.map(read).transpose().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

fn read_passed_over(row: &Row<'_>) -> rusqlite::Result<PassedOver> {
    Ok(PassedOver {
        tier: row.get("tier")?,
        deployment: row.get("deployment")?,
        why: row.get::<_, String>("why")?.into(),
        opens_in_ms: maybe_unsigned(row, "opens_in_ms")?,
    })
}

fn read_attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        tier: row.get("tier")?,
        deployment: row.get("deployment")?,
        provider: row.get("provider")?,
        dialect: name(row, "dialect")?,
        reason: name(row, "reason")?,
        start_us: unsigned(row, "start_us")?,
        duration_us: unsigned(row, "duration_us")?,
        first_content_us: maybe_unsigned(row, "first_content_us")?,
        status: row.get("status")?,
        fault: maybe_name(row, "fault")?,
        phase: maybe_name(row, "phase")?,
        fault_message: row.get("fault_message")?,
        upstream_request_id: row.get("upstream_request_id")?,
        model_served: row.get("model_served")?,
        service_tier: maybe_name(row, "service_tier")?,
        usage: read_usage(row)?,
        cost: read_cost(row)?,
    })
}

pub(crate) fn read_cost(row: &Row<'_>) -> rusqlite::Result<Option<Cost>> {
    let Some(state) = maybe_name(row, "cost_state")? else { return Ok(None) };
    let pico: i64 = row.get("cost_pico")?;
    Ok(Some(Cost { usd: UsdPico::new(pico.into()), state }))
}

pub(crate) fn read_usage(row: &Row<'_>) -> rusqlite::Result<Option<Usage>> {
    let Some(input) = maybe_unsigned(row, "usage_input")? else { return Ok(None) };
    Ok(Some(Usage {
        input,
        cache_read: unsigned(row, "usage_cache_read")?,
        cache_write_5m: unsigned(row, "usage_cache_write_5m")?,
        cache_write_1h: unsigned(row, "usage_cache_write_1h")?,
        cache_write_other: unsigned(row, "usage_cache_write_other")?,
        input_audio: unsigned(row, "usage_input_audio")?,
        output: unsigned(row, "usage_output")?,
        reasoning: unsigned(row, "usage_reasoning")?,
        output_audio: unsigned(row, "usage_output_audio")?,
        estimated: row.get("usage_estimated")?,
    }))
}

/// A number of `column`, as [`integer`] wrote it.
pub(crate) fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}

/// A number of `column`, or null.
pub(crate) fn maybe_unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
}

/// A value that is kept by its stable name.
pub(crate) fn name<T: for<'de> Deserialize<'de>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    row.get::<_, Named<T>>(column).map(|named| named.0)
}

/// A value that is kept by its stable name, or null.
pub(crate) fn maybe_name<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: for<'de> Deserialize<'de>,
{
    Ok(row.get::<_, Option<Named<T>>>(column)?.map(|named| named.0))
}

/// Reads an enumeration by the names that serde knows, which are those of `as_str`.
struct Named<T>(T);

impl<T: for<'de> Deserialize<'de>> FromSql for Named<T> {
    fn column_result(value: ValueRef<'_>) -> Result<Self, FromSqlError> {
        let name: StrDeserializer<'_, NameError> = value.as_str()?.into_deserializer();
        T::deserialize(name).map(Self).map_err(FromSqlError::other)
    }
}
