DROP FUNCTION pgvoice.require_consent(boolean);
DROP TRIGGER speaker_name_allowed ON pgvoice.speaker;
DROP TRIGGER enrollment_agreed ON pgvoice.enrollment;
DROP FUNCTION pgvoice.refuse_name();
DROP FUNCTION pgvoice.refuse_enrollment();
DROP FUNCTION pgvoice.has_consent(bigint);
DROP FUNCTION pgvoice.name_hash(text);
DROP TABLE pgvoice.opt_out_voice;
DROP TABLE pgvoice.opt_out;
DROP TABLE pgvoice.opt_out_key;
DO $$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('pgvoice.verify'::regproc),
        $new$'non_finite', 'erased')$new$, $old$'non_finite')$old$
    );
END
$$;
DELETE FROM pgvoice.segment_embedding WHERE status = 'erased';
ALTER TABLE pgvoice.segment_embedding DROP CONSTRAINT segment_embedding_status_check;
ALTER TABLE pgvoice.segment_embedding ADD CONSTRAINT segment_embedding_status_check
CHECK (status IN ('ok', 'partial', 'too_short', 'silent', 'out_of_range', 'non_finite'));
ALTER TABLE pgvoice.setting DROP COLUMN consent_required;
COMMENT ON TABLE pgvoice.setting IS 'What was fixed when the store was created; one row.';
