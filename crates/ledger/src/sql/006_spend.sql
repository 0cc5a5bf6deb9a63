-- What was spent under a budget in one of its windows.

CREATE TABLE spend (
    -- feature, team or caller, and its name.
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    -- hour, day, week or month.
    per       TEXT NOT NULL,
    -- When the window began, milliseconds since the Unix epoch.
    window_ms INTEGER NOT NULL,
    -- Whole dollars, and picodollars below one: together they are exact.
    usd       INTEGER NOT NULL,
    pico      INTEGER NOT NULL,
    PRIMARY KEY (kind, name, per, window_ms)
) STRICT, WITHOUT ROWID;
