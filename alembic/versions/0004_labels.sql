-- Labels that are kept. A run stores only the labels that it changes; the label that counts for a
-- segment is flagged `current`: that of its newest pin, else of its newest run, among the runs that
-- were not reverted. What each segment is nearest to is kept beside it, so that a new speaker costs
-- one pass of one profile.

ALTER TABLE pgvoice.attribution_run
    ADD COLUMN kind text,
    ADD COLUMN changed bigint,
    ALTER COLUMN threshold DROP NOT NULL,
    ALTER COLUMN margin DROP NOT NULL;
UPDATE pgvoice.attribution_run AS r
SET kind = CASE WHEN found.pinned THEN 'pin' ELSE 'label' END, changed = found.labels
FROM (
    SELECT run.id, coalesce(bool_or(a.pinned), false) AS pinned, count(a.run_id) AS labels
    FROM pgvoice.attribution_run AS run LEFT JOIN pgvoice.attribution AS a ON a.run_id = run.id
    GROUP BY run.id
) AS found
WHERE found.id = r.id;
ALTER TABLE pgvoice.attribution_run
    ALTER COLUMN kind SET NOT NULL,
    ALTER COLUMN changed SET NOT NULL,
    ADD CONSTRAINT attribution_run_kind_check CHECK (kind IN ('label', 'relabel', 'pin'));
COMMENT ON COLUMN pgvoice.attribution_run.kind IS 'A pin is a person''s word about one segment.';
COMMENT ON COLUMN pgvoice.attribution_run.changed IS 'Labels that it stored.';
COMMENT ON COLUMN pgvoice.attribution_run.threshold IS 'NULL for a pin.';

ALTER TABLE pgvoice.attribution
    ADD COLUMN encoder_id integer,
    ADD COLUMN current boolean DEFAULT false NOT NULL;
UPDATE pgvoice.attribution AS a
SET encoder_id = r.encoder_id
FROM pgvoice.attribution_run AS r
WHERE r.id = a.run_id;
UPDATE pgvoice.attribution AS a
SET current = true
FROM (
    SELECT DISTINCT ON (x.video_id, x.start_ms, x.end_ms, x.encoder_id)
           x.video_id, x.start_ms, x.end_ms, x.run_id
    FROM pgvoice.attribution AS x JOIN pgvoice.attribution_run AS r ON r.id = x.run_id
    WHERE r.reverted_at IS NULL
    ORDER BY x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.pinned DESC, x.run_id DESC
) AS best
WHERE (a.video_id, a.start_ms, a.end_ms, a.run_id)
    = (best.video_id, best.start_ms, best.end_ms, best.run_id);
ALTER TABLE pgvoice.attribution
    ALTER COLUMN encoder_id SET NOT NULL,
    DROP CONSTRAINT attribution_pkey,
    ADD CONSTRAINT attribution_pkey PRIMARY KEY (video_id, start_ms, end_ms, encoder_id, run_id);
COMMENT ON COLUMN pgvoice.attribution.encoder_id IS 'That of the run.';
COMMENT ON COLUMN pgvoice.attribution.current IS 'Whether this is the label that counts.';
DROP INDEX pgvoice.attribution_video_id_idx;
CREATE INDEX attribution_run_id_idx ON pgvoice.attribution (run_id);
CREATE INDEX attribution_runner_up_id_idx ON pgvoice.attribution (runner_up_id);
CREATE UNIQUE INDEX attribution_current_idx
ON pgvoice.attribution (video_id, start_ms, end_ms, encoder_id) WHERE current;

CREATE TABLE pgvoice.compared_profile (
    encoder_id integer NOT NULL,
    speaker_id bigint NOT NULL,
    embedding vector NOT NULL,
    fresh boolean DEFAULT true NOT NULL,
    factor double precision GENERATED ALWAYS AS (CASE WHEN speaker_id < 1048576 THEN 1 - speaker_id * 2e0^(-46) ELSE 'Infinity' END) STORED,
    CONSTRAINT compared_profile_pkey PRIMARY KEY (encoder_id, speaker_id),
    CONSTRAINT compared_profile_encoder_id_speaker_id_fkey FOREIGN KEY(encoder_id, speaker_id) REFERENCES pgvoice.profile (encoder_id, speaker_id) ON DELETE CASCADE
);
COMMENT ON TABLE pgvoice.compared_profile IS
'The profiles, as they were, that nearest was computed with; goes with the profile.';
COMMENT ON COLUMN pgvoice.compared_profile.fresh IS 'Not compared with every segment yet.';
COMMENT ON COLUMN pgvoice.compared_profile.factor IS 'Makes of an inner product a key that tells the speaker, too.';

