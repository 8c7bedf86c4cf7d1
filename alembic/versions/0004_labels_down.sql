DROP FUNCTION pgvoice.speaker_time(text, integer);
DROP VIEW pgvoice.label;
DROP FUNCTION pgvoice.unpin_label;
DROP FUNCTION pgvoice.pin_label;
DROP FUNCTION pgvoice.has_segment;
DROP FUNCTION pgvoice.revert_labels(bigint);
DROP FUNCTION pgvoice.keep_labels;
DROP FUNCTION pgvoice.apply_verdicts;
DROP FUNCTION pgvoice.verdict_moves();
DROP FUNCTION pgvoice.label_reason(bigint, text);
DROP FUNCTION pgvoice.verdicts_of;
DROP FUNCTION pgvoice.verdicts;
DROP FUNCTION pgvoice.reason;
DROP FUNCTION pgvoice.required;
DROP FUNCTION pgvoice.refresh_nearest(integer);
DROP FUNCTION pgvoice.compare_absent(integer);
DROP FUNCTION pgvoice.compare_fresh(integer);
DROP FUNCTION pgvoice.are_keys;
DROP FUNCTION pgvoice.key_similarity;
DROP FUNCTION pgvoice.key_speaker;
DROP FUNCTION pgvoice.best_two;
DROP TRIGGER segment_embedding_truncated ON pgvoice.segment_embedding;
DROP TRIGGER segment_embedding_updated ON pgvoice.segment_embedding;
DROP TRIGGER segment_embedding_deleted ON pgvoice.segment_embedding;
DROP TABLE pgvoice.compared_profile;
DROP FUNCTION pgvoice.forget_profiles();
DROP FUNCTION pgvoice.forget_all_segments();
DROP FUNCTION pgvoice.forget_segments();
DROP FUNCTION pgvoice.hold_labels();
DROP FUNCTION pgvoice.label_lock();
DROP TABLE pgvoice.deleted_segment;
DROP TABLE pgvoice.nearest;

DROP INDEX pgvoice.attribution_current_idx;
DROP INDEX pgvoice.attribution_runner_up_id_idx;
DROP INDEX pgvoice.attribution_run_id_idx;
ALTER TABLE pgvoice.attribution
    DROP CONSTRAINT attribution_pkey,
    DROP COLUMN encoder_id,
    DROP COLUMN current,
    ADD CONSTRAINT attribution_pkey PRIMARY KEY (run_id, video_id, start_ms, end_ms);
CREATE INDEX attribution_video_id_idx ON pgvoice.attribution (video_id);
UPDATE pgvoice.attribution_run AS r
SET threshold = coalesce(r.threshold, e.default_threshold), margin = coalesce(r.margin, 0)
FROM pgvoice.encoder AS e
WHERE e.id = r.encoder_id;
ALTER TABLE pgvoice.attribution_run
    DROP COLUMN kind,
    DROP COLUMN changed,
    ALTER COLUMN threshold SET NOT NULL,
    ALTER COLUMN margin SET NOT NULL;
