-- What each upstream call cost by the prices of the time: picodollars, and how much is known of it.
-- Null where nothing is known to have been used.

ALTER TABLE attempts ADD COLUMN cost_pico INTEGER;
ALTER TABLE attempts ADD COLUMN cost_state TEXT;
