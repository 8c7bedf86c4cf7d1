CREATE TABLE pgvoice.backfill_video (
    backfill text NOT NULL,
    video text NOT NULL,
    document jsonb NOT NULL,
    state text DEFAULT 'waiting' NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    requested integer,
    filled integer,
    audio_seconds double precision,
    work_seconds double precision,
    changed_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT backfill_video_pkey PRIMARY KEY (backfill, video),
    CONSTRAINT backfill_video_state_check CHECK (state IN ('waiting', 'done', 'failed'))
);
CREATE INDEX backfill_video_state_idx ON pgvoice.backfill_video (backfill, state);
COMMENT ON TABLE pgvoice.backfill_video IS
'What became of each recording of a manifest; whether it is filled, its segments say.';
COMMENT ON COLUMN pgvoice.backfill_video.document IS 'The manifest''s row, to run again from.';
COMMENT ON COLUMN pgvoice.backfill_video.audio_seconds IS 'Of speech that was filled.';
COMMENT ON COLUMN pgvoice.backfill_video.work_seconds IS 'That its fills took, all together.';
