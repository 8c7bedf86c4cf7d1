DROP FUNCTION pgvoice.cache_stats;
DROP FUNCTION pgvoice.coverage;
DROP FUNCTION pgvoice.speaker_segments;
DROP FUNCTION pgvoice.is_by_time;
