ALTER TABLE pgvoice.setting DROP COLUMN partitions;
