-- What was decided for requests before anything was sent. Requests that were decided alike share a
-- row, since its id is made of what it says.

CREATE TABLE decisions (
    id   TEXT PRIMARY KEY,
    -- The decision as JSON: it is read whole or not at all.
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Null where it did not come to a decision, and in records from before there were any.
ALTER TABLE requests ADD COLUMN decision TEXT;
