SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY subject ORDER BY at_ms DESC, seq DESC) AS place
    FROM audit
    WHERE result = 'applied' AND action IN (SELECT value FROM json_each(?))
) WHERE place = 1
ORDER BY subject
