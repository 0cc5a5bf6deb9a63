-- How many requests were good and bad for an objective, minute by minute. A row stands for a
-- definition, not for a name: what was counted by another one never mixes with it.

CREATE TABLE slos (
    slo     INTEGER PRIMARY KEY,
    feature TEXT NOT NULL,
    name    TEXT NOT NULL,
    -- Of what the objective measures.
    digest  TEXT NOT NULL,
    UNIQUE (feature, name, digest)
) STRICT;

CREATE TABLE slo_counts (
    slo    INTEGER NOT NULL REFERENCES slos,
    -- In which the requests ended, minutes since the Unix epoch.
    minute INTEGER NOT NULL,
    good   INTEGER NOT NULL,
    bad    INTEGER NOT NULL,
    PRIMARY KEY (slo, minute)
) STRICT, WITHOUT ROWID;

-- The longest time between two contents of a stream.
ALTER TABLE requests ADD COLUMN longest_gap_us INTEGER;
