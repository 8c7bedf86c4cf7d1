ALTER TABLE pgvoice.setting
ADD COLUMN partitions smallint DEFAULT 1 NOT NULL,
ADD CONSTRAINT setting_partitions_check CHECK (partitions BETWEEN 1 AND 100);
COMMENT ON COLUMN pgvoice.setting.partitions IS
'Parts of segment_embedding, by hash of video_id; 1 is a plain table.';

UPDATE pgvoice.setting SET partitions = parts.number
FROM (
    SELECT count(*) AS number FROM pg_inherits
    WHERE inhparent = 'pgvoice.segment_embedding'::regclass
) AS parts
WHERE parts.number > 0;
