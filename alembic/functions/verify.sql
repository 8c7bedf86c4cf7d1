-- Whether the rows of the store agree with each other.

CREATE OR REPLACE FUNCTION pgvoice.verify(
    sample integer DEFAULT 10000, audit_head text DEFAULT NULL
) RETURNS TABLE (
    what text,
    looked_at bigint,
    problems bigint,
    example text
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    kept CONSTANT double precision :=
        (SELECT greatest(1, reltuples) FROM pg_class WHERE oid = 'pgvoice.nearest'::regclass);
    percent CONSTANT real :=
        greatest(0, least(100, 100 * verify.sample / greatest(kept, verify.sample, 1)));
    -- The most that rounding can change a mean, a length or an inner product of float32.
    rounding CONSTANT double precision := 0.000001;
    -- Encoders with a profile of another dimension, with which nothing can be compared.
    uneven CONSTANT integer[] := ARRAY(
        SELECT c.encoder_id FROM pgvoice.compared_profile AS c
        JOIN pgvoice.encoder AS e ON e.id = c.encoder_id AND e.dimension <> public.vector_dims(c.embedding)
    );
BEGIN
    PERFORM pgvoice_internal.require_not_negative('sample', verify.sample);
    RETURN QUERY
    WITH judged AS (
        SELECT format('%s, %s to %s ms', coalesce(v.key, 'video ' || s.video_id), s.start_ms,
                      s.end_ms) AS place,
               (s.embedding IS NOT NULL) IS DISTINCT FROM (s.status IN ('ok', 'partial'))
                   OR s.status NOT IN ('ok', 'partial', 'too_short', 'silent', 'out_of_range',
                                       'non_finite', 'erased') AS status,
               public.vector_dims(s.embedding) <> s.dimension
                   OR s.dimension IS DISTINCT FROM e.dimension AS dimension,
               abs(public.vector_norm(s.embedding) - 1) >= 0.0001 AS length,
               s.start_ms < 0 OR s.start_ms > s.end_ms OR s.start_ms % g.grid_ms <> 0
                   OR s.end_ms % g.grid_ms <> 0 AS span,
               v.id IS NULL OR e.id IS NULL AS orphan
        FROM pgvoice.segment_embedding AS s
        CROSS JOIN pgvoice.setting AS g
        LEFT JOIN pgvoice.video AS v ON v.id = s.video_id
        LEFT JOIN pgvoice.encoder AS e ON e.id = s.encoder_id
    ), counted AS (
        SELECT count(*) AS every,
               count(*) FILTER (WHERE j.status) AS statuses,
               min(j.place) FILTER (WHERE j.status) AS status,
               count(*) FILTER (WHERE j.dimension) AS dimensions,
               min(j.place) FILTER (WHERE j.dimension) AS dimension,
               count(*) FILTER (WHERE j.length) AS lengths,
               min(j.place) FILTER (WHERE j.length) AS length,
               count(*) FILTER (WHERE j.span) AS spans,
               min(j.place) FILTER (WHERE j.span) AS span,
               count(*) FILTER (WHERE j.orphan) AS orphans,
               min(j.place) FILTER (WHERE j.orphan) AS orphan
        FROM judged AS j
    )
    SELECT told.what, c.every, told.problems, told.example
    FROM counted AS c CROSS JOIN LATERAL (VALUES
        ('segments: a vector exactly where the status says so', c.statuses, c.status),
        ('segments: vectors of their encoder''s dimension', c.dimensions, c.dimension),
        ('segments: vectors of unit length', c.lengths, c.length),
        ('segments: spans on the grid', c.spans, c.span),
        ('segments: of a recording and an encoder that are there', c.orphans, c.orphan)
    ) AS told(what, problems, example);

    RETURN QUERY
    SELECT 'exemplars: unit length, their encoder''s dimension, of a speaker that is there',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('exemplar %s of %s', x.id, coalesce(s.name, 'speaker ' || x.speaker_id))
                   AS place,
               s.id IS NULL OR x.dimension IS DISTINCT FROM e.dimension
                   OR public.vector_dims(x.embedding) <> x.dimension
                   OR abs(public.vector_norm(x.embedding) - 1) >= 0.0001 AS bad
        FROM pgvoice.enrollment AS x
        LEFT JOIN pgvoice.speaker AS s ON s.id = x.speaker_id
        LEFT JOIN pgvoice.encoder AS e ON e.id = x.encoder_id
    ) AS j;

    RETURN QUERY SELECT * FROM pgvoice_internal.check_twins();

    RETURN QUERY
    SELECT 'profiles: the unit-length mean of their exemplars, one for whoever has some',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT coalesce(s.name, 'speaker ' || coalesce(p.speaker_id, x.speaker_id)) AS place,
               CASE
                   WHEN s.id IS NULL OR p.exemplars IS DISTINCT FROM x.exemplars THEN true
                   WHEN public.vector_dims(p.embedding) <> public.vector_dims(x.mean)
                       OR p.dimension IS DISTINCT FROM public.vector_dims(x.mean) THEN true
                   ELSE NOT -(p.embedding OPERATOR(public.<#>) public.l2_normalize(x.mean)) >= 1 - rounding
                       OR abs(public.vector_norm(p.embedding) - 1) >= 0.0001
                       OR NOT abs(p.cohesion - least(public.vector_norm(x.mean), 1)) < 0.00001
               END AS bad
        FROM pgvoice.profile AS p
        FULL JOIN (
            SELECT i.speaker_id, i.encoder_id, count(*) AS exemplars, public.avg(i.embedding) AS mean
            FROM pgvoice.enrollment AS i
            JOIN pgvoice.encoder AS e ON e.id = i.encoder_id AND e.dimension = public.vector_dims(i.embedding)
            WHERE NOT i.excluded GROUP BY i.speaker_id, i.encoder_id
        ) AS x ON x.speaker_id = p.speaker_id AND x.encoder_id = p.encoder_id
        LEFT JOIN pgvoice.speaker AS s ON s.id = coalesce(p.speaker_id, x.speaker_id)
    ) AS j;

    RETURN QUERY
    SELECT 'comparisons: of segments that are there, or noted as gone',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('video %s, %s to %s ms', n.video_id, n.start_ms, n.end_ms) AS place,
               n.status IS DISTINCT FROM s.status AND NOT EXISTS (
                   SELECT FROM pgvoice.deleted_segment AS d
                   WHERE d.video_id = n.video_id AND d.start_ms = n.start_ms
                     AND d.end_ms = n.end_ms AND d.encoder_id = n.encoder_id
               ) AS bad
        FROM pgvoice.nearest AS n
        LEFT JOIN pgvoice.segment_embedding AS s
            ON s.video_id = n.video_id AND s.start_ms = n.start_ms AND s.end_ms = n.end_ms
            AND s.encoder_id = n.encoder_id
    ) AS j;

    RETURN QUERY
    SELECT 'comparisons: profiles of their encoder''s dimension',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('profile of speaker %s', c.speaker_id) AS place,
               e.dimension IS DISTINCT FROM public.vector_dims(c.embedding) AS bad
        FROM pgvoice.compared_profile AS c
        LEFT JOIN pgvoice.encoder AS e ON e.id = c.encoder_id
    ) AS j;

    RETURN QUERY
    SELECT 'comparisons: the two most similar profiles, of a sample',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('%s, %s to %s ms', v.key, n.start_ms, n.end_ms) AS place,
               abs(n.similarity - b.similarity) > rounding
                   OR abs(n.runner_up_similarity - b.runner_up_similarity) > rounding
                   OR (n.similarity IS NULL) <> (b.similarity IS NULL)
                   OR (n.runner_up_similarity IS NULL) <> (b.runner_up_similarity IS NULL) AS bad
        FROM pgvoice.nearest AS n TABLESAMPLE BERNOULLI (percent)
        JOIN pgvoice.video AS v ON v.id = n.video_id
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = n.video_id AND s.start_ms = n.start_ms AND s.end_ms = n.end_ms
            AND s.encoder_id = n.encoder_id
        JOIN pgvoice.encoder AS e ON e.id = n.encoder_id
        CROSS JOIN LATERAL pgvoice_internal.best_two(
            CASE WHEN public.vector_dims(s.embedding) = e.dimension THEN s.embedding END, n.encoder_id, false
        ) AS b
        WHERE n.encoder_id <> ALL (uneven) AND NOT EXISTS (
            SELECT FROM pgvoice.deleted_segment AS d
            WHERE d.video_id = n.video_id AND d.start_ms = n.start_ms
              AND d.end_ms = n.end_ms AND d.encoder_id = n.encoder_id
        )
    ) AS j;

    RETURN QUERY SELECT * FROM pgvoice_internal.check_voices(verify.sample, rounding);

    RETURN QUERY SELECT * FROM pgvoice_internal.check_links(rounding);

    RETURN QUERY SELECT * FROM pgvoice_internal.check_acts();

    RETURN QUERY
    SELECT 'labels: one current label, from the newest pin or else run',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('video %s, %s to %s ms', a.video_id, a.start_ms, a.end_ms) AS place,
               count(*) FILTER (WHERE a.current) <> least(count(r.id), 1)
                   OR (array_agg(a.current ORDER BY (r.id IS NULL), a.pinned DESC, a.run_id DESC))[1]
                      IS DISTINCT FROM (count(r.id) > 0) AS bad
        FROM pgvoice.attribution AS a
        LEFT JOIN pgvoice.attribution_run AS r ON r.id = a.run_id AND r.reverted_at IS NULL
        GROUP BY a.video_id, a.start_ms, a.end_ms, a.encoder_id
    ) AS j;

    RETURN QUERY
    SELECT 'labels: of a recording, an encoder, a run and people that are there',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('video %s, %s to %s ms', a.video_id, a.start_ms, a.end_ms) AS place,
               v.id IS NULL OR e.id IS NULL OR r.id IS NULL
                   OR (s.id IS NULL) <> (a.speaker_id IS NULL)
                   OR (u.id IS NULL) <> (a.runner_up_id IS NULL) AS bad
        FROM pgvoice.attribution AS a
        LEFT JOIN pgvoice.video AS v ON v.id = a.video_id
        LEFT JOIN pgvoice.encoder AS e ON e.id = a.encoder_id
        LEFT JOIN pgvoice.attribution_run AS r ON r.id = a.run_id
        LEFT JOIN pgvoice.speaker AS s ON s.id = a.speaker_id
        LEFT JOIN pgvoice.speaker AS u ON u.id = a.runner_up_id
    ) AS j;

    RETURN QUERY
    SELECT 'label runs: no more labels than they stored, of their encoder',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('run %s', r.id) AS place,
               count(a.run_id) > r.changed OR bool_or(a.encoder_id <> r.encoder_id) AS bad
        FROM pgvoice.attribution_run AS r LEFT JOIN pgvoice.attribution AS a ON a.run_id = r.id
        GROUP BY r.id
    ) AS j;

    RETURN QUERY SELECT * FROM pgvoice_internal.check_turns();

    RETURN QUERY
    SELECT 'fills: requested is what was there, filled and skipped',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('fill %s', f.id) AS place,
               least(f.hits, f.filled) < 0 OR f.requested <> f.hits::bigint + f.filled + (
                   SELECT coalesce(sum(k.value::numeric), 0) FROM jsonb_each_text(f.skipped) AS k
               ) AS bad
        FROM pgvoice.fill_run AS f
    ) AS j;

    RETURN QUERY
    SELECT 'consents: profiles are used until these end',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT s.name AS place,
               p.valid_until <> pgvoice_internal.person_valid_until(p.speaker_id) AS bad
        FROM pgvoice.profile AS p LEFT JOIN pgvoice.speaker AS s ON s.id = p.speaker_id
    ) AS j;

    RETURN QUERY
    SELECT 'erased speech: no vectors of it',
           (SELECT count(*) FROM pgvoice.erased_span), count(*),
           min(format('%s, %s to %s ms', v.key, s.start_ms, s.end_ms))
    FROM pgvoice.video AS v
    CROSS JOIN LATERAL pgvoice_internal.erased_spans(v.key, v.audio_sha256) AS t
    JOIN pgvoice.segment_embedding AS s ON s.video_id = v.id AND s.embedding IS NOT NULL
        AND pgvoice_internal.is_same_speech(s.start_ms, s.end_ms, t.start_ms, t.end_ms);

    RETURN QUERY
    SELECT 'audit trail: an unbroken chain of hashes',
           count(*), count(*) FILTER (WHERE j.broken), min(j.place) FILTER (WHERE j.broken)
    FROM pgvoice_internal.audit_breaks() AS j;

    IF verify.audit_head IS NOT NULL THEN
        RETURN QUERY
        SELECT 'audit trail: with the hash that was noted', 1::bigint, 1 - count(*),
               CASE WHEN count(*) = 0 THEN verify.audit_head END
        FROM pgvoice.audit_link AS l WHERE encode(l.hash, 'hex') = lower(verify.audit_head);
    END IF;

    RETURN QUERY
    SELECT 'indexes and constraints valid, triggers on',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT i.indexrelid::regclass::text AS place, NOT (i.indisvalid AND i.indisready) AS bad
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'pgvoice'::regnamespace
        UNION ALL
        SELECT k.conname, NOT k.convalidated FROM pg_constraint AS k
        WHERE k.connamespace = 'pgvoice'::regnamespace
        UNION ALL
        SELECT t.tgname, t.tgenabled = 'D'
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'pgvoice'::regnamespace
    ) AS j;
END
$$;
COMMENT ON FUNCTION pgvoice.verify(integer, text) IS
'Whether the rows of the store agree with each other: a row per check with the number of rows it looked
at, the number that are wrong, and an example. The most expensive check, of the kept comparisons,
recomputes a sample of this size. audit_head is a hash of the audit trail that was noted earlier: its
events up to then are the same now.';
