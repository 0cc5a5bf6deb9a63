-- What an upstream call was first recorded to have cost, kept where it was priced again since.
-- `repriced_ms` is null where it never was.

ALTER TABLE attempts ADD COLUMN first_cost_pico INTEGER;
ALTER TABLE attempts ADD COLUMN first_cost_state TEXT;
ALTER TABLE attempts ADD COLUMN repriced_ms INTEGER;
