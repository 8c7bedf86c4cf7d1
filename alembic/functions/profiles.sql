-- Profiles and the exemplars they are made of; outliers left out and restored.

CREATE OR REPLACE FUNCTION pgvoice_internal.refresh_profile(speaker bigint, encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF (SELECT public.vector_norm(public.avg(e.embedding)) < 1e-6 FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND NOT e.excluded) THEN
        RAISE EXCEPTION 'the exemplars of % cancel each other out: their mean is zero',
            (SELECT quote_literal(s.name) FROM pgvoice.speaker AS s WHERE s.id = speaker)
            USING HINT = 'They are of no one voice: leave some of them out.',
                  ERRCODE = 'data_exception';
    END IF;
    WITH exemplar AS (
        SELECT e.id, e.embedding, e.dimension FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND NOT e.excluded
    ), mean AS (
        -- In order, so that the same exemplars always make the same profile.
        SELECT public.l2_normalize(public.avg(x.embedding ORDER BY x.id)) AS embedding,
               min(x.dimension) AS dimension
        FROM exemplar AS x HAVING count(*) > 0
    ), gone AS (
        DELETE FROM pgvoice.profile AS p
        WHERE p.speaker_id = speaker AND p.encoder_id = encoder
          AND NOT EXISTS (SELECT FROM mean)
    )
    INSERT INTO pgvoice.profile AS p
        (speaker_id, encoder_id, dimension, embedding, exemplars, cohesion)
    SELECT speaker, encoder, m.dimension, m.embedding, count(*),
           pgvoice.similarity(avg(-(x.embedding OPERATOR(public.<#>) m.embedding) ORDER BY x.id))
    FROM mean AS m CROSS JOIN exemplar AS x
    GROUP BY m.dimension, m.embedding
    ON CONFLICT (encoder_id, speaker_id) DO UPDATE
    SET embedding = excluded.embedding, exemplars = excluded.exemplars,
        cohesion = excluded.cohesion, updated_at = now();
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refresh_profile(bigint, integer) IS
'Recomputes a profile from its exemplars, and deletes it if there are none; fails if their mean is zero.
Called after exemplars were added, moved, left out or restored.';

CREATE OR REPLACE FUNCTION pgvoice.exemplar_seconds(speaker bigint, encoder integer)
RETURNS double precision
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
'How much audio a profile is made of, in seconds; audio that several exemplars share counts once.';

CREATE OR REPLACE FUNCTION pgvoice.profile_cohesion(speaker bigint, encoder integer)
RETURNS double precision
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.shown(p.cohesion, pgvoice.sees_vectors()) FROM pgvoice.profile AS p
    WHERE p.speaker_id = speaker AND p.encoder_id = encoder
$$;
COMMENT ON FUNCTION pgvoice.profile_cohesion(bigint, integer) IS
'The mean similarity of the exemplars to the profile that they make; NULL if there is no profile.';

CREATE OR REPLACE FUNCTION pgvoice_internal.left_out_similarities(
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
        SELECT public.sum(one.embedding ORDER BY one.id) AS total, count(*) AS exemplars
        FROM one WHERE one.counts
    ), own AS (
        SELECT a.id, public.sum(b.embedding ORDER BY b.id) AS total, count(b.id) AS exemplars
        FROM one AS a LEFT JOIN one AS b
            ON b.counts AND b.audio_sha256 = a.audio_sha256
            AND (b.id = a.id OR (b.start_ms < a.end_ms AND a.start_ms < b.end_ms)
                 OR (SELECT pgvoice_internal.is_per_label(encoder)))
        GROUP BY a.id
    )
    SELECT one.id, CASE
        WHEN whole.exemplars > own.exemplars THEN pgvoice.similarity(-(one.embedding OPERATOR(public.<#>) public.l2_normalize(
            CASE WHEN own.exemplars = 0 THEN whole.total ELSE whole.total OPERATOR(public.-) own.total END)))
    END
    FROM one JOIN own USING (id) CROSS JOIN whole
$$;
COMMENT ON FUNCTION pgvoice_internal.left_out_similarities IS
'Leave-one-out: the similarity of each exemplar of a speaker to the mean of the others. The others are
those that are not excluded, not listed in without, and share no audio with it, because overlapping
windows are not independent; nor a recording, if the segments of a label share one vector. NULL if there
are no others.';

CREATE OR REPLACE FUNCTION pgvoice.exemplar_similarity(
    speaker bigint, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
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
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_speaker(speaker),
           pgvoice_internal.require_encoder(exemplar_similarity.encoder);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT e.id, named.label, e.source, e.start_ms, e.end_ms,
           pgvoice.shown(
               pgvoice.similarity(-(e.embedding OPERATOR(public.<#>) p.embedding)), sees.exact
           ),
           pgvoice.shown(l.similarity, sees.exact), e.quality, e.excluded,
           e.id IN (SELECT o.exemplar FROM pgvoice_internal.outlying_exemplars(speaker, named.id) AS o)
    FROM sees
    CROSS JOIN pgvoice.encoder AS named
    CROSS JOIN LATERAL pgvoice_internal.left_out_similarities(speaker, named.id) AS l
    JOIN pgvoice.enrollment AS e ON e.id = l.exemplar
    LEFT JOIN pgvoice.profile AS p
        ON p.speaker_id = e.speaker_id AND p.encoder_id = e.encoder_id
    WHERE named.id = exemplar_similarity.encoder
    ORDER BY pgvoice.shown(l.similarity, sees.exact), pgvoice.shown(
        -(e.embedding OPERATOR(public.<#>) p.embedding), sees.exact
    ), e.id
$$;
COMMENT ON FUNCTION pgvoice.exemplar_similarity(bigint, integer) IS
'A speaker''s exemplars of an encoder with their similarity to the profile, which they are part of, and to the mean
of the others (leave-one-out), the least similar to the others first. outlying marks those that
drop_outliers leaves out.';

-- Profiles and groups of exemplars consist of speech of all lengths, so the lowest threshold of all
-- lengths applies.
CREATE OR REPLACE FUNCTION pgvoice_internal.outlying_exemplars(
    speaker bigint, encoder integer
) RETURNS TABLE (
    exemplar bigint,
    similarity double precision,
    needed double precision
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    threshold CONSTANT double precision := pgvoice_internal.one_person(encoder);
    -- Counts the exemplars that are excluded already, so that repeated calls never exclude a majority.
    room integer := (
        SELECT (count(*) - 1) / 2 - count(*) FILTER (WHERE e.excluded)
        FROM pgvoice.enrollment AS e WHERE e.speaker_id = speaker AND e.encoder_id = encoder
    );
    gone bigint[] := '{}';
BEGIN
    WHILE cardinality(gone) < room LOOP
        WITH one AS MATERIALIZED (
            SELECT f.* FROM pgvoice_internal.left_out_similarities(speaker, encoder, gone) AS f
            JOIN pgvoice.enrollment AS e ON e.id = f.exemplar AND NOT e.excluded
            WHERE f.exemplar <> ALL (gone) AND f.similarity IS NOT NULL
        )
        SELECT l.exemplar, l.similarity, greatest(threshold, (threshold + (
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m.similarity) FROM one AS m
        )) / 2)
        INTO exemplar, similarity, needed
        FROM one AS l ORDER BY l.similarity, l.exemplar DESC LIMIT 1;
        EXIT WHEN NOT FOUND OR similarity >= needed;
        gone := gone || exemplar;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.outlying_exemplars(bigint, integer) IS
'The exemplars that do not sound like the others. Repeatedly takes the exemplar that is least similar to
the mean of the others (leave-one-out), as long as that similarity is below needed: halfway between the
threshold (see one_person) and the median of all such similarities, but at least the threshold.
Always fewer than half of the exemplars, including those that are excluded already.';

CREATE OR REPLACE FUNCTION pgvoice.drop_outliers(
    speaker text, encoder integer DEFAULT pgvoice.default_encoder(), dry_run boolean DEFAULT false
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
    speaker_of CONSTANT bigint := pgvoice_internal.held_speaker(drop_outliers.speaker);
    outlying CONSTANT jsonb := (
        SELECT jsonb_agg(o) FROM pgvoice_internal.outlying_exemplars(speaker_of, encoder) AS o
    );
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    IF outlying IS NOT NULL AND NOT dry_run THEN
        PERFORM pgvoice_internal.begin_act('drop outliers', drop_outliers.speaker);
        PERFORM pgvoice_internal.note('drop outliers', drop_outliers.speaker, jsonb_build_object(
            'encoder', e.label, 'exemplars', outlying
        ))
        FROM pgvoice.encoder AS e WHERE e.id = encoder;
        UPDATE pgvoice.enrollment AS e SET excluded = true
        FROM jsonb_to_recordset(outlying) AS o(exemplar bigint) WHERE e.id = o.exemplar;
        PERFORM pgvoice_internal.refresh_profile(speaker_of, encoder);
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
'Leaves a person''s outlying exemplars (see exemplar_similarity) out of the profile and returns them.
They stay in the store, and restore_exemplars takes them back. dry_run changes nothing.';

CREATE OR REPLACE FUNCTION pgvoice.restore_exemplars(
    speaker text, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    speaker_of CONSTANT bigint := pgvoice_internal.held_speaker(restore_exemplars.speaker);
    restored bigint;
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.begin_act('restore', restore_exemplars.speaker);
    UPDATE pgvoice.enrollment AS e SET excluded = false
    WHERE e.speaker_id = speaker_of AND e.encoder_id = encoder AND e.excluded;
    GET DIAGNOSTICS restored = ROW_COUNT;
    IF restored > 0 THEN
        PERFORM pgvoice_internal.refresh_profile(speaker_of, encoder);
    END IF;
    RETURN restored;
END
$$;
COMMENT ON FUNCTION pgvoice.restore_exemplars IS
'Takes all exemplars that were left out back into the profile; returns how many there were.';

CREATE OR REPLACE FUNCTION pgvoice.drop_exemplar(
    speaker text, exemplar bigint, dry_run boolean DEFAULT false
) RETURNS TABLE (source text, start_s double precision, end_s double precision, exemplars_left bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    speaker_of CONSTANT bigint := pgvoice_internal.held_speaker(drop_exemplar.speaker);
    one pgvoice.enrollment;
BEGIN
    SELECT e.* INTO one FROM pgvoice.enrollment AS e
    WHERE e.id = exemplar AND e.speaker_id = speaker_of;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no exemplar % of %', coalesce(exemplar::text, 'NULL'),
            quote_literal(drop_exemplar.speaker)
            USING HINT = 'pgvoice.exemplar_similarity lists them.', ERRCODE = 'no_data_found';
    END IF;
    exemplars_left := (
        SELECT count(*) FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker_of AND e.encoder_id = one.encoder_id AND e.id <> one.id
          AND NOT e.excluded
    );
    IF exemplars_left = 0 AND NOT one.excluded THEN
        RAISE EXCEPTION 'exemplar % is the last one in the profile of %', exemplar,
            quote_literal(drop_exemplar.speaker)
            USING HINT = 'Add another one first, or remove the person.',
                  ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT dry_run THEN
        PERFORM pgvoice_internal.begin_act('drop', drop_exemplar.speaker, jsonb_build_object(
            'exemplar', exemplar
        ));
        DELETE FROM pgvoice.enrollment AS e WHERE e.id = one.id;
        PERFORM pgvoice_internal.refresh_profile(speaker_of, one.encoder_id);
    END IF;
    RETURN QUERY
    SELECT one.source, one.start_ms / 1000::double precision, one.end_ms / 1000::double precision,
           exemplars_left;
END
$$;
COMMENT ON FUNCTION pgvoice.drop_exemplar IS
'Deletes one exemplar of a person, by its number in exemplar_similarity, and computes the profile from
those that are left. Fails if none would be left in it. dry_run changes nothing.';
