DROP FUNCTION pgvoice.restore_exemplars, pgvoice.drop_outliers, pgvoice.held_speaker;
DROP FUNCTION pgvoice.profile_quality;
DROP FUNCTION pgvoice.shared_exemplars, pgvoice.near_duplicates, pgvoice.duplicate_limit;
DROP FUNCTION pgvoice.coherence, pgvoice.outlying_exemplars;
DROP FUNCTION pgvoice.exemplar_similarity, pgvoice.left_out_similarities;
DROP FUNCTION pgvoice.exemplar_seconds, pgvoice.refresh_profile;
COMMENT ON COLUMN pgvoice.enrollment.quality IS NULL;
COMMENT ON COLUMN pgvoice.enrollment.excluded IS NULL;
