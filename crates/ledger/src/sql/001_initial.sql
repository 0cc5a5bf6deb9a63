-- The ledger's first schema. Times are integers: `_ms` since the Unix epoch, `_us` of a span.
-- Unsigned 64-bit numbers are kept in SQLite's signed integers bit for bit.

CREATE TABLE schema_version (
    version  INTEGER PRIMARY KEY,
    checksum TEXT NOT NULL
) STRICT;

-- One row for each client request. All `usage_` columns are null where usage is unknown.
CREATE TABLE requests (
    seq                     INTEGER PRIMARY KEY,
    id                      TEXT NOT NULL UNIQUE,
    started_ms              INTEGER NOT NULL,
    duration_us             INTEGER NOT NULL,
    first_content_us        INTEGER,
    dialect                 TEXT NOT NULL,
    feature                 TEXT NOT NULL,
    model_asked             TEXT NOT NULL,
    stream                  INTEGER NOT NULL,
    caller                  TEXT NOT NULL,
    tier                    TEXT,
    deployment              TEXT,
    outcome                 TEXT NOT NULL,
    status                  INTEGER NOT NULL,
    fault                   TEXT,
    fault_message           TEXT,
    trace_id                TEXT,
    usage_input             INTEGER,
    usage_cache_read        INTEGER,
    usage_cache_write_5m    INTEGER,
    usage_cache_write_1h    INTEGER,
    usage_cache_write_other INTEGER,
    usage_input_audio       INTEGER,
    usage_output            INTEGER,
    usage_reasoning         INTEGER,
    usage_output_audio      INTEGER,
    usage_estimated         INTEGER
) STRICT;

CREATE INDEX requests_by_time ON requests (started_ms, id);
CREATE INDEX requests_by_feature ON requests (feature, started_ms, id);
CREATE INDEX requests_by_outcome ON requests (outcome, started_ms, id);

-- One row for each upstream call, numbered from 0 in the order they were made.
CREATE TABLE attempts (
    request                 INTEGER NOT NULL REFERENCES requests (seq) ON DELETE CASCADE,
    number                  INTEGER NOT NULL,
    tier                    TEXT NOT NULL,
    deployment              TEXT NOT NULL,
    provider                TEXT NOT NULL,
    dialect                 TEXT NOT NULL,
    start_us                INTEGER NOT NULL,
    duration_us             INTEGER NOT NULL,
    first_content_us        INTEGER,
    status                  INTEGER,
    fault                   TEXT,
    phase                   TEXT,
    fault_message           TEXT,
    upstream_request_id     TEXT,
    model_served            TEXT,
    usage_input             INTEGER,
    usage_cache_read        INTEGER,
    usage_cache_write_5m    INTEGER,
    usage_cache_write_1h    INTEGER,
    usage_cache_write_other INTEGER,
    usage_input_audio       INTEGER,
    usage_output            INTEGER,
    usage_reasoning         INTEGER,
    usage_output_audio      INTEGER,
    usage_estimated         INTEGER,
    PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;

-- What translation could not carry, in `action:field` form, numbered from 0.
CREATE TABLE losses (
    request INTEGER NOT NULL REFERENCES requests (seq) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    loss    TEXT NOT NULL,
    PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;

-- Callers' API keys. Only the SHA-256 of a key's text is kept.
CREATE TABLE keys (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    hash            BLOB NOT NULL,
    -- 1 where the key may use only the features in key_features.
    limited         INTEGER NOT NULL,
    default_feature TEXT,
    created_ms      INTEGER NOT NULL,
    expires_ms      INTEGER,
    revoked_ms      INTEGER
) STRICT;

CREATE TABLE key_features (
    key     TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    feature TEXT NOT NULL,
    PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID;

-- One row, counting every change of the keys, so that a gateway can poll for one cheaply.
CREATE TABLE key_changes (
    version INTEGER NOT NULL
) STRICT;

INSERT INTO key_changes (version) VALUES (0);