CREATE TABLE pgvoice.nearest (
    video_id bigint NOT NULL,
    start_ms integer NOT NULL,
    end_ms integer NOT NULL,
    encoder_id integer NOT NULL,
    status text NOT NULL,
    nearest_id bigint,
    similarity double precision,
    runner_up_id bigint,
    runner_up_similarity double precision,
    CONSTRAINT nearest_pkey PRIMARY KEY (video_id, start_ms, end_ms, encoder_id)
);
COMMENT ON TABLE pgvoice.nearest IS
'Per segment its status and the two profiles most similar to it, as of the last refresh_nearest.
Triggers delete a row when its segment or one of its profiles goes or changes.';
COMMENT ON COLUMN pgvoice.nearest.similarity IS 'As computed, without any threshold.';

CREATE TABLE pgvoice.deleted_segment (
    id bigint GENERATED ALWAYS AS IDENTITY,
    video_id bigint NOT NULL,
    start_ms integer NOT NULL,
    end_ms integer NOT NULL,
    encoder_id integer NOT NULL,
    CONSTRAINT deleted_segment_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE pgvoice.deleted_segment IS
'Segments that were deleted or changed while labels were made; the next refresh_nearest forgets them.';

CREATE FUNCTION pgvoice.label_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended('pgvoice.labels', 0);
COMMENT ON FUNCTION pgvoice.label_lock() IS
'The advisory lock that whoever changes labels or nearest holds.';

CREATE FUNCTION pgvoice.hold_labels() RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(pgvoice.label_lock());
    PERFORM FROM pgvoice.speaker ORDER BY id FOR KEY SHARE;
END
$$;
COMMENT ON FUNCTION pgvoice.hold_labels() IS
'Waits until nobody else changes labels, or merges or removes a speaker; held until commit.';

CREATE FUNCTION pgvoice.forget_segments() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    -- Rows of a refresh that runs right now cannot be seen yet: leave it a note, do not wait.
    IF pg_try_advisory_xact_lock_shared(pgvoice.label_lock()) THEN
        DELETE FROM pgvoice.nearest AS n USING old_rows AS o
        WHERE (n.video_id, n.start_ms, n.end_ms, n.encoder_id)
            = (o.video_id, o.start_ms, o.end_ms, o.encoder_id);
    ELSE
        INSERT INTO pgvoice.deleted_segment (video_id, start_ms, end_ms, encoder_id)
        SELECT video_id, start_ms, end_ms, encoder_id FROM old_rows;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice.forget_segments() IS
'Takes segments that were deleted or changed out of nearest.';

CREATE TRIGGER segment_embedding_deleted
AFTER DELETE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice.forget_segments();
CREATE TRIGGER segment_embedding_updated
AFTER UPDATE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice.forget_segments();

CREATE FUNCTION pgvoice.forget_all_segments() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    TRUNCATE pgvoice.nearest, pgvoice.deleted_segment;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice.forget_all_segments() IS 'Empties nearest with its segments.';

CREATE TRIGGER segment_embedding_truncated
AFTER TRUNCATE ON pgvoice.segment_embedding
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice.forget_all_segments();

CREATE FUNCTION pgvoice.forget_profiles() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (SELECT FROM old_rows) THEN
        DELETE FROM pgvoice.nearest AS n
        WHERE (n.encoder_id, n.nearest_id) IN (SELECT o.encoder_id, o.speaker_id FROM old_rows AS o)
           OR (n.encoder_id, n.runner_up_id)
              IN (SELECT o.encoder_id, o.speaker_id FROM old_rows AS o);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice.forget_profiles() IS
'Takes the segments that a profile was nearest or second to out of nearest.';

CREATE TRIGGER compared_profile_deleted
AFTER DELETE ON pgvoice.compared_profile REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice.forget_profiles();

-- One row, not a set: so it stays a call, which parallel workers may make. As a subquery in the
-- place of the call it would be a little faster, and never parallel.
CREATE FUNCTION pgvoice.best_two(
    voice vector,
    encoder integer,
    only_fresh boolean,
    OUT nearest_id bigint,
    OUT similarity double precision,
    OUT runner_up_id bigint,
    OUT runner_up_similarity double precision
)
LANGUAGE sql STABLE PARALLEL SAFE COST 10000
BEGIN ATOMIC
    SELECT ids[1], similarities[1], ids[2], similarities[2]
    FROM (
        SELECT array_agg(ranked.speaker_id ORDER BY ranked.similarity DESC, ranked.speaker_id)
                   AS ids,
               array_agg(ranked.similarity ORDER BY ranked.similarity DESC, ranked.speaker_id)
                   AS similarities
        FROM (
            SELECT c.speaker_id, -(voice <#> c.embedding) AS similarity
            FROM pgvoice.compared_profile AS c
            WHERE voice IS NOT NULL AND c.encoder_id = encoder AND (c.fresh OR NOT only_fresh)
            ORDER BY voice <#> c.embedding, c.speaker_id
            LIMIT 2
        ) AS ranked
    ) AS best;
END;
COMMENT ON FUNCTION pgvoice.best_two IS
'The two compared profiles most similar to a voice, ties by speaker id as in identify; or, of the
fresh ones alone. NULLs for no voice and for no profile.';

-- An inner product is a float32 in a float64. Times 1 - id / 2^46 its last bits tell the speaker;
-- rounded to float32 again it is what it was; negative ones keep their order, and of equal ones the
-- lower id comes first. So one number is sorted, not a row, which takes half the time.
CREATE FUNCTION pgvoice.key_speaker(key double precision) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round((1 - key / key::real) * 2e0^46)::bigint;
COMMENT ON FUNCTION pgvoice.key_speaker IS 'The speaker of a negative inner product times factor.';

CREATE FUNCTION pgvoice.key_similarity(key double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (-key)::real;
COMMENT ON FUNCTION pgvoice.key_similarity IS
'The similarity of a negative inner product times factor.';

CREATE FUNCTION pgvoice.are_keys(keys double precision[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN keys[2] < 0 AND keys[1] > '-Infinity';
COMMENT ON FUNCTION pgvoice.are_keys IS
'Whether these two tell the best two speakers: not where one is not similar at all, nor from the
millionth speaker on.';

CREATE FUNCTION pgvoice.compare_fresh(encoder integer) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
AS $$
DECLARE
    passed bigint;
    -- Few against many: each alone, which is quickest and seldom enters. Else the best two of them,
    -- so that a segment has no more than two that enter.
    chosen CONSTANT text := CASE
        WHEN (SELECT count(*) FILTER (WHERE c.fresh) <= count(*) FILTER (WHERE NOT c.fresh)
              FROM pgvoice.compared_profile AS c WHERE c.encoder_id = encoder)
        THEN '(SELECT c.speaker_id, -(s.embedding <#> c.embedding)
               FROM pgvoice.compared_profile AS c WHERE c.encoder_id = $1 AND c.fresh)'
        ELSE '(SELECT two.* FROM pgvoice.best_two(s.embedding, $1, true) AS b CROSS JOIN LATERAL
               (VALUES (b.nearest_id, b.similarity), (b.runner_up_id, b.runner_up_similarity)) AS two)'
    END;
BEGIN
    SELECT count(*) INTO passed FROM pgvoice.nearest AS n
    WHERE n.encoder_id = encoder AND n.status IN ('ok', 'partial');
    -- CREATE TABLE AS, because Postgres runs its SELECT in parallel; that of an UPDATE never.
    EXECUTE 'CREATE TEMPORARY TABLE entering AS
        SELECT n.video_id, n.start_ms, n.end_ms, f.id, f.similarity
        FROM pgvoice.nearest AS n
        JOIN pgvoice.segment_embedding AS s USING (video_id, start_ms, end_ms, encoder_id)
        CROSS JOIN LATERAL ' || chosen || ' AS f(id, similarity)
        WHERE n.encoder_id = $1 AND s.encoder_id = $1 AND s.embedding IS NOT NULL
          AND f.id IS NOT NULL
          AND (n.runner_up_id IS NULL OR f.similarity > n.runner_up_similarity
               OR (f.similarity = n.runner_up_similarity AND f.id < n.runner_up_id))'
        USING encoder;
    UPDATE pgvoice.nearest AS n
    SET (nearest_id, similarity, runner_up_id, runner_up_similarity) = (
        SELECT ids[1], similarities[1], ids[2], similarities[2]
        FROM (
            SELECT array_agg(id ORDER BY one.similarity DESC, id) AS ids,
                   array_agg(one.similarity ORDER BY one.similarity DESC, id) AS similarities
            FROM (
                SELECT n.nearest_id, n.similarity
                UNION ALL SELECT n.runner_up_id, n.runner_up_similarity
                UNION ALL SELECT * FROM unnest(e.ids, e.similarities)
            ) AS one(id, similarity)
            WHERE id IS NOT NULL
        ) AS best
    )
    FROM (
        SELECT video_id, start_ms, end_ms, array_agg(id) AS ids,
               array_agg(entering.similarity) AS similarities
        FROM pg_temp.entering GROUP BY video_id, start_ms, end_ms
    ) AS e
    WHERE n.video_id = e.video_id AND n.start_ms = e.start_ms AND n.end_ms = e.end_ms
      AND n.encoder_id = encoder;
    DROP TABLE pg_temp.entering;
    RETURN passed;
END
$$;
COMMENT ON FUNCTION pgvoice.compare_fresh(integer) IS
'Compares every segment in nearest with the fresh profiles only, and writes those rows whose best two
change; returns how many segments were compared.';

CREATE FUNCTION pgvoice.compare_absent(encoder integer, OUT segments bigint, OUT pairs bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
-- The planner counts a call per row as if it were one; what it takes for dear is nothing beside it.
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
AS $$
DECLARE
    -- Up to so many are looked up one by one, in one process; more are found by a parallel scan.
    few CONSTANT bigint := 100000;
    source text := 'pgvoice.segment_embedding AS s';
    chosen text := ' WHERE s.encoder_id = $1';
    number bigint;
BEGIN
    IF EXISTS (SELECT FROM pgvoice.nearest AS n WHERE n.encoder_id = encoder) THEN
        CREATE TEMPORARY TABLE absent AS
        SELECT s.video_id, s.start_ms, s.end_ms FROM pgvoice.segment_embedding AS s
        WHERE s.encoder_id = encoder AND NOT EXISTS (
            SELECT FROM pgvoice.nearest AS n
            WHERE n.video_id = s.video_id AND n.start_ms = s.start_ms AND n.end_ms = s.end_ms
              AND n.encoder_id = s.encoder_id
        );
        ANALYZE pg_temp.absent;
        SELECT count(*) INTO number FROM pg_temp.absent;
        IF number <= few THEN
            source := 'pg_temp.absent AS a JOIN pgvoice.segment_embedding AS s
                USING (video_id, start_ms, end_ms)';
        ELSE
            -- An anti-join is taken for one that leaves a single row, not worth a worker.
            source := 'pgvoice.segment_embedding AS s LEFT JOIN pgvoice.nearest AS n
                USING (video_id, start_ms, end_ms, encoder_id)';
            chosen := chosen || ' AND coalesce(n.status, ''absent'') = ''absent''';
        END IF;
    END IF;
    -- CREATE TABLE AS, because Postgres runs its SELECT in parallel; that of an INSERT never. Nor one
    -- with a LIMIT in FROM.
    EXECUTE 'CREATE TEMPORARY TABLE compared AS
        SELECT s.video_id, s.start_ms, s.end_ms, s.status, ARRAY(
            SELECT (s.embedding <#> c.embedding) * c.factor
            FROM pgvoice.compared_profile AS c WHERE c.encoder_id = $1 ORDER BY 1 LIMIT 2
        ) AS keys
        FROM ' || source || chosen USING encoder;
    INSERT INTO pgvoice.nearest (video_id, start_ms, end_ms, encoder_id, status, nearest_id,
        similarity, runner_up_id, runner_up_similarity)
    SELECT c.video_id, c.start_ms, c.end_ms, encoder, c.status,
           pgvoice.key_speaker(c.keys[1]), pgvoice.key_similarity(c.keys[1]),
           pgvoice.key_speaker(c.keys[2]), pgvoice.key_similarity(c.keys[2])
    FROM pg_temp.compared AS c WHERE pgvoice.are_keys(c.keys)
    UNION ALL
    SELECT c.video_id, c.start_ms, c.end_ms, encoder, c.status, b.*
    FROM pg_temp.compared AS c
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = c.video_id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
        AND s.encoder_id = encoder
    CROSS JOIN LATERAL pgvoice.best_two(s.embedding, encoder, false) AS b
    WHERE pgvoice.are_keys(c.keys) IS NOT TRUE;
    SELECT count(*), count(*) FILTER (WHERE c.keys[1] IS NOT NULL) INTO segments, pairs
    FROM pg_temp.compared AS c;
    pairs := pairs
        * (SELECT count(*) FROM pgvoice.compared_profile AS c WHERE c.encoder_id = encoder);
    DROP TABLE IF EXISTS pg_temp.absent;
    DROP TABLE pg_temp.compared;
    IF segments > few THEN
        ANALYZE pgvoice.nearest;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice.compare_absent(integer) IS
'Compares the segments that are not in nearest with every profile, and adds them.';

CREATE FUNCTION pgvoice.refresh_nearest(
    encoder integer DEFAULT pgvoice.sole_encoder(),
    OUT fresh_profiles bigint,
    OUT segments_passed bigint,
    OUT segments_recomputed bigint,
    OUT pairs bigint
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice.hold_labels();
    -- Locked, so that no profile goes before what is computed from it is seen.
    PERFORM FROM pgvoice.profile AS p WHERE p.encoder_id = encoder
    ORDER BY p.speaker_id FOR KEY SHARE;
    WITH gone AS (
        DELETE FROM pgvoice.deleted_segment AS d WHERE d.encoder_id = encoder RETURNING d.*
    )
    DELETE FROM pgvoice.nearest AS n USING gone
    WHERE (n.video_id, n.start_ms, n.end_ms, n.encoder_id)
        = (gone.video_id, gone.start_ms, gone.end_ms, gone.encoder_id);
    -- A changed profile goes, with the rows that it was best or second in, and comes back as fresh.
    DELETE FROM pgvoice.compared_profile AS c
    WHERE c.encoder_id = encoder AND NOT EXISTS (
        SELECT FROM pgvoice.profile AS p
        WHERE p.encoder_id = c.encoder_id AND p.speaker_id = c.speaker_id
          AND p.embedding = c.embedding
    );
    INSERT INTO pgvoice.compared_profile (encoder_id, speaker_id, embedding)
    SELECT p.encoder_id, p.speaker_id, p.embedding FROM pgvoice.profile AS p
    WHERE p.encoder_id = encoder
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS fresh_profiles = ROW_COUNT;
    segments_passed := 0;
    IF fresh_profiles > 0 THEN
        segments_passed := pgvoice.compare_fresh(encoder);
    END IF;
    SELECT c.segments, c.pairs INTO segments_recomputed, pairs
    FROM pgvoice.compare_absent(encoder) AS c;
    UPDATE pgvoice.compared_profile AS c SET fresh = false
    WHERE c.encoder_id = encoder AND c.fresh;
    pairs := pairs + segments_passed * fresh_profiles;
END
$$;
COMMENT ON FUNCTION pgvoice.refresh_nearest(integer) IS
'Brings nearest up to date with segments and profiles, and says how much that was: new or changed
profiles, segments compared with these only, segments compared with every profile, and pairs in all.';

CREATE FUNCTION pgvoice.required(
    encoder integer,
    duration_ms integer,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (threshold double precision, margin double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(given_threshold, e.default_threshold), coalesce(given_margin, 0)
    FROM pgvoice.encoder AS e WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice.required IS
'What is required of a segment of this length for it to get a name: what is given, else the
encoder''s own. The one place where kept labels get their threshold and margin.';

CREATE FUNCTION pgvoice.reason(
    status text,
    similarity double precision,
    runner_up_similarity double precision,
    threshold double precision,
    margin double precision
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status NOT IN ('ok', 'partial') THEN status
    WHEN similarity IS NULL THEN 'no_profiles'
    WHEN similarity < threshold THEN 'below_threshold'
    WHEN similarity - runner_up_similarity < margin THEN 'ambiguous'
    ELSE 'matched'
END;
COMMENT ON FUNCTION pgvoice.reason IS 'Why a segment gets a name or none, as in identify.';

CREATE FUNCTION pgvoice.verdicts(
    encoder integer, given_threshold double precision, given_margin double precision
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    similarity double precision,
    runner_up_id bigint,
    margin double precision,
    reason text
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT n.video_id, n.start_ms, n.end_ms,
           CASE WHEN judged.reason = 'matched' THEN n.nearest_id END,
           pgvoice.similarity(n.similarity), n.runner_up_id,
           n.similarity - n.runner_up_similarity, judged.reason
    FROM pgvoice.nearest AS n
    CROSS JOIN LATERAL
        pgvoice.required(encoder, n.end_ms - n.start_ms, given_threshold, given_margin) AS q
    CROSS JOIN LATERAL (
        SELECT pgvoice.reason(
            n.status, n.similarity, n.runner_up_similarity, q.threshold, q.margin
        ) AS reason
    ) AS judged
    WHERE n.encoder_id = encoder;
END;
COMMENT ON FUNCTION pgvoice.verdicts IS
'Who speaks in every segment of the library, from nearest: what identify says of each, when nearest
is up to date.';

CREATE FUNCTION pgvoice.verdicts_of(
    videos text[],
    encoder integer,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    similarity double precision,
    runner_up_id bigint,
    margin double precision,
    reason text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT v.id, round(i.start_s * 1000)::integer, round(i.end_s * 1000)::integer,
           named.id, i.similarity, second.id, i.margin, i.reason
    FROM pgvoice.video AS v
    CROSS JOIN LATERAL pgvoice.identify(
        v.key, encoder => verdicts_of.encoder, threshold => given_threshold,
        min_margin => given_margin
    ) AS i
    LEFT JOIN pgvoice.speaker AS named ON named.name = i.speaker
    LEFT JOIN pgvoice.speaker AS second ON second.name = i.runner_up
    WHERE v.key = ANY (videos)
$$;
COMMENT ON FUNCTION pgvoice.verdicts_of IS 'Who speaks in every segment of some videos, by identify.';

CREATE FUNCTION pgvoice.label_reason(speaker_id bigint, reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN speaker_id IS NULL AND reason IN ('matched', 'pinned') THEN 'removed' ELSE reason
END;
COMMENT ON FUNCTION pgvoice.label_reason(bigint, text) IS
'The reason of a kept label as it is now: removed, once its speaker was.';

CREATE FUNCTION pgvoice.verdict_moves() RETURNS TABLE (
    outcome text,
    from_speaker text,
    from_reason text,
    to_speaker text,
    to_reason text,
    segments bigint,
    seconds double precision,
    video_count bigint,
    longest_videos text[]
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH per_video AS (
        SELECT v.pinned, v.old_speaker_id, v.old_reason, v.speaker_id, v.reason, v.video_id,
               count(*) AS segments, sum(v.end_ms - v.start_ms) AS ms
        FROM pg_temp.verdict AS v
        GROUP BY v.pinned, v.old_speaker_id, v.old_reason, v.speaker_id, v.reason, v.video_id
    ), move AS (
        SELECT p.pinned, p.old_speaker_id, p.old_reason, p.speaker_id, p.reason,
               sum(p.segments)::bigint AS segments, sum(p.ms) AS ms, count(*) AS videos,
               (array_agg(p.video_id ORDER BY p.ms DESC, p.video_id))[:20] AS longest
        FROM per_video AS p
        GROUP BY p.pinned, p.old_speaker_id, p.old_reason, p.speaker_id, p.reason
    ), stays AS (
        SELECT t.speaker_id, t.segments - coalesce(sum(m.segments), 0)::bigint AS segments,
               t.ms - coalesce(sum(m.ms), 0) AS ms
        FROM pg_temp.total AS t
        LEFT JOIN move AS m ON m.speaker_id IS NOT DISTINCT FROM t.speaker_id
        GROUP BY t.speaker_id, t.segments, t.ms
    ), told AS (
        SELECT CASE WHEN m.pinned THEN 'pinned' ELSE 'changed' END AS outcome,
               before.name AS before_name, m.old_reason, after.name AS after_name, m.reason,
               m.segments, m.ms, m.videos, m.longest
        FROM move AS m
        LEFT JOIN pgvoice.speaker AS before ON before.id = m.old_speaker_id
        LEFT JOIN pgvoice.speaker AS after ON after.id = m.speaker_id
        UNION ALL
        SELECT 'unchanged', named.name, NULL, named.name, NULL, s.segments, s.ms, NULL, NULL
        FROM stays AS s LEFT JOIN pgvoice.speaker AS named ON named.id = s.speaker_id
        WHERE s.segments > 0
    )
    SELECT t.outcome, t.before_name, t.old_reason, t.after_name, t.reason, t.segments,
           t.ms / 1000::double precision, t.videos,
           CASE WHEN t.longest IS NOT NULL THEN ARRAY(
               SELECT v.key FROM unnest(t.longest) WITH ORDINALITY AS l(id, place)
               JOIN pgvoice.video AS v ON v.id = l.id ORDER BY l.place
           ) END
    FROM told AS t
    ORDER BY t.outcome, t.segments DESC, t.ms DESC, t.before_name, t.old_reason, t.after_name,
             t.reason;
END
$$;
COMMENT ON FUNCTION pgvoice.verdict_moves() IS
'Sums up, within keep_labels, what it found: from whom to whom.';

CREATE FUNCTION pgvoice.apply_verdicts(
    run_kind text, encoder integer, given_threshold double precision, given_margin double precision
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    stored bigint;
    run bigint;
BEGIN
    SELECT count(*) INTO stored FROM pg_temp.verdict WHERE NOT pinned;
    IF stored = 0 THEN
        RETURN NULL;
    END IF;
    INSERT INTO pgvoice.attribution_run (encoder_id, kind, threshold, margin, changed)
    SELECT encoder, run_kind, coalesce(given_threshold, e.default_threshold),
           coalesce(given_margin, 0), stored
    FROM pgvoice.encoder AS e WHERE e.id = encoder
    RETURNING id INTO run;
    UPDATE pgvoice.attribution AS a SET current = false FROM pg_temp.verdict AS v
    WHERE a.video_id = v.video_id AND a.start_ms = v.start_ms AND a.end_ms = v.end_ms
      AND a.encoder_id = encoder AND a.run_id = v.old_run AND NOT v.pinned;
    INSERT INTO pgvoice.attribution (run_id, video_id, start_ms, end_ms, encoder_id, speaker_id,
        similarity, runner_up_id, margin, reason, current)
    SELECT run, v.video_id, v.start_ms, v.end_ms, encoder, v.speaker_id, v.similarity,
           v.runner_up_id, v.margin, v.reason, true
    FROM pg_temp.verdict AS v WHERE NOT v.pinned;
    RETURN run;
END
$$;
COMMENT ON FUNCTION pgvoice.apply_verdicts IS
'Keeps the labels that keep_labels found changed, as a run; NULL when there is none.';

CREATE FUNCTION pgvoice.keep_labels(
    videos text[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    only_labelled boolean DEFAULT false,
    dry_run boolean DEFAULT false
) RETURNS TABLE (
    outcome text,
    from_speaker text,
    from_reason text,
    to_speaker text,
    to_reason text,
    segments bigint,
    seconds double precision,
    video_count bigint,
    longest_videos text[],
    run bigint
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    -- The library from nearest, so that nothing is compared twice; a few videos by identify.
    source text := CASE WHEN keep_labels.videos IS NULL THEN 'pgvoice.verdicts($1, $2, $3)'
                        ELSE 'pgvoice.verdicts_of($4, $1, $2, $3)' END;
    chosen text := CASE WHEN keep_labels.only_labelled THEN
        ' AND EXISTS (SELECT FROM pgvoice.attribution AS l
              WHERE l.current AND l.video_id = v.video_id AND l.encoder_id = $1)' ELSE '' END;
    kept bigint;
BEGIN
    PERFORM pgvoice.hold_labels();
    IF keep_labels.videos IS NULL AND (NOT keep_labels.only_labelled OR EXISTS (
        SELECT FROM pgvoice.attribution AS a
        WHERE a.current AND a.encoder_id = keep_labels.encoder
    )) THEN
        PERFORM pgvoice.refresh_nearest(keep_labels.encoder);
    END IF;
    EXECUTE 'CREATE TEMPORARY TABLE verdict AS
        SELECT v.*, a.run_id AS old_run, a.speaker_id AS old_speaker_id,
               pgvoice.label_reason(a.speaker_id, a.reason) AS old_reason,
               coalesce(a.pinned, false) AS pinned
        FROM ' || source || ' AS v
        LEFT JOIN pgvoice.attribution AS a
            ON a.current AND a.video_id = v.video_id AND a.start_ms = v.start_ms
            AND a.end_ms = v.end_ms AND a.encoder_id = $1
        WHERE (a.run_id IS NULL OR a.speaker_id IS DISTINCT FROM v.speaker_id
               OR (NOT a.pinned AND a.reason <> v.reason))' || chosen
        USING keep_labels.encoder, keep_labels.threshold, keep_labels.min_margin,
              keep_labels.videos;
    EXECUTE 'CREATE TEMPORARY TABLE total AS
        SELECT v.speaker_id, count(*) AS segments, sum(v.end_ms - v.start_ms) AS ms
        FROM ' || source || ' AS v WHERE true' || chosen || ' GROUP BY v.speaker_id'
        USING keep_labels.encoder, keep_labels.threshold, keep_labels.min_margin,
              keep_labels.videos;
    IF NOT keep_labels.dry_run THEN
        kept := pgvoice.apply_verdicts(
            CASE WHEN keep_labels.only_labelled THEN 'relabel' ELSE 'label' END,
            keep_labels.encoder, keep_labels.threshold, keep_labels.min_margin
        );
    END IF;
    RETURN QUERY
    SELECT d.*, kept FROM pgvoice.verdict_moves() AS d;
    DROP TABLE pg_temp.verdict;
    DROP TABLE pg_temp.total;
END
$$;
COMMENT ON FUNCTION pgvoice.keep_labels IS
'Keeps what identify says of these videos, or of all, as a run: from whom to whom, how many segments
and seconds. outcome is changed; pinned, where a pinned label says otherwise and stays; unchanged.
only_labelled leaves out videos without labels; dry_run only tells. run is NULL when nothing was kept.';

CREATE FUNCTION pgvoice.revert_labels(run bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    withdrawn bigint;
BEGIN
    PERFORM pgvoice.hold_labels();
    UPDATE pgvoice.attribution_run AS r SET reverted_at = now()
    WHERE r.id = run AND r.reverted_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run % to revert', run
            USING HINT = 'The table pgvoice.attribution_run lists them; each is reverted once.',
                  ERRCODE = 'no_data_found';
    END IF;
    UPDATE pgvoice.attribution AS a SET current = false WHERE a.run_id = run AND a.current;
    GET DIAGNOSTICS withdrawn = ROW_COUNT;
    UPDATE pgvoice.attribution AS a SET current = true
    FROM (
        SELECT DISTINCT ON (x.video_id, x.start_ms, x.end_ms, x.encoder_id)
               x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.run_id, held.current
        FROM pgvoice.attribution AS mine
        JOIN pgvoice.attribution AS x USING (video_id, start_ms, end_ms, encoder_id)
        JOIN pgvoice.attribution_run AS r ON r.id = x.run_id AND r.reverted_at IS NULL
        LEFT JOIN pgvoice.attribution AS held
            ON held.current AND held.video_id = mine.video_id AND held.start_ms = mine.start_ms
            AND held.end_ms = mine.end_ms AND held.encoder_id = mine.encoder_id
        WHERE mine.run_id = run
        ORDER BY x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.pinned DESC, x.run_id DESC
    ) AS best
    WHERE best.current IS NULL AND a.video_id = best.video_id AND a.start_ms = best.start_ms
      AND a.end_ms = best.end_ms AND a.encoder_id = best.encoder_id AND a.run_id = best.run_id;
    RETURN withdrawn;
END
$$;
COMMENT ON FUNCTION pgvoice.revert_labels(bigint) IS
'Takes a run back: what was before it counts again. Returns how many labels of the run had counted.';

CREATE FUNCTION pgvoice.pin_label(
    video text,
    start_s double precision,
    end_s double precision,
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of bigint := (SELECT v.id FROM pgvoice.video AS v WHERE v.key = pin_label.video);
    speaker_of bigint := (SELECT s.id FROM pgvoice.speaker AS s WHERE s.name = pin_label.speaker);
    first integer := pgvoice.snap_ms(start_s);
    last integer := pgvoice.snap_ms(end_s);
    run bigint;
BEGIN
    PERFORM pgvoice.hold_labels();
    IF speaker_of IS NULL AND pin_label.speaker IS NOT NULL THEN
        RAISE EXCEPTION 'no speaker % in the store', quote_literal(pin_label.speaker)
            USING HINT = 'The table pgvoice.speaker lists them.', ERRCODE = 'no_data_found';
    ELSIF NOT pgvoice.has_segment(video_of, first, last, encoder) THEN
        RAISE EXCEPTION 'no segment from % to % s in %', start_s, end_s, quote_literal(video)
            USING HINT = 'pgvoice.identify lists them.', ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO pgvoice.attribution_run (encoder_id, kind, changed)
    VALUES (encoder, 'pin', 1) RETURNING id INTO run;
    UPDATE pgvoice.attribution AS a SET current = false
    WHERE a.current AND a.video_id = video_of AND a.start_ms = first AND a.end_ms = last
      AND a.encoder_id = encoder;
    INSERT INTO pgvoice.attribution
        (run_id, video_id, start_ms, end_ms, encoder_id, speaker_id, reason, pinned, current)
    VALUES (run, video_of, first, last, encoder, speaker_of,
            CASE WHEN speaker_of IS NULL THEN 'nobody' ELSE 'pinned' END, true, true);
    RETURN run;
END
$$;
COMMENT ON FUNCTION pgvoice.pin_label IS
'Says who speaks in a segment, NULL for nobody known; that counts until it is unpinned. Returns the
run, which can be reverted.';

CREATE FUNCTION pgvoice.has_segment(video_id bigint, start_ms integer, end_ms integer, encoder integer)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pgvoice.segment_embedding AS s
        WHERE s.video_id = has_segment.video_id AND s.start_ms = has_segment.start_ms
          AND s.end_ms = has_segment.end_ms AND s.encoder_id = encoder
    ) OR EXISTS (
        SELECT FROM pgvoice.attribution AS a
        WHERE a.current AND a.video_id = has_segment.video_id
          AND a.start_ms = has_segment.start_ms AND a.end_ms = has_segment.end_ms
          AND a.encoder_id = encoder
    );
END
$$;
COMMENT ON FUNCTION pgvoice.has_segment IS 'Whether a segment is stored, or has a label.';

CREATE FUNCTION pgvoice.unpin_label(
    video text,
    start_s double precision,
    end_s double precision,
    encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    pin bigint;
    pins bigint := 0;
BEGIN
    PERFORM pgvoice.hold_labels();
    FOR pin IN
        SELECT a.run_id FROM pgvoice.attribution AS a
        JOIN pgvoice.attribution_run AS r ON r.id = a.run_id AND r.reverted_at IS NULL
        WHERE a.pinned AND a.start_ms = pgvoice.snap_ms(start_s)
          AND a.end_ms = pgvoice.snap_ms(end_s) AND a.encoder_id = encoder
          AND a.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = unpin_label.video)
        ORDER BY a.run_id DESC
    LOOP
        PERFORM pgvoice.revert_labels(pin);
        pins := pins + 1;
    END LOOP;
    RETURN pins;
END
$$;
COMMENT ON FUNCTION pgvoice.unpin_label IS
'Takes a segment''s pins back: what its runs said counts again. Returns how many pins there were.';

CREATE VIEW pgvoice.label AS
SELECT v.key AS video,
       a.start_ms / 1000::double precision AS start_s,
       a.end_ms / 1000::double precision AS end_s,
       s.name AS speaker,
       a.similarity,
       second.name AS runner_up,
       a.margin,
       pgvoice.label_reason(a.speaker_id, a.reason) AS reason,
       a.pinned,
       e.label AS encoder,
       a.run_id AS run,
       r.created_at AS labelled_at,
       a.encoder_id
FROM pgvoice.attribution AS a
JOIN pgvoice.video AS v ON v.id = a.video_id
JOIN pgvoice.attribution_run AS r ON r.id = a.run_id
JOIN pgvoice.encoder AS e ON e.id = a.encoder_id
LEFT JOIN pgvoice.speaker AS s ON s.id = a.speaker_id
LEFT JOIN pgvoice.speaker AS second ON second.id = a.runner_up_id
WHERE a.current;
COMMENT ON VIEW pgvoice.label IS
'The kept labels that count, times in seconds. similarity, runner_up and margin are those of
labelled_at; reason is removed once the speaker was; NULL as speaker is nobody known.';

CREATE FUNCTION pgvoice.speaker_time(
    video text DEFAULT NULL, encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS TABLE (speaker text, video text, segments bigint, seconds double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT l.speaker, l.video, count(*), sum(round((l.end_s - l.start_s) * 1000)) / 1000 AS seconds
    FROM pgvoice.label AS l
    WHERE l.encoder_id = speaker_time.encoder
      AND (speaker_time.video IS NULL OR l.video = speaker_time.video)
    GROUP BY l.speaker, l.video
    ORDER BY l.video, seconds DESC, l.speaker
$$;
COMMENT ON FUNCTION pgvoice.speaker_time(text, integer) IS
'How long everybody speaks, from kept labels: a row per video and speaker, of one video or of all;
NULL as speaker is nobody known. Overlapping segments count each.';
