-- Two encoders compared: the labels stored with them, and how they judge what people confirmed.

CREATE OR REPLACE FUNCTION pgvoice.label_changes(
    encoder integer, like_encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    from_speaker text,
    from_reason text,
    to_speaker text,
    to_reason text,
    segments bigint,
    seconds double precision,
    video_count bigint,
    longest_videos text[]
)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(label_changes.encoder),
           pgvoice_internal.require_encoder(like_encoder);
    WITH old AS (
        SELECT a.video_id, a.start_ms, a.end_ms, a.speaker_id, a.pinned,
               pgvoice.label_reason(a.speaker_id, a.reason) AS reason
        FROM pgvoice.attribution AS a WHERE a.current AND a.encoder_id = like_encoder
    ), new AS (
        SELECT a.video_id, a.start_ms, a.end_ms, a.speaker_id, a.pinned,
               pgvoice.label_reason(a.speaker_id, a.reason) AS reason
        FROM pgvoice.attribution AS a WHERE a.current AND a.encoder_id = label_changes.encoder
    ), differs AS MATERIALIZED (
        SELECT coalesce(o.video_id, n.video_id) AS video_id,
               coalesce(o.start_ms, n.start_ms) AS start_ms, coalesce(o.end_ms, n.end_ms) AS end_ms,
               o.speaker_id AS old_id, o.reason AS old_reason, o.pinned AS was_pinned,
               n.speaker_id AS new_id, n.reason AS new_reason, n.pinned AS is_pinned
        FROM old AS o
        FULL JOIN new AS n
            ON n.video_id = o.video_id AND n.start_ms = o.start_ms AND n.end_ms = o.end_ms
        WHERE o.video_id IS NULL OR n.video_id IS NULL
           OR o.speaker_id IS DISTINCT FROM n.speaker_id OR o.reason <> n.reason
    ), shown AS (
        SELECT d.video_id, d.start_ms, d.end_ms,
               CASE WHEN k.is_current OR d.was_pinned THEN d.old_id END AS old_id,
               CASE WHEN k.is_current OR d.was_pinned THEN d.old_reason END AS old_reason,
               CASE WHEN k.is_current OR d.is_pinned THEN d.new_id END AS new_id,
               CASE WHEN k.is_current OR d.is_pinned THEN d.new_reason END AS new_reason
        FROM differs AS d
        CROSS JOIN LATERAL (
            -- As the view label has it.
            SELECT NOT EXISTS (
                SELECT FROM pgvoice.turn_document AS t WHERE t.video_id = d.video_id
            ) OR EXISTS (
                SELECT FROM pgvoice.turn AS t
                WHERE t.video_id = d.video_id AND t.start_ms = d.start_ms AND t.end_ms = d.end_ms
            ) AS is_current
            OFFSET 0
        ) AS k
    ), per_video AS MATERIALIZED (
        SELECT c.video_id, c.old_id, c.old_reason, c.new_id, c.new_reason,
               count(*) AS segments, sum(c.end_ms - c.start_ms) AS ms
        FROM (
            SELECT s.video_id, s.start_ms, s.end_ms, s.old_id, s.old_reason, s.new_id,
                   CASE WHEN s.new_reason IS NOT NULL THEN s.new_reason
                        WHEN EXISTS (
                            SELECT FROM pgvoice.segment_embedding AS e
                            WHERE e.video_id = s.video_id AND e.start_ms = s.start_ms
                              AND e.end_ms = s.end_ms AND e.encoder_id = label_changes.encoder
                        ) THEN 'not labelled' ELSE 'missing' END AS new_reason
            FROM shown AS s WHERE s.old_reason IS NOT NULL OR s.new_reason IS NOT NULL
        ) AS c
        GROUP BY c.video_id, c.old_id, c.old_reason, c.new_id, c.new_reason
    )
    SELECT m.from_speaker, m.from_reason, m.to_speaker, m.to_reason, m.segments,
           m.ms / 1000::double precision, m.video_count, m.longest_videos
    FROM (
        SELECT array_agg(p.video_id) AS videos, array_agg(p.old_id) AS old_ids,
               array_agg(p.old_reason) AS old_reasons, array_agg(p.new_id) AS new_ids,
               array_agg(p.new_reason) AS new_reasons, array_agg(p.segments) AS segments,
               array_agg(p.ms) AS ms
        FROM per_video AS p
    ) AS a
    CROSS JOIN LATERAL pgvoice_internal.summed_videos(
        a.videos, a.old_ids, a.old_reasons, a.new_ids, a.new_reasons, a.segments, a.ms
    ) AS m
    ORDER BY m.segments DESC, m.ms DESC, m.from_speaker, m.from_reason, m.to_speaker, m.to_reason
