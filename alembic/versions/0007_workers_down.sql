DROP FUNCTION pgvoice.compare_fresh(integer), pgvoice.compare_absent(integer);
DROP FUNCTION pgvoice.best_keys(vector, integer);
ALTER TABLE pgvoice.compared_profile ALTER COLUMN embedding SET STATISTICS -1;
ALTER TABLE pgvoice.profile ALTER COLUMN embedding SET STATISTICS -1;
ALTER TABLE pgvoice.enrollment ALTER COLUMN embedding SET STATISTICS -1;
ALTER TABLE pgvoice.segment_embedding ALTER COLUMN embedding SET STATISTICS -1;
