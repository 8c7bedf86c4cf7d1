-- Who speaks in a video: the comparison of stored segments with profiles.

CREATE OR REPLACE FUNCTION pgvoice_internal.nearest_two(
    voice public.vector,
    encoder integer,
    among bigint[] DEFAULT NULL,
    denied bigint[] DEFAULT NULL
)
RETURNS TABLE (speakers bigint[], similarities double precision[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg(ranked.speaker_id ORDER BY ranked.similarity DESC, ranked.speaker_id),
           array_agg(ranked.similarity ORDER BY ranked.similarity DESC, ranked.speaker_id)
    FROM (
        SELECT p.speaker_id, -(voice OPERATOR(public.<#>) p.embedding) AS similarity
        -- As in valid_profile; a view could not be replaced while this depends on it.
        FROM pgvoice.profile AS p
        WHERE p.encoder_id = encoder AND p.valid_until > now()
          AND (among IS NULL OR p.speaker_id = ANY (among))
          AND (denied IS NULL OR p.speaker_id <> ALL (denied))
        ORDER BY voice OPERATOR(public.<#>) p.embedding, p.speaker_id
        LIMIT 2
    ) AS ranked;
END;
COMMENT ON FUNCTION pgvoice_internal.nearest_two IS
'The two people, of all or among some, and except those denied, whose profiles are most similar to a voice,
the nearest first, and their similarities; NULLs if there is no profile.';

CREATE OR REPLACE FUNCTION pgvoice_internal.identified(
    video text,
    starts_ms integer[],
    ends_ms integer[],
    encoder integer,
    threshold double precision,
    min_margin double precision,
    among bigint[] DEFAULT NULL
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    speaker text,
    nearest text,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    reason text,
    threshold double precision,
    min_margin double precision,
    threshold_source text,
    start_ms integer,
    end_ms integer,
    nearest_id bigint,
    runner_up_id bigint,
    speaker_id bigint,
    heard text,
    denied bigint[]
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH asked AS (
        SELECT given.ordinal, given.start_ms, given.end_ms
        FROM unnest(starts_ms, ends_ms) WITH ORDINALITY
            AS given(start_ms, end_ms, ordinal)
        UNION ALL
        SELECT row_number() OVER (ORDER BY c.start_ms, c.end_ms), c.start_ms, c.end_ms
        FROM pgvoice_internal.current_segments(
            (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video), encoder
        ) AS c
        WHERE starts_ms IS NULL
    ), word AS MATERIALIZED (
        SELECT w.start_ms, w.end_ms, w.denied, w.speaker_id AS said_id,
               CASE WHEN w.verdict_id IS NULL THEN NULL WHEN w.speaker_id IS NULL THEN 'nobody'
                    ELSE 'pinned' END AS said
        FROM (SELECT array_agg(a.start_ms) AS starts_ms, array_agg(a.end_ms) AS ends_ms
              FROM asked AS a) AS g
        CROSS JOIN LATERAL pgvoice_internal.segment_words(
            (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video),
            g.starts_ms, g.ends_ms
        ) AS w
    ), overlap AS MATERIALIZED (
        SELECT t.start_ms, t.end_ms, max(t.overlapped_ms) AS overlapped_ms
        FROM pgvoice.turn AS t
        WHERE t.overlapped_ms > 0
          AND t.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video)
        GROUP BY t.start_ms, t.end_ms
    ), piece AS (
        SELECT asked.ordinal, false AS is_part, asked.start_ms, asked.end_ms,
               asked.start_ms AS part_start_ms, asked.end_ms AS part_end_ms, o.overlapped_ms
        FROM asked LEFT JOIN overlap AS o USING (start_ms, end_ms)
        UNION ALL
        SELECT asked.ordinal, true, asked.start_ms, asked.end_ms, c.start_ms, c.end_ms,
               o.overlapped_ms
        FROM asked
        JOIN overlap AS o USING (start_ms, end_ms)
        JOIN pgvoice.clean_part AS c
            ON (c.turn_start_ms, c.turn_end_ms) = (asked.start_ms, asked.end_ms)
            AND c.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video)
    ), others AS MATERIALIZED (
        -- Apart, as a lateral join would compare every segment before its condition is looked at.
        SELECT p.ordinal, p.part_start_ms, p.part_end_ms, two.*
        FROM word AS w
        JOIN piece AS p ON p.start_ms = w.start_ms AND p.end_ms = w.end_ms
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video)
            AND s.start_ms = p.part_start_ms AND s.end_ms = p.part_end_ms
            AND s.encoder_id = encoder
        CROSS JOIN LATERAL pgvoice_internal.nearest_two(
            s.embedding, encoder, among, w.denied
        ) AS two
        WHERE w.denied IS NOT NULL AND s.embedding IS NOT NULL
    ), compared AS MATERIALIZED (
        SELECT p.*, s.status, s.video_id, w.said, w.said_id, w.denied,
               CASE WHEN w.denied IS NULL THEN two.speakers ELSE o.speakers END AS speakers,
               CASE WHEN w.denied IS NULL THEN two.similarities ELSE o.similarities END
                   AS similarities
        FROM piece AS p
        LEFT JOIN word AS w ON w.start_ms = p.start_ms AND w.end_ms = p.end_ms
        LEFT JOIN pgvoice.segment_embedding AS s
            ON s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video)
            AND s.start_ms = p.part_start_ms AND s.end_ms = p.part_end_ms
            AND s.encoder_id = encoder
        LEFT JOIN LATERAL pgvoice_internal.nearest_two(s.embedding, encoder, among) AS two
            ON s.embedding IS NOT NULL
        LEFT JOIN others AS o
            ON o.ordinal = p.ordinal AND o.part_start_ms = p.part_start_ms
            AND o.part_end_ms = p.part_end_ms
    ), rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(
            encoder, identified.threshold, identified.min_margin,
            CASE WHEN among IS NOT NULL THEN (
                SELECT greatest(count(*), 1)::integer FROM pgvoice.valid_profile AS p
                WHERE p.encoder_id = identified.encoder AND p.speaker_id = ANY (among)
            ) END
        ) AS r
    ), impostors AS MATERIALIZED (
        SELECT m.* FROM rule AS r
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(
            encoder,
            ARRAY(SELECT c.video_id FROM compared AS c WHERE c.similarities IS NOT NULL),
            ARRAY(SELECT c.speakers[1] FROM compared AS c WHERE c.similarities IS NOT NULL)
        ) AS m
        WHERE r.by_library
    ), judged AS (
        SELECT c.*, q.threshold, q.margin, q.source,
               CASE WHEN c.status IS NULL THEN 'missing' ELSE pgvoice_internal.reason(
                   c.status, c.similarities[1], c.similarities[2], q.threshold, q.margin,
                   pgvoice_internal.are_two_voices(
                       c.similarities[1], c.similarities[2],
                       -(one.embedding OPERATOR(public.<#>) other.embedding)
                   ),
                   q.suggested
               ) END AS reason
        FROM compared AS c
        CROSS JOIN rule AS r
        LEFT JOIN impostors AS i ON i.speaker_id = c.speakers[1]
        LEFT JOIN pgvoice.profile AS one
            ON one.encoder_id = encoder AND one.speaker_id = c.speakers[1]
        LEFT JOIN pgvoice.profile AS other
            ON other.encoder_id = encoder AND other.speaker_id = c.speakers[2]
        LEFT JOIN LATERAL (
            SELECT pgvoice_internal.threshold_at(
                       r.above, r.band_ms, c.part_end_ms - c.part_start_ms, i.mean, i.comparisons,
                       r.lowest
                   ) AS threshold,
                   pgvoice_internal.threshold_at(
                       r.suggested_above, r.band_ms, c.part_end_ms - c.part_start_ms, i.mean,
                       i.comparisons, r.lowest
                   ) AS suggested,
                   r.margins[width_bucket(c.part_end_ms - c.part_start_ms, r.band_ms)] AS margin,
                   r.source
        ) AS q ON c.similarities IS NOT NULL
    ), together AS (
        SELECT j.ordinal, max(j.status) FILTER (WHERE NOT j.is_part) AS status,
               bool_or(j.status IS NULL) AND NOT pgvoice_internal.is_imported(encoder)
                   AS lacks_part,
               min(j.speakers[1]) FILTER (WHERE j.is_part AND j.reason = 'matched') AS first_named,
               max(j.speakers[1]) FILTER (WHERE j.is_part AND j.reason = 'matched') AS last_named
        FROM judged AS j WHERE j.overlapped_ms > 0
        GROUP BY j.ordinal
    ), decided AS (
        -- As verdicts has it.
        SELECT DISTINCT ON (j.ordinal) j.*, CASE WHEN t.ordinal IS NULL THEN j.reason
            ELSE pgvoice_internal.reason_of_overlapped(
                t.status, t.lacks_part, t.first_named, t.last_named,
                2 * j.overlapped_ms <= j.end_ms - j.start_ms, CASE WHEN j.is_part THEN j.reason END
            ) END AS heard
        FROM judged AS j LEFT JOIN together AS t ON t.ordinal = j.ordinal
        WHERE NOT j.is_part OR j.status IN ('ok', 'partial')
        ORDER BY j.ordinal, j.is_part AND j.reason = 'matched' DESC, j.is_part DESC,
                 j.part_end_ms - j.part_start_ms DESC, j.part_start_ms
    )
    SELECT d.start_ms / 1000.0, d.end_ms / 1000.0,
           CASE WHEN d.said IS NOT NULL THEN said.name
                WHEN d.heard = 'matched' THEN first.name END, first.name,
           pgvoice.similarity(d.similarities[1]), second.name,
           pgvoice.similarity(d.similarities[2]), d.similarities[1] - d.similarities[2],
           coalesce(d.said, d.heard), d.threshold, d.margin, d.source, d.start_ms, d.end_ms,
           d.speakers[1], d.speakers[2], CASE WHEN d.said IS NOT NULL THEN d.said_id
                                              WHEN d.heard = 'matched' THEN d.speakers[1] END,
           d.heard, d.denied
    FROM decided AS d
    LEFT JOIN pgvoice.speaker AS first ON first.id = d.speakers[1]
    LEFT JOIN pgvoice.speaker AS second ON second.id = d.speakers[2]
    LEFT JOIN pgvoice.speaker AS said ON said.id = d.said_id
    ORDER BY d.ordinal
$$;
COMMENT ON FUNCTION pgvoice_internal.identified IS
'What identify answers, with exact similarities and thresholds; heard is the reason by the voice alone, and
denied are the people whom a person''s word excludes.';

CREATE OR REPLACE FUNCTION pgvoice.identify(
    video text,
    starts double precision[] DEFAULT NULL,
    ends double precision[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.default_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    starts_ms integer[] DEFAULT NULL,
    ends_ms integer[] DEFAULT NULL,
    speakers text[] DEFAULT NULL
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    speaker text,
    nearest text,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    reason text,
    threshold double precision,
    min_margin double precision,
    threshold_source text,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.video_ids(ARRAY[identify.video]),
           pgvoice_internal.require_encoder(identify.encoder),
           pgvoice_internal.require_segments(starts, ends, starts_ms, ends_ms);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT i.start_s, i.end_s, i.speaker, i.nearest, pgvoice.shown(i.similarity, sees.exact),
           i.runner_up, pgvoice.shown(i.runner_up_similarity, sees.exact),
           pgvoice.shown(i.margin, sees.exact), i.reason, pgvoice.shown(i.threshold, sees.exact),
           i.min_margin, i.threshold_source, i.start_ms, i.end_ms
    FROM sees
    CROSS JOIN pgvoice_internal.identified(
        video, coalesce(starts_ms, pgvoice.snap_all_ms(starts)),
        coalesce(ends_ms, pgvoice.snap_all_ms(ends)), encoder,
        pgvoice_internal.given('threshold', identify.threshold, -1, 1),
        pgvoice_internal.given('min_margin', identify.min_margin, 0, 2),
        pgvoice_internal.speaker_ids(identify.speakers)
    ) WITH ORDINALITY AS i
    ORDER BY i.ordinality
$$;
COMMENT ON FUNCTION pgvoice.identify IS
'Who speaks in a video: one row for each segment that is given, in that order, or in time order for every
segment of its turns, or every stored segment if it has no turns. Segments are given in seconds, or on the
grid in starts_ms and ends_ms. speakers are the only people who can speak; the fewer they are, the lower
the threshold. speaker is set only if reason is matched or pinned. nearest and runner_up are the two
most similar people: if reason is suggested, a suggestion and its rival. What a person said comes first, even
of somebody who is not enrolled, and of a segment that is not filled: pinned if they said who speaks, nobody
if they said that it is nobody known. Whom they said it is not is no candidate. A stored turn that turns of
other labels overlap is answered by its clean parts: matched
if one of them matches and none matches somebody else, ambiguous if two match different people; else
overlapped, unless at least half of it is clean. Similarities are those of the part that decides, the
longest. threshold and min_margin are what it had to reach, from threshold_source; NULL if it was compared
with nobody. Similarities, margins and thresholds have two
digits unless the caller sees_vectors.';
