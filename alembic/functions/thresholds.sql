-- The threshold and margin that a segment must reach, and the reason that follows from them.

-- .45: with CAM++, of two people who speak one after the other, half of a segment each, 65, 50, 41 and 30 %
-- are found at thresholds of .38, .42, .46 and .5, and none of 600 single speakers is lost (LibriSpeech;
-- tuned on the series, the digits and the podcast: 64, 57 and 47 % at .4, .45 and .5, and at most .3 % are
-- lost). If the runner-up only had to reach the threshold, at .4 a quarter of the names in the digits, a
-- library of similar voices, would be lost. If it had not to, every large gallery would have somebody who
-- is near enough.
CREATE OR REPLACE FUNCTION pgvoice_internal.are_two_voices(
    similarity double precision, runner_up_similarity double precision, likeness double precision
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN runner_up_similarity - similarity * likeness
    > 0.45 * similarity * sqrt(greatest(1 - likeness * likeness, 0));
COMMENT ON FUNCTION pgvoice_internal.are_two_voices IS
'Whether a segment sounds like two people, one after the other: in the plane of the profiles of the nearest
person and the runner-up, it points at least .45 times as far away from the nearest, towards the runner-up,
as along the nearest. likeness is the similarity of the two profiles.';

CREATE OR REPLACE FUNCTION pgvoice_internal.reason(
    status text,
    similarity double precision,
    runner_up_similarity double precision,
    threshold double precision,
    margin double precision,
    two_voices boolean
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status NOT IN ('ok', 'partial') THEN status
    WHEN similarity IS NULL THEN 'no_profiles'
    WHEN similarity < threshold THEN 'below_threshold'
    WHEN similarity - runner_up_similarity < margin THEN 'ambiguous'
    WHEN two_voices AND runner_up_similarity >= threshold THEN 'ambiguous'
    ELSE 'matched'
END;
COMMENT ON FUNCTION pgvoice_internal.reason IS
'Why a segment gets a name or none: the reason in identify for a segment that nobody overlaps.';

CREATE OR REPLACE FUNCTION pgvoice_internal.reason_of_overlapped(
    status text,
    lacks_part boolean,
    first_named bigint,
    last_named bigint,
    mostly_clean boolean,
    part_reason text
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status IS NULL OR lacks_part THEN 'missing'
    WHEN status NOT IN ('ok', 'partial') THEN status
    WHEN first_named <> last_named THEN 'ambiguous'
    WHEN first_named IS NOT NULL THEN 'matched'
    WHEN part_reason IS NULL OR NOT mostly_clean THEN 'overlapped'
    ELSE part_reason
END;
COMMENT ON FUNCTION pgvoice_internal.reason_of_overlapped IS
'The reason of a turn that others overlap: from its own status, whether a clean part is not filled, the
lowest and highest id of the people whom clean parts match, whether at least half of it is clean, and the
reason of the longest clean part with a vector, NULL if there is none.';

CREATE OR REPLACE FUNCTION pgvoice.required(
    duration_ms integer,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL
) RETURNS TABLE (
    threshold double precision,
    min_margin double precision,
    level double precision,
    level_margin double precision,
    source text,
    calibration bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(required.threshold,
                    c.thresholds[width_bucket(required.duration_ms, c.band_ms)],
                    e.default_threshold),
           coalesce(required.min_margin, c.margins[width_bucket(required.duration_ms, c.band_ms)], 0),
           CASE WHEN required.threshold IS NULL
                THEN c.levels[width_bucket(required.duration_ms, c.band_ms)] END,
           CASE WHEN required.threshold IS NULL AND required.min_margin IS NULL
                THEN c.level_margins[width_bucket(required.duration_ms, c.band_ms)] END,
           CASE WHEN required.threshold IS NOT NULL THEN 'given'
                WHEN c.id IS NULL THEN e.threshold_source
                ELSE format('calibrated %s for FAR %s %%', c.created_at::date,
                            trim_scale((100 * c.target_far)::numeric)) END,
           CASE WHEN required.threshold IS NULL THEN c.id END
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = required.encoder;
END;
COMMENT ON FUNCTION pgvoice.required IS
'The threshold and margin for segments of a duration, and where the threshold comes from: the given
ones, else those of the active calibration for that duration, else the encoder''s own threshold and no
margin. If the calibration normalises similarities, level and level_margin apply to stored segments in
their place. All other functions take their thresholds from here.';

CREATE OR REPLACE FUNCTION pgvoice.required_by_duration(
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL
) RETURNS TABLE (
    min_ms integer,
    max_ms integer,
    threshold double precision,
    level double precision,
    min_margin double precision,
    source text,
    calibration bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT band.min_ms, lead(band.min_ms) OVER (ORDER BY band.min_ms), q.threshold, q.level,
           coalesce(q.level_margin, q.min_margin), q.source, q.calibration
    FROM unnest(coalesce(
        (SELECT c.band_ms FROM pgvoice.calibration AS c
         WHERE c.encoder_id = required_by_duration.encoder AND c.active),
        ARRAY[0]
    )) AS band(min_ms)
    CROSS JOIN LATERAL pgvoice.required(
        band.min_ms, required_by_duration.encoder, required_by_duration.threshold,
        required_by_duration.min_margin
    ) AS q
    ORDER BY band.min_ms
$$;
COMMENT ON FUNCTION pgvoice.required_by_duration IS
'What required returns for each band of durations of the active calibration, or for all durations:
from min_ms up to max_ms, or without end if that is NULL. level is the normalised similarity that
replaces threshold.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_cohort(
    calibration bigint,
    encoder integer,
    videos text[],
    starts_ms integer[],
    ends_ms integer[],
    names text[],
    others text[]
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    voices bigint;
BEGIN
    INSERT INTO pgvoice.cohort_voice (calibration_id, place, embedding, video_ids)
    SELECT keep_cohort.calibration, row_number() OVER (ORDER BY heard.name), heard.voice,
           heard.video_ids
    FROM (
        SELECT a.name, public.l2_normalize(public.avg(s.embedding)) AS voice,
               array_agg(DISTINCT v.id) AS video_ids
        FROM unnest(videos, starts_ms, ends_ms, names) AS a(video, start_ms, end_ms, name)
        JOIN pgvoice.video AS v ON v.key = a.video
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = v.id AND s.start_ms = a.start_ms AND s.end_ms = a.end_ms
            AND s.encoder_id = keep_cohort.encoder
        WHERE s.embedding IS NOT NULL AND a.name <> ALL (others)
        GROUP BY a.name
    ) AS heard
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.profile AS p
        JOIN pgvoice.encoder AS e ON e.id = p.encoder_id
        WHERE p.encoder_id = keep_cohort.encoder
          AND -(heard.voice OPERATOR(public.<#>) p.embedding) >= e.default_threshold
    );
    GET DIAGNOSTICS voices = ROW_COUNT;
    RETURN voices;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_cohort IS
'Stores the mean voice of everybody who speaks in these segments as the cohort of a calibration, except
others and whoever may be enrolled; returns how many voices there are.';

-- Part of the statement that calls it, as its body is BEGIN ATOMIC: the vectors become no parameters.
CREATE OR REPLACE FUNCTION pgvoice_internal.cohort_scores(calibration bigint, voice public.vector, person public.vector)
RETURNS TABLE (mean double precision, deviation double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT avg(near.similarity), greatest(stddev_pop(near.similarity), 0.01)
    FROM (
        SELECT -(k.embedding OPERATOR(public.<#>) voice) AS similarity
        FROM pgvoice.cohort_voice AS k
        JOIN pgvoice.calibration AS c ON c.id = k.calibration_id
        JOIN pgvoice.encoder AS e ON e.id = c.encoder_id
        WHERE k.calibration_id = calibration
          AND coalesce(-(k.embedding OPERATOR(public.<#>) person) < e.default_threshold, true)
        ORDER BY k.embedding OPERATOR(public.<#>) voice
        LIMIT (SELECT c.cohort_top FROM pgvoice.calibration AS c WHERE c.id = calibration)
    ) AS near
    HAVING count(*) >= 5;
END;
COMMENT ON FUNCTION pgvoice_internal.cohort_scores IS
'Mean and standard deviation (at least 0.01) of the similarities of a voice to the nearest voices of the
cohort. Voices that reach the encoder''s own threshold with person are left out, because they may be
enrolled by now. No row if fewer than five remain.';

CREATE OR REPLACE FUNCTION pgvoice_internal.normalised_threshold(
    calibration bigint,
    level double precision,
    speaker_id bigint,
    encoder integer,
    video_id bigint,
    start_ms integer,
    end_ms integer
) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT (2 * level + e.mean / e.deviation + t.mean / t.deviation)
           / (1 / e.deviation + 1 / t.deviation)
    FROM pgvoice.profile AS p
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = normalised_threshold.video_id
        AND s.start_ms = normalised_threshold.start_ms
        AND s.end_ms = normalised_threshold.end_ms AND s.encoder_id = p.encoder_id
    CROSS JOIN LATERAL pgvoice_internal.cohort_scores(calibration, p.embedding, p.embedding) AS e
    CROSS JOIN LATERAL pgvoice_internal.cohort_scores(calibration, s.embedding, p.embedding) AS t
    WHERE p.speaker_id = normalised_threshold.speaker_id
      AND p.encoder_id = normalised_threshold.encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.normalised_threshold IS
'The similarity of a segment to a profile at which the normalised similarity equals level. Adaptive
s-norm: the mean of (s - mean) / deviation with the cohort scores of the profile and with those of the
segment, each of its nearest voices in the cohort (Matejka and others, Analysis of score normalization in
multilingual speaker recognition, Interspeech 2017).';

CREATE OR REPLACE FUNCTION pgvoice_internal.required_of_segment(
    encoder integer,
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (threshold double precision, margin double precision, source text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(
               CASE WHEN q.level IS NOT NULL THEN pgvoice_internal.normalised_threshold(
                   q.calibration,
                   q.level,
                   required_of_segment.speaker_id,
                   required_of_segment.encoder,
                   required_of_segment.video_id,
                   required_of_segment.start_ms,
                   required_of_segment.end_ms
               ) END,
               q.threshold
           ),
           coalesce(q.level_margin, q.min_margin),
           q.source
    FROM pgvoice.required(
        required_of_segment.end_ms - required_of_segment.start_ms,
        required_of_segment.encoder,
        required_of_segment.given_threshold,
        required_of_segment.given_margin
    ) AS q;
END;
COMMENT ON FUNCTION pgvoice_internal.required_of_segment IS
'The threshold and margin that a stored segment must reach to get the name of the nearest person: those
of required, with the threshold normalised if the calibration has levels.';

CREATE OR REPLACE FUNCTION pgvoice_internal.least_required(
    encoder integer, given_threshold double precision
) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(given_threshold, (SELECT min(t) FROM unnest(c.thresholds) AS t),
                    e.default_threshold)
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.least_required IS
'The lowest threshold that required returns for any duration.';

CREATE OR REPLACE FUNCTION pgvoice_internal.without_cohort() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE pgvoice.calibration SET levels = NULL, level_margins = NULL, cohort_top = NULL
    WHERE id = OLD.calibration_id AND cohort_top IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.without_cohort() IS
'Removes the normalised levels of a calibration whose cohort is deleted: its plain thresholds apply.';

CREATE OR REPLACE TRIGGER without_cohort AFTER DELETE ON pgvoice.cohort_voice
    FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.without_cohort();