$$;
COMMENT ON FUNCTION pgvoice.label_changes IS
'How the current labels of encoder differ from those of like_encoder: from whom to whom, as keep_labels has it.
to_reason is missing if a segment is not filled with encoder, and not labelled if it only has no label;
from_reason is NULL if like_encoder has none.';

CREATE OR REPLACE FUNCTION pgvoice_internal.confirmed_segments(encoder integer)
RETURNS TABLE (
    video_id bigint, start_ms integer, end_ms integer, holds boolean, speaker_id bigint, own public.vector
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH worded AS (
        SELECT d.video_id, w.start_ms, w.end_ms, w.verdict_id IS NOT NULL AS holds,
               CASE WHEN w.verdict_id IS NOT NULL THEN ARRAY[w.speaker_id] ELSE w.denied END AS people
        FROM (SELECT DISTINCT v.video_id FROM pgvoice.verdict AS v) AS d
        CROSS JOIN LATERAL (
            SELECT array_agg(c.start_ms) AS starts_ms, array_agg(c.end_ms) AS ends_ms
            FROM pgvoice_internal.current_segments(d.video_id, encoder) AS c
        ) AS c
        CROSS JOIN LATERAL pgvoice_internal.segment_words(d.video_id, c.starts_ms, c.ends_ms) AS w
        WHERE w.verdict_id IS NOT NULL OR w.denied IS NOT NULL
    )
    SELECT w.video_id, w.start_ms, w.end_ms, w.holds, p.id, CASE WHEN p.id IS NOT NULL THEN
               pgvoice_internal.profile_without(
                   p.id, encoder, v.audio_sha256, v.id, w.start_ms, w.end_ms
               ) END
    FROM worded AS w
    JOIN pgvoice.video AS v ON v.id = w.video_id
    CROSS JOIN LATERAL unnest(w.people) AS p(id)
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.turn AS t
        WHERE t.video_id = w.video_id AND t.start_ms = w.start_ms AND t.end_ms = w.end_ms
          AND t.overlapped_ms > 0
    ) AND (NOT w.holds OR p.id IS NULL OR EXISTS (
        SELECT FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = p.id AND NOT e.excluded
          AND NOT ((e.audio_sha256 = v.audio_sha256 OR coalesce(e.video_id = v.id, false))
                   AND e.start_ms < w.end_ms AND e.end_ms > w.start_ms)
    ))
$$;
COMMENT ON FUNCTION pgvoice_internal.confirmed_segments(integer) IS
'The segments that a person''s word is about and no other turn overlaps: whether it says who speaks (NULL:
nobody known) or who does not, a row for each of these, and their profile without this speech. Of people who are enrolled from other
speech with some encoder, so that it is the same speech for each.';

