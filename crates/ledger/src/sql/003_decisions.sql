-- Why each upstream call was made, and why others were not.

ALTER TABLE attempts ADD COLUMN reason TEXT NOT NULL DEFAULT 'chosen';

-- One row for each candidate that was not called in its turn, numbered from 0.
CREATE TABLE passed_over (
    request     INTEGER NOT NULL REFERENCES requests (seq) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    tier        TEXT NOT NULL,
    deployment  TEXT NOT NULL,
    why         TEXT NOT NULL,
    -- Null where it was not known when it would be open again.
    opens_in_ms INTEGER,
    PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
