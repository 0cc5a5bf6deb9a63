-- Releases: deployments that come to serve a feature step by step. `progress` is what is proved of
-- them so far, as JSON that only the gateway reads.

CREATE TABLE releases (
    id         TEXT PRIMARY KEY,
    feature    TEXT NOT NULL,
    tier       TEXT NOT NULL,
    candidate  TEXT NOT NULL,
    stage      TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    progress   TEXT NOT NULL
) STRICT;
