DROP FUNCTION pgvoice.activate_calibration, pgvoice.reset_calibration;
DROP FUNCTION pgvoice.exemplar_trials, pgvoice.segment_trials, pgvoice.profile_without;
DROP FUNCTION pgvoice.near_segments, pgvoice.near_statement, pgvoice.speaker_segments;
DROP FUNCTION pgvoice.apply_verdicts;
CREATE OR REPLACE FUNCTION pgvoice.required(
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
DROP FUNCTION pgvoice.least_required, pgvoice.identify;

UPDATE pgvoice.attribution_run AS r
SET threshold = coalesce(r.threshold, e.default_threshold), margin = coalesce(r.margin, 0)
FROM pgvoice.encoder AS e
WHERE e.id = r.encoder_id AND r.calibration_id IS NOT NULL;
ALTER TABLE pgvoice.attribution_run DROP COLUMN calibration_id;
COMMENT ON COLUMN pgvoice.attribution_run.threshold IS 'NULL for a pin.';
DROP INDEX pgvoice.calibration_active_idx;
-- An older pgvoice would take a row for thresholds that it goes by, and it goes by none.
DELETE FROM pgvoice.calibration;
ALTER TABLE pgvoice.calibration
    DROP COLUMN band_ms,
    DROP COLUMN thresholds,
    DROP COLUMN margins,
    DROP COLUMN labels_from,
    DROP COLUMN measured,
    DROP COLUMN active,
    ADD COLUMN min_ms integer NOT NULL,
    ADD COLUMN max_ms integer,
    ADD COLUMN threshold double precision NOT NULL,
    ADD COLUMN margin double precision NOT NULL,
    ADD COLUMN trials bigint NOT NULL,
    ADD CONSTRAINT calibration_band_check CHECK (0 <= min_ms AND min_ms < max_ms);
COMMENT ON TABLE pgvoice.calibration IS
'Thresholds measured on this library, per encoder and duration band.';