CREATE OR REPLACE FUNCTION pgvoice.confirmed_speech(encoder integer DEFAULT pgvoice.default_encoder())
RETURNS TABLE (
    segments bigint,
    seconds double precision,
    right_seconds double precision,
    wrong_seconds double precision,
    unnamed_seconds double precision,
    denied_seconds double precision,
    denied_named_seconds double precision
)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(confirmed_speech.encoder);
    WITH heard AS MATERIALIZED (
        SELECT c.*, s.status, two.speakers, two.similarities, two.likeness
        FROM pgvoice_internal.confirmed_segments(confirmed_speech.encoder) AS c
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = c.video_id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
            AND s.encoder_id = confirmed_speech.encoder
        CROSS JOIN LATERAL pgvoice_internal.nearest_without(
            s.embedding, confirmed_speech.encoder, c.speaker_id, c.own
        ) AS two
        WHERE s.embedding IS NOT NULL
    ), rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(confirmed_speech.encoder, NULL, NULL) AS r
        WHERE EXISTS (SELECT FROM heard)
    ), impostors AS MATERIALIZED (
        SELECT m.* FROM rule AS r
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(
            confirmed_speech.encoder, ARRAY(SELECT h.video_id FROM heard AS h),
            ARRAY(SELECT h.speakers[1] FROM heard AS h)
        ) AS m
        WHERE r.by_library
    ), judged AS (
        SELECT h.video_id, h.start_ms, h.end_ms, h.holds, h.speaker_id,
               CASE WHEN pgvoice_internal.reason(
                   h.status, h.similarities[1], h.similarities[2],
                   pgvoice_internal.threshold_at(
                       r.above, r.band_ms, h.end_ms - h.start_ms, coalesce(i.mean, r.usual_mean),
                       coalesce(i.comparisons, 0), r.lowest
                   ),
                   r.margins[width_bucket(h.end_ms - h.start_ms, r.band_ms)],
                   pgvoice_internal.are_two_voices(h.similarities[1], h.similarities[2], h.likeness)
               ) = 'matched' THEN h.speakers[1] END AS named
        FROM heard AS h
        CROSS JOIN rule AS r
        LEFT JOIN impostors AS i ON i.video_id = h.video_id AND i.speaker_id = h.speakers[1]
    ), segment AS (
        -- Several people may be denied.
        SELECT (j.end_ms - j.start_ms) / 1000::double precision AS seconds,
               j.holds AND bool_and(j.speaker_id IS NOT NULL) AS is_named,
               bool_or(j.named = j.speaker_id) AS as_said, bool_or(j.named IS NOT NULL) AS has_name
        FROM judged AS j
        GROUP BY j.video_id, j.start_ms, j.end_ms, j.holds
    )
    SELECT count(*) FILTER (WHERE s.is_named), coalesce(sum(s.seconds) FILTER (WHERE s.is_named), 0),
           coalesce(sum(s.seconds) FILTER (WHERE s.is_named AND s.as_said), 0),
           coalesce(sum(s.seconds) FILTER (WHERE s.is_named AND s.has_name AND s.as_said IS NOT TRUE), 0),
           coalesce(sum(s.seconds) FILTER (WHERE s.is_named AND NOT s.has_name), 0),
           coalesce(sum(s.seconds) FILTER (WHERE NOT s.is_named), 0),
           coalesce(sum(s.seconds) FILTER (WHERE NOT s.is_named AND CASE
               WHEN s.as_said IS NULL THEN s.has_name ELSE s.as_said END), 0)
    FROM segment AS s
$$;
COMMENT ON FUNCTION pgvoice.confirmed_speech IS
'How an encoder judges the speech that a person said something about, as if nobody had, without the exemplars
that are this same speech, and by the thresholds in use: how much of what was named gets the right name,
another one, or none; and how much of what was denied, or said to be nobody''s who is known, gets the denied
name, or any. Segments that others overlap are left out, as are those without a vector, and people who are not enrolled from
other speech.';

CREATE OR REPLACE FUNCTION pgvoice_internal.nearest_without(
    voice public.vector, encoder integer, speaker bigint, own public.vector
) RETURNS TABLE (speakers bigint[], similarities double precision[], likeness double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH nearest AS MATERIALIZED (
        SELECT c.speaker_id, c.embedding, -(voice OPERATOR(public.<#>) c.embedding) AS similarity
        FROM (
            SELECT p.speaker_id, CASE WHEN p.speaker_id = speaker THEN own ELSE p.embedding END
                AS embedding
            FROM pgvoice.valid_profile AS p WHERE p.encoder_id = encoder
        ) AS c
        WHERE c.embedding IS NOT NULL
        ORDER BY similarity DESC, c.speaker_id
        LIMIT 2
    )
    SELECT array_agg(n.speaker_id ORDER BY n.similarity DESC, n.speaker_id),
           array_agg(n.similarity ORDER BY n.similarity DESC, n.speaker_id), (
               SELECT -(a.embedding OPERATOR(public.<#>) b.embedding)
               FROM nearest AS a JOIN nearest AS b ON b.speaker_id > a.speaker_id
           )
    FROM nearest AS n
$$;
COMMENT ON FUNCTION pgvoice_internal.nearest_without IS
'The two people whose profiles are most similar to a voice, if somebody''s own profile is this one (NULL: none),
their similarities, and that of both profiles.';
