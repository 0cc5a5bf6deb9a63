-- Requests that could not be answered in time and are answered later. A job that has ended keeps
-- its answer until `purge_ms` and its request no longer.

CREATE TABLE jobs (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    -- queued, running, done, failed or expired.
    state           TEXT NOT NULL,
    feature         TEXT NOT NULL,
    tier            TEXT NOT NULL,
    caller          TEXT NOT NULL,
    dialect         TEXT NOT NULL,
    request         BLOB,
    -- The HTTP status and body of the answer, or of the error.
    status          INTEGER,
    response        BLOB,
    -- The length of request and response.
    bytes           INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    created_ms      INTEGER NOT NULL,
    ttl_ms          INTEGER NOT NULL,
    -- From when it may be taken.
    due_ms          INTEGER NOT NULL,
    -- From when it is no longer worth answering.
    expires_ms      INTEGER NOT NULL,
    finished_ms     INTEGER,
    purge_ms        INTEGER,
    -- When to tell of its end; null where nothing is to be told, or no longer.
    notice_due_ms   INTEGER,
    notices         INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX jobs_by_feature ON jobs (feature, state, due_ms, bytes);
CREATE INDEX jobs_by_expiry ON jobs (expires_ms) WHERE state = 'queued';
CREATE INDEX jobs_by_purge ON jobs (purge_ms) WHERE purge_ms IS NOT NULL;
CREATE INDEX jobs_by_notice ON jobs (notice_due_ms) WHERE notice_due_ms IS NOT NULL;

-- The client's headers that go to a provider of its own dialect, numbered from 0.
CREATE TABLE job_headers (
    job    INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    name   TEXT NOT NULL,
    value  BLOB NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
