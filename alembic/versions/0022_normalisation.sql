-- Adaptive s-norm: a similarity is told by how unusual it is for this profile and for this segment,
-- among other people's voices. Kept beside the thresholds, and gone by where calibration found that
-- it names more.

ALTER TABLE pgvoice.calibration
    ADD COLUMN levels double precision[],
    ADD COLUMN level_margins double precision[],
    ADD COLUMN cohort_top integer,
    ADD CONSTRAINT calibration_cohort_top_check CHECK (cohort_top >= 2),
    ADD CONSTRAINT calibration_levels_check CHECK (levels IS NULL OR (cardinality(levels) = cardinality(band_ms) AND array_position(levels, NULL) IS NULL)),
    ADD CONSTRAINT calibration_level_margins_check CHECK ((level_margins IS NULL) = (levels IS NULL) AND (level_margins IS NULL OR (cardinality(level_margins) = cardinality(band_ms) AND array_position(level_margins, NULL) IS NULL)));
COMMENT ON COLUMN pgvoice.calibration.levels IS
'For each band the normalised similarity that is required instead of the threshold; NULL where
normalisation brings no gain.';
COMMENT ON COLUMN pgvoice.calibration.level_margins IS 'The margins that go with levels.';
COMMENT ON COLUMN pgvoice.calibration.cohort_top IS
'How many voices of the cohort count, those that are nearest; NULL without a cohort.';

CREATE TABLE pgvoice.cohort_voice (
    calibration_id bigint NOT NULL,
    place integer NOT NULL,
    embedding vector NOT NULL,
    video_ids bigint[] NOT NULL,
    CONSTRAINT cohort_voice_pkey PRIMARY KEY (calibration_id, place),
    CONSTRAINT cohort_voice_calibration_id_fkey FOREIGN KEY(calibration_id) REFERENCES pgvoice.calibration (id) ON DELETE CASCADE
);
COMMENT ON TABLE pgvoice.cohort_voice IS
'Voices of people who are not enrolled, a unit-length mean of each, that similarities are compared with.';
COMMENT ON COLUMN pgvoice.cohort_voice.video_ids IS
'Where the person was heard; who erases one of these erases the cohort.';

CREATE FUNCTION pgvoice.without_cohort() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE pgvoice.calibration SET levels = NULL, level_margins = NULL, cohort_top = NULL
    WHERE id = OLD.calibration_id AND cohort_top IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice.without_cohort() IS 'A calibration without its cohort goes by its thresholds.';
CREATE TRIGGER without_cohort AFTER DELETE ON pgvoice.cohort_voice
    FOR EACH ROW EXECUTE FUNCTION pgvoice.without_cohort();

CREATE FUNCTION pgvoice.cohort_scores(calibration bigint, voice vector, person vector)
RETURNS TABLE (mean double precision, deviation double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT avg(near.similarity), greatest(stddev_pop(near.similarity), 0.01)
    FROM (
        SELECT -(k.embedding <#> voice) AS similarity
        FROM pgvoice.cohort_voice AS k
        JOIN pgvoice.calibration AS c ON c.id = k.calibration_id
        JOIN pgvoice.encoder AS e ON e.id = c.encoder_id
        WHERE k.calibration_id = calibration
          AND coalesce(-(k.embedding <#> person) < e.default_threshold, true)
        ORDER BY k.embedding <#> voice
        LIMIT (SELECT c.cohort_top FROM pgvoice.calibration AS c WHERE c.id = calibration)
    ) AS near
    HAVING count(*) >= 5
$$;
COMMENT ON FUNCTION pgvoice.cohort_scores IS
'Mean and standard deviation, at least 0.01, of how similar a voice is to those of the cohort that are
nearest to it. Who is as near to person as the encoder''s own threshold is left out: they may be enrolled
by now. Of fewer than five nothing is said.';

CREATE FUNCTION pgvoice.normalised_threshold(
    calibration bigint, level double precision, speaker_id bigint, encoder integer, voice vector
) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT (2 * level + e.mean / e.deviation + t.mean / t.deviation)
           / (1 / e.deviation + 1 / t.deviation)
    FROM pgvoice.profile AS p
    CROSS JOIN LATERAL pgvoice.cohort_scores(calibration, p.embedding, p.embedding) AS e
    CROSS JOIN LATERAL
        pgvoice.cohort_scores(calibration, normalised_threshold.voice, p.embedding) AS t
    WHERE p.speaker_id = normalised_threshold.speaker_id
      AND p.encoder_id = normalised_threshold.encoder
$$;
COMMENT ON FUNCTION pgvoice.normalised_threshold IS
'The similarity of a voice to a profile whose normalised similarity is level. Adaptive s-norm: half of
(s - mean) / deviation by the scores of the profile, and half by those of the voice, each by the
nearest of its cohort (Matejka and others, Analysis of score normalization in multilingual speaker
recognition, Interspeech 2017).';

CREATE FUNCTION pgvoice.required_of(
    encoder integer,
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (threshold double precision, margin double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(
               required_of.given_threshold,
               CASE WHEN c.levels IS NOT NULL THEN pgvoice.normalised_threshold(
                   c.id,
                   c.levels[width_bucket(required_of.end_ms - required_of.start_ms, c.band_ms)],
                   required_of.speaker_id,
                   required_of.encoder,
                   (SELECT s.embedding FROM pgvoice.segment_embedding AS s
                    WHERE s.video_id = required_of.video_id AND s.start_ms = required_of.start_ms
                      AND s.end_ms = required_of.end_ms AND s.encoder_id = required_of.encoder)
               ) END,
               c.thresholds[width_bucket(required_of.end_ms - required_of.start_ms, c.band_ms)],
               e.default_threshold
           ),
           coalesce(
               required_of.given_margin,
               CASE WHEN required_of.given_threshold IS NULL THEN c.level_margins[
                   width_bucket(required_of.end_ms - required_of.start_ms, c.band_ms)] END,
               c.margins[width_bucket(required_of.end_ms - required_of.start_ms, c.band_ms)],
               0
           )
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = required_of.encoder;
END;
COMMENT ON FUNCTION pgvoice.required_of IS
'What is required of a stored segment to get the name of the person who is nearest to it: what is given,
else what the active calibration says, normalised where it says so, else the encoder''s own. The one
place where everything that judges gets its threshold and margin.';
COMMENT ON FUNCTION pgvoice.required IS
'What is required of segments of a length, before any normalisation: what is given, else what the
active calibration says of such lengths, else the encoder''s own.';

CREATE FUNCTION pgvoice.least_similarity(encoder integer, given_threshold double precision)
RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT CASE WHEN given_threshold IS NULL AND EXISTS (
               SELECT FROM pgvoice.calibration AS c
               WHERE c.encoder_id = encoder AND c.active AND c.levels IS NOT NULL
           ) THEN -1 ELSE pgvoice.least_required(encoder, given_threshold) END
$$;
COMMENT ON FUNCTION pgvoice.least_similarity IS
'A similarity under which no segment gets a name: -1 where a normalised one is required.';
