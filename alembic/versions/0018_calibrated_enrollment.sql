-- What judges enrollments goes by the calibration, too: by the lowest threshold that it has for any
-- length, as profiles and groups of exemplars are of speech of all lengths.

CREATE OR REPLACE FUNCTION pgvoice.outlying_exemplars(speaker bigint, encoder integer) RETURNS TABLE (
    exemplar bigint,
    similarity double precision,
    needed double precision
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    threshold CONSTANT double precision := pgvoice.least_required(encoder, NULL);
    -- Counted with those that were left out before, so that it takes no majority by and by.
    room integer := (
        SELECT (count(*) - 1) / 2 - count(*) FILTER (WHERE e.excluded)
        FROM pgvoice.enrollment AS e WHERE e.speaker_id = speaker AND e.encoder_id = encoder
    );
    gone bigint[] := '{}';
BEGIN
    WHILE cardinality(gone) < room LOOP
        SELECT l.exemplar, l.similarity,
               greatest(threshold, (threshold + percentile_cont(0.5) WITHIN GROUP (
                   ORDER BY m.similarity)) / 2)
        INTO exemplar, similarity, needed
        FROM (
            SELECT f.* FROM pgvoice.left_out_similarities(speaker, encoder, gone) AS f
            JOIN pgvoice.enrollment AS e ON e.id = f.exemplar AND NOT e.excluded
            WHERE f.exemplar <> ALL (gone) AND f.similarity IS NOT NULL
            ORDER BY f.similarity, f.exemplar DESC LIMIT 1
        ) AS l
        CROSS JOIN (
            SELECT f.similarity FROM pgvoice.left_out_similarities(speaker, encoder, gone) AS f
            JOIN pgvoice.enrollment AS e ON e.id = f.exemplar AND NOT e.excluded
            WHERE f.exemplar <> ALL (gone)
        ) AS m
        GROUP BY l.exemplar, l.similarity;
        EXIT WHEN NOT FOUND OR similarity >= needed;
        gone := gone || exemplar;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice.outlying_exemplars(bigint, integer) IS
'The exemplars that do not sound like the others: again and again the one that is least similar to the
mean of the others (leave-one-out), while that is under needed, which is half-way between the threshold
(see least_required) and the median of all such similarities, and never under the threshold. Never half
of the exemplars or more, those counted that are excluded already.';

COMMENT ON FUNCTION pgvoice.coherence(bigint, integer) IS
'Parts a speaker''s exemplars in the two groups that differ most (two means, from the two exemplars
that are least alike) and tells how similar the groups'' means are, and which exemplars the smaller
group has. Under the threshold (see least_required) the groups would not be taken for one person.
CAM++ on LibriSpeech, 3 s windows: 687 sets of 1 to 4 files of one person give .42 or more, 16,000
mixtures of two people at most .41.';

CREATE OR REPLACE FUNCTION pgvoice.duplicate_limit(encoder integer) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT least.threshold + (1 - least.threshold) / 4
    FROM (SELECT pgvoice.least_required(encoder, NULL)) AS least(threshold)
$$;
COMMENT ON FUNCTION pgvoice.duplicate_limit(integer) IS
'The similarity from which two profiles are taken for one person: a quarter of the way from the
threshold (see least_required) to 1. CAM++ (.55) on LibriSpeech: profiles of one file of two people
reach .42, of one person''s files 1 % are under .54; of four files each, .85 or more.';
