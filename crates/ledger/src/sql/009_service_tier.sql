-- The service tier that a provider says it served a call in. Null where that is the standard one, or
-- it does not say.

ALTER TABLE attempts ADD COLUMN service_tier TEXT;
