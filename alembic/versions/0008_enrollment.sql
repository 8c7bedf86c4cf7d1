-- Exemplars and profiles, held against each other. Windows of one recording overlap, and what
-- overlaps is alike because it is the same sound: an exemplar is therefore compared with the others
-- that share no audio with it. Nothing here looks at labels, and no label changes a profile.

COMMENT ON COLUMN pgvoice.enrollment.quality IS
'Share of the span that holds speech energy, in [0, 1]; NULL where nobody listened for it.';
COMMENT ON COLUMN pgvoice.enrollment.excluded IS 'Kept, and no part of the profile.';

CREATE OR REPLACE FUNCTION pgvoice.refresh_profile(speaker bigint, encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF (SELECT vector_norm(avg(e.embedding)) < 1e-6 FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND NOT e.excluded) THEN
        RAISE EXCEPTION 'the exemplars of % cancel each other out: their mean is zero',
            (SELECT quote_literal(s.name) FROM pgvoice.speaker AS s WHERE s.id = speaker)
            USING HINT = 'They are of no one voice: leave some of them out.',
                  ERRCODE = 'data_exception';
    END IF;
    WITH exemplar AS (
        SELECT e.embedding, e.dimension FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND NOT e.excluded
    ), mean AS (
        SELECT l2_normalize(avg(x.embedding)) AS embedding, min(x.dimension) AS dimension
        FROM exemplar AS x HAVING count(*) > 0
    ), gone AS (
        DELETE FROM pgvoice.profile AS p
        WHERE p.speaker_id = speaker AND p.encoder_id = encoder
          AND NOT EXISTS (SELECT FROM mean)
    )
    INSERT INTO pgvoice.profile AS p
        (speaker_id, encoder_id, dimension, embedding, exemplars, cohesion)
    SELECT speaker, encoder, m.dimension, m.embedding, count(*),
           pgvoice.similarity(avg(-(x.embedding <#> m.embedding)))
    FROM mean AS m CROSS JOIN exemplar AS x
    GROUP BY m.dimension, m.embedding
    ON CONFLICT (encoder_id, speaker_id) DO UPDATE
    SET embedding = excluded.embedding, exemplars = excluded.exemplars,
        cohesion = excluded.cohesion, updated_at = now();
END
$$;
COMMENT ON FUNCTION pgvoice.refresh_profile(bigint, integer) IS
'Recomputes a profile from its exemplars; without exemplars the profile goes. An error when their mean
is zero. Called by those who enroll, merge or leave exemplars out, and by nobody else.';

CREATE FUNCTION pgvoice.exemplar_seconds(speaker bigint, encoder integer) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(sum(upper(span) - lower(span)), 0) / 1000::double precision
    FROM (
        SELECT unnest(range_agg(int4range(e.start_ms, e.end_ms))) AS span
        FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND NOT e.excluded
        GROUP BY e.audio_sha256
    ) AS heard
$$;
COMMENT ON FUNCTION pgvoice.exemplar_seconds(bigint, integer) IS
'How much audio a profile comes from, in seconds; what several exemplars share counts once.';

CREATE FUNCTION pgvoice.left_out_similarities(
    speaker bigint, encoder integer, without bigint[] DEFAULT '{}'
) RETURNS TABLE (exemplar bigint, similarity double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH one AS MATERIALIZED (
        SELECT e.id, e.embedding, e.audio_sha256, e.start_ms, e.end_ms,
               NOT e.excluded AND e.id <> ALL (without) AS counts
        FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder
    ), whole AS (
        SELECT sum(one.embedding) AS total, count(*) AS exemplars FROM one WHERE one.counts
    ), own AS (
        SELECT a.id, sum(b.embedding) AS total, count(b.id) AS exemplars
        FROM one AS a LEFT JOIN one AS b
            ON b.counts AND b.audio_sha256 = a.audio_sha256
            AND (b.id = a.id OR (b.start_ms < a.end_ms AND a.start_ms < b.end_ms))
        GROUP BY a.id
    )
    SELECT one.id, CASE
        WHEN whole.exemplars > own.exemplars THEN pgvoice.similarity(-(one.embedding <#> l2_normalize(
            CASE WHEN own.exemplars = 0 THEN whole.total ELSE whole.total - own.total END)))
    END
    FROM one JOIN own USING (id) CROSS JOIN whole
$$;
COMMENT ON FUNCTION pgvoice.left_out_similarities IS
'Leave-one-out: the similarity of each exemplar of a speaker to the mean of the others, which are those
that are not excluded, are not among without, and share no audio with it (overlapping windows are not
independent). NULL where there are no others.';

CREATE FUNCTION pgvoice.outlying_exemplars(speaker bigint, encoder integer) RETURNS TABLE (
    exemplar bigint,
    similarity double precision,
    needed double precision
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    threshold double precision := (
        SELECT e.default_threshold FROM pgvoice.encoder AS e WHERE e.id = encoder
    );
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
mean of the others (leave-one-out), while that is under needed, which is half-way between the encoder''s
threshold and the median of all such similarities, and never under the threshold. Never half of the
exemplars or more, those counted that are excluded already.';

DROP FUNCTION pgvoice.exemplar_similarity(bigint);
CREATE FUNCTION pgvoice.exemplar_similarity(speaker bigint) RETURNS TABLE (
    exemplar bigint,
    encoder text,
    source text,
    start_ms integer,
    end_ms integer,
    similarity double precision,
    left_out_similarity double precision,
    quality double precision,
    excluded boolean,
    outlying boolean
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT e.id, named.label, e.source, e.start_ms, e.end_ms,
           pgvoice.similarity(-(e.embedding <#> p.embedding)), l.similarity, e.quality, e.excluded,
           e.id IN (SELECT o.exemplar FROM pgvoice.outlying_exemplars(speaker, named.id) AS o)
    FROM pgvoice.encoder AS named
    CROSS JOIN LATERAL pgvoice.left_out_similarities(speaker, named.id) AS l
    JOIN pgvoice.enrollment AS e ON e.id = l.exemplar
    LEFT JOIN pgvoice.profile AS p
        ON p.speaker_id = e.speaker_id AND p.encoder_id = e.encoder_id
    ORDER BY named.id, l.similarity, e.embedding <#> p.embedding DESC, e.id
$$;
COMMENT ON FUNCTION pgvoice.exemplar_similarity(bigint) IS
'A speaker''s exemplars with their similarity to the profile, which they are part of, and to the mean
of the others (leave-one-out), the least similar to the others first. outlying are those that
drop_outliers would leave out.';

CREATE FUNCTION pgvoice.coherence(
    speaker bigint, encoder integer, OUT similarity double precision, OUT apart bigint[]
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    first vector;
    second vector;
    of_first bigint[];
    of_second bigint[];
    before bigint[];
BEGIN
    SELECT a.embedding, b.embedding INTO first, second
    FROM pgvoice.enrollment AS a
    JOIN pgvoice.enrollment AS b
        ON b.speaker_id = a.speaker_id AND b.encoder_id = a.encoder_id AND a.id < b.id
    WHERE a.speaker_id = speaker AND a.encoder_id = encoder AND NOT a.excluded AND NOT b.excluded
    ORDER BY a.embedding <#> b.embedding DESC, a.id, b.id
    LIMIT 1;
    FOR turn IN 1..10 LOOP
        SELECT array_agg(e.id) FILTER (WHERE e.near_first),
               array_agg(e.id) FILTER (WHERE NOT e.near_first),
               l2_normalize(sum(e.embedding) FILTER (WHERE e.near_first)),
               l2_normalize(sum(e.embedding) FILTER (WHERE NOT e.near_first))
        INTO of_first, of_second, first, second
        FROM (
            SELECT x.id, x.embedding,
                   x.embedding <#> first <= x.embedding <#> second AS near_first
            FROM pgvoice.enrollment AS x
            WHERE x.speaker_id = speaker AND x.encoder_id = encoder AND NOT x.excluded
            ORDER BY x.id
        ) AS e;
        EXIT WHEN of_second IS NULL OR of_first IS NULL OR of_second = before;
        before := of_second;
    END LOOP;
    similarity := coalesce(pgvoice.similarity(-(first <#> second)), 1);
    apart := CASE
        WHEN of_first IS NULL OR of_second IS NULL THEN '{}'
        WHEN (cardinality(of_first), -of_first[cardinality(of_first)])
             < (cardinality(of_second), -of_second[cardinality(of_second)]) THEN of_first
        ELSE of_second
    END;
END
$$;
COMMENT ON FUNCTION pgvoice.coherence(bigint, integer) IS
'Parts a speaker''s exemplars in the two groups that differ most (two means, from the two exemplars
that are least alike) and tells how similar the groups'' means are, and which exemplars the smaller
group has. Under the encoder''s threshold the groups would not be taken for one person. CAM++ on
LibriSpeech, 3 s windows: 687 sets of 1 to 4 files of one person give .42 or more, 16,000 mixtures of
two people at most .41.';

CREATE FUNCTION pgvoice.duplicate_limit(encoder integer) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT e.default_threshold + (1 - e.default_threshold) / 4
    FROM pgvoice.encoder AS e WHERE e.id = encoder
$$;
COMMENT ON FUNCTION pgvoice.duplicate_limit(integer) IS
'The similarity from which two profiles are taken for one person: a quarter of the way from the
encoder''s threshold to 1. CAM++ (.55) on LibriSpeech: profiles of one file of two people reach .42, of
one person''s files 1 % are under .54; of four files each, .85 or more.';

CREATE FUNCTION pgvoice.near_duplicates(speaker bigint, encoder integer)
RETURNS TABLE (other text, similarity double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT named.name, pgvoice.similarity(-(p.embedding <#> mine.embedding))
    FROM pgvoice.profile AS mine
    JOIN pgvoice.profile AS p
        ON p.encoder_id = mine.encoder_id AND p.speaker_id <> mine.speaker_id
    JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
    WHERE mine.speaker_id = speaker AND mine.encoder_id = encoder
      AND -(p.embedding <#> mine.embedding) >= pgvoice.duplicate_limit(encoder)
    ORDER BY p.embedding <#> mine.embedding, named.name
$$;
COMMENT ON FUNCTION pgvoice.near_duplicates(bigint, integer) IS
'The people whose profile is so similar to this one that they may be the same person.';

CREATE FUNCTION pgvoice.shared_exemplars(speaker bigint) RETURNS TABLE (
    other text,
    source text,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT DISTINCT named.name, mine.source, mine.start_ms, mine.end_ms
    FROM pgvoice.enrollment AS mine
    JOIN pgvoice.enrollment AS theirs
        ON theirs.audio_sha256 = mine.audio_sha256 AND theirs.speaker_id <> mine.speaker_id
    JOIN pgvoice.speaker AS named ON named.id = theirs.speaker_id
    WHERE mine.speaker_id = speaker AND NOT mine.excluded AND NOT theirs.excluded
      AND ((mine.start_ms, mine.end_ms) = (theirs.start_ms, theirs.end_ms)
           OR 2 * (least(mine.end_ms, theirs.end_ms) - greatest(mine.start_ms, theirs.start_ms))
              > least(mine.end_ms - mine.start_ms, theirs.end_ms - theirs.start_ms))
    ORDER BY named.name, mine.source, mine.start_ms, mine.end_ms
$$;
COMMENT ON FUNCTION pgvoice.shared_exemplars(bigint) IS
'The exemplars whose audio somebody else is enrolled with as well: the same span of the same file, or
spans that share more than half of the shorter one.';

CREATE FUNCTION pgvoice.profile_quality(
    speaker text DEFAULT NULL, encoder integer DEFAULT NULL
) RETURNS TABLE (
    speaker text,
    encoder text,
    exemplars integer,
    excluded bigint,
    outlying bigint,
    seconds double precision,
    cohesion double precision,
    left_out_similarity double precision,
    nearest_other text,
    nearest_similarity double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT named.name, e.label, p.exemplars,
           (SELECT count(*) FROM pgvoice.enrollment AS x
            WHERE x.speaker_id = p.speaker_id AND x.encoder_id = p.encoder_id AND x.excluded),
           (SELECT count(*) FROM pgvoice.outlying_exemplars(p.speaker_id, p.encoder_id)),
           pgvoice.exemplar_seconds(p.speaker_id, p.encoder_id),
           p.cohesion,
           (SELECT avg(l.similarity)
            FROM pgvoice.left_out_similarities(p.speaker_id, p.encoder_id) AS l
            JOIN pgvoice.enrollment AS x ON x.id = l.exemplar AND NOT x.excluded),
           other.name, pgvoice.similarity(other.similarity)
    FROM pgvoice.profile AS p
    JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
    JOIN pgvoice.encoder AS e ON e.id = p.encoder_id
    LEFT JOIN LATERAL (
        SELECT who.name, -(o.embedding <#> p.embedding) AS similarity
        FROM pgvoice.profile AS o JOIN pgvoice.speaker AS who ON who.id = o.speaker_id
        WHERE o.encoder_id = p.encoder_id AND o.speaker_id <> p.speaker_id
        ORDER BY o.embedding <#> p.embedding, o.speaker_id
        LIMIT 1
    ) AS other ON true
    WHERE (profile_quality.speaker IS NULL OR named.name = profile_quality.speaker)
      AND (profile_quality.encoder IS NULL OR p.encoder_id = profile_quality.encoder)
    ORDER BY named.name, e.id
$$;
COMMENT ON FUNCTION pgvoice.profile_quality IS
'How well people are enrolled, a row per profile. cohesion is the mean similarity of the exemplars to
the profile that they make: overlapping windows and few exemplars raise it. left_out_similarity is the
mean similarity to the others (leave-one-out, of exemplars that share no audio). nearest_other is the
person whose profile is most similar.';

CREATE FUNCTION pgvoice.drop_outliers(
    speaker text, encoder integer DEFAULT pgvoice.sole_encoder(), dry_run boolean DEFAULT false
) RETURNS TABLE (
    source text,
    start_s double precision,
    end_s double precision,
    similarity double precision,
    needed double precision
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    speaker_of CONSTANT bigint := pgvoice.held_speaker(drop_outliers.speaker);
    outlying CONSTANT jsonb := (
        SELECT jsonb_agg(o) FROM pgvoice.outlying_exemplars(speaker_of, encoder) AS o
    );
BEGIN
    IF outlying IS NOT NULL AND NOT dry_run THEN
        UPDATE pgvoice.enrollment AS e SET excluded = true
        FROM jsonb_to_recordset(outlying) AS o(exemplar bigint) WHERE e.id = o.exemplar;
        PERFORM pgvoice.refresh_profile(speaker_of, encoder);
        INSERT INTO pgvoice.audit_event (action, subject, details)
        SELECT 'drop outliers', drop_outliers.speaker,
               jsonb_build_object('encoder', e.label, 'exemplars', outlying)
        FROM pgvoice.encoder AS e WHERE e.id = encoder;
    END IF;
    RETURN QUERY
    SELECT e.source, e.start_ms / 1000::double precision, e.end_ms / 1000::double precision,
           o.similarity, o.needed
    FROM jsonb_to_recordset(outlying)
        AS o(exemplar bigint, similarity double precision, needed double precision)
    JOIN pgvoice.enrollment AS e ON e.id = o.exemplar
    ORDER BY o.similarity, e.id;
END
$$;
COMMENT ON FUNCTION pgvoice.drop_outliers IS
'Leaves a person''s outlying exemplars (see outlying_exemplars) out of the profile, and tells which;
they are kept, and restore_exemplars takes them back. dry_run only tells.';

CREATE FUNCTION pgvoice.restore_exemplars(
    speaker text, encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    speaker_of CONSTANT bigint := pgvoice.held_speaker(restore_exemplars.speaker);
    restored bigint;
BEGIN
    UPDATE pgvoice.enrollment AS e SET excluded = false
    WHERE e.speaker_id = speaker_of AND e.encoder_id = encoder AND e.excluded;
    GET DIAGNOSTICS restored = ROW_COUNT;
    IF restored > 0 THEN
        PERFORM pgvoice.refresh_profile(speaker_of, encoder);
        INSERT INTO pgvoice.audit_event (action, subject, details)
        SELECT 'restore exemplars', restore_exemplars.speaker,
               jsonb_build_object('encoder', e.label, 'exemplars', restored)
        FROM pgvoice.encoder AS e WHERE e.id = encoder;
    END IF;
    RETURN restored;
END
$$;
COMMENT ON FUNCTION pgvoice.restore_exemplars IS
'Takes all exemplars that were left out back into the profile; returns how many.';

CREATE FUNCTION pgvoice.held_speaker(speaker text) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    found bigint;
BEGIN
    SELECT s.id INTO found FROM pgvoice.speaker AS s WHERE s.name = speaker FOR NO KEY UPDATE;
    IF found IS NULL THEN
        RAISE EXCEPTION 'no speaker % in the store', quote_literal(speaker)
            USING HINT = 'The table pgvoice.speaker lists them.', ERRCODE = 'no_data_found';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION pgvoice.held_speaker(text) IS
'The id of a speaker, whose enrollments wait until commit; an error when there is none.';
