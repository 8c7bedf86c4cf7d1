-- Whether segments are speech of one person alone: by the stored turns, and by other labels' voices.

CREATE OR REPLACE FUNCTION pgvoice_internal.labels_within(
    key text, starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (start_ms integer, end_ms integer, label text, span int4range, most boolean)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH spoken AS (
        SELECT k.start_ms, k.end_ms, t.label, int4range(
            greatest(t.start_ms, k.start_ms), least(t.end_ms, k.end_ms)
        ) AS span
        FROM (SELECT DISTINCT * FROM unnest(starts_ms, ends_ms)) AS k(start_ms, end_ms)
        JOIN pgvoice.video AS v ON v.key = labels_within.key
        JOIN pgvoice.turn AS t
            ON t.video_id = v.id AND t.start_ms < k.end_ms AND k.start_ms < t.end_ms
            AND t.start_ms < t.end_ms AND t.label IS NOT NULL
    ), summed AS (
        SELECT s.*, sum(upper(s.span) - lower(s.span)) OVER (
            PARTITION BY s.start_ms, s.end_ms, s.label
        ) AS spoken_ms
        FROM spoken AS s
    )
    SELECT s.start_ms, s.end_ms, s.label, s.span, s.label = first_value(s.label) OVER (
        PARTITION BY s.start_ms, s.end_ms ORDER BY s.spoken_ms DESC, s.label
    )
    FROM summed AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.labels_within IS
'The labels that speak within segments of a video, when (in milliseconds), and whether it is the label
that speaks most.';

CREATE OR REPLACE FUNCTION pgvoice_internal.overlapped_segments(
    key text, starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (start_ms integer, end_ms integer, shared_ms integer, labels text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT s.* FROM (
        SELECT l.start_ms, l.end_ms, (
            SELECT sum(upper(each.span) - lower(each.span))::integer
            FROM unnest(range_agg(l.span)) AS each(span)
        ) AS shared_ms, string_agg(DISTINCT l.label, ', ' ORDER BY l.label)
        FROM pgvoice_internal.labels_within(key, starts_ms, ends_ms) AS l
        WHERE NOT l.most
        GROUP BY l.start_ms, l.end_ms
    ) AS s
    WHERE 5 * s.shared_ms > s.end_ms - s.start_ms
    ORDER BY s.start_ms, s.end_ms
$$;
COMMENT ON FUNCTION pgvoice_internal.overlapped_segments IS
'Those of these segments of a video in which, by the stored turns, others speak for more than a fifth
besides the label that speaks most, and for how long. In conversation, turns overlap that much at their
ends: up to 16 % of the turns of 3 s or more in the sample of pyannote.audio.';

CREATE OR REPLACE FUNCTION pgvoice_internal.blended_segments(
    key text, starts_ms integer[], ends_ms integer[], encoder integer
) RETURNS TABLE (start_ms integer, end_ms integer, label text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH clean AS MATERIALIZED (
        SELECT t.label, s.start_ms, s.end_ms, s.embedding
        FROM pgvoice.video AS v
        JOIN pgvoice.turn AS t ON t.video_id = v.id
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = v.id AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
            AND s.encoder_id = encoder AND s.embedding IS NOT NULL
        WHERE v.key = blended_segments.key AND NOT EXISTS (
            SELECT FROM pgvoice.turn AS o
            WHERE o.video_id = v.id AND o.label <> t.label AND o.start_ms < t.end_ms
              AND t.start_ms < o.end_ms
        )
    ), voice AS MATERIALIZED (
        SELECT c.label, public.l2_normalize(public.sum(c.embedding ORDER BY c.start_ms, c.end_ms)) AS embedding
        FROM clean AS c
        GROUP BY c.label
        HAVING sum(c.end_ms - c.start_ms) >= 3000
    ), compared AS (
        SELECT l.start_ms, l.end_ms, v.label,
               -(s.embedding OPERATOR(public.<#>) rest.embedding) AS own,
               -(s.embedding OPERATOR(public.<#>) v.embedding) AS other,
               -(rest.embedding OPERATOR(public.<#>) v.embedding) AS between
        FROM (
            SELECT DISTINCT w.start_ms, w.end_ms, w.label
            FROM pgvoice_internal.labels_within(key, starts_ms, ends_ms) AS w
            WHERE w.most
        ) AS l
        JOIN pgvoice.video AS of ON of.key = blended_segments.key
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = of.id AND s.start_ms = l.start_ms AND s.end_ms = l.end_ms
            AND s.encoder_id = encoder
        CROSS JOIN LATERAL (
            SELECT public.l2_normalize(public.sum(c.embedding ORDER BY c.start_ms, c.end_ms)) AS embedding
            FROM clean AS c
            WHERE c.label = l.label AND (c.end_ms <= l.start_ms OR l.end_ms <= c.start_ms)
            HAVING sum(c.end_ms - c.start_ms) >= 6000
        ) AS rest
        JOIN voice AS v ON v.label <> l.label
    )
    SELECT DISTINCT ON (c.start_ms, c.end_ms) c.start_ms, c.end_ms, c.label
    FROM compared AS c
    WHERE NOT pgvoice_internal.is_per_label(encoder)
      AND c.between < pgvoice_internal.duplicate_limit(encoder)
      AND c.other - c.own * c.between
          > .33 * sqrt(greatest((1 - c.own ^ 2) * (1 - c.between ^ 2), 0))
    ORDER BY c.start_ms, c.end_ms, c.other DESC, c.label
$$;
COMMENT ON FUNCTION pgvoice_internal.blended_segments IS
'Those of these segments of a video whose vector has a part of another label''s voice: what it does not
share with the rest of its own label (6 s or more) is similar to what the other label (3 s or more)
does not share with it, by the partial correlation of the three. Labels that sound like one person (see
duplicate_limit) are not compared, nor segments that share their label''s vector. CAM++: 1 % of clean turns exceed .32 (series, simulated podcast).';
