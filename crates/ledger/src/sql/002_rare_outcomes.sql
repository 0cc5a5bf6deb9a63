-- People look for what went wrong; what went well, nearly all, costs no place in this index.

DROP INDEX requests_by_outcome;
CREATE INDEX requests_by_rare_outcome ON requests (outcome, started_ms, id)
    WHERE outcome <> 'served';
