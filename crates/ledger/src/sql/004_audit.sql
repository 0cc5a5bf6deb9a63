-- One row for each change to a running gateway.

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    at_ms   INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    -- Who the actor said it was; nobody has checked it.
    claimed TEXT,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    before  TEXT,
    after   TEXT,
    result  TEXT NOT NULL,
    reason  TEXT
) STRICT;

CREATE INDEX audit_by_time ON audit (at_ms, seq);
CREATE INDEX audit_by_subject ON audit (subject, at_ms, seq);
