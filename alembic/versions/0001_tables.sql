CREATE TABLE pgvoice.setting (
    only_row boolean DEFAULT true NOT NULL,
    grid_ms smallint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT setting_pkey PRIMARY KEY (only_row),
    CONSTRAINT setting_only_row_check CHECK (only_row),
    CONSTRAINT setting_grid_ms_check CHECK (grid_ms IN (10, 100))
);
COMMENT ON TABLE pgvoice.setting IS 'What was fixed when the store was created; one row.';

CREATE TABLE pgvoice.encoder (
    id integer GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    revision text NOT NULL,
    preprocessing text NOT NULL,
    dimension integer NOT NULL,
    sample_rate integer NOT NULL,
    label text GENERATED ALWAYS AS (name || '@' || "left"(revision, 19)) STORED,
    default_threshold double precision NOT NULL,
    threshold_source text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT encoder_pkey PRIMARY KEY (id),
    CONSTRAINT encoder_name_revision_preprocessing_dimension_sample_rate_key UNIQUE (name, revision, preprocessing, dimension, sample_rate),
    CONSTRAINT encoder_id_dimension_key UNIQUE (id, dimension)
);
COMMENT ON TABLE pgvoice.encoder IS 'What makes vectors comparable: only those of one row here are ever compared.';
COMMENT ON COLUMN pgvoice.encoder.revision IS 'The weights: a hash or a hub commit.';
COMMENT ON COLUMN pgvoice.encoder.label IS 'For people.';
COMMENT ON COLUMN pgvoice.encoder.default_threshold IS 'Until calibrated.';

CREATE TABLE pgvoice.video (
    id bigint GENERATED ALWAYS AS IDENTITY,
    key text NOT NULL,
    audio_sha256 text,
    duration_ms integer,
    source text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT video_pkey PRIMARY KEY (id),
    CONSTRAINT video_key_check CHECK (key <> ''),
    CONSTRAINT video_key_key UNIQUE (key)
);
COMMENT ON TABLE pgvoice.video IS 'A recording; everything that is stored about its segments goes with it.';
COMMENT ON COLUMN pgvoice.video.key IS 'The pipeline''s own id.';
COMMENT ON COLUMN pgvoice.video.audio_sha256 IS 'Of the audio file''s bytes; NULL until audio was read.';
COMMENT ON COLUMN pgvoice.video.source IS 'Where the audio was read from last.';

CREATE TABLE pgvoice.segment_embedding (
    video_id bigint NOT NULL,
    start_ms integer NOT NULL,
    end_ms integer NOT NULL,
    encoder_id integer NOT NULL,
    dimension integer NOT NULL,
    embedding vector,
    status text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT segment_embedding_pkey PRIMARY KEY (video_id, start_ms, end_ms, encoder_id),
    CONSTRAINT segment_embedding_span_check CHECK (0 <= start_ms AND start_ms <= end_ms),
    CONSTRAINT segment_embedding_encoder_id_dimension_fkey FOREIGN KEY(encoder_id, dimension) REFERENCES pgvoice.encoder (id, dimension),
    CONSTRAINT segment_embedding_dimension_check CHECK (vector_dims(embedding) = dimension),
    CONSTRAINT segment_embedding_unit_length_check CHECK (abs(vector_norm(embedding) - 1) < 0.0001),
    CONSTRAINT segment_embedding_status_check CHECK (status IN ('ok', 'partial', 'too_short', 'silent', 'out_of_range', 'non_finite')),
    CONSTRAINT segment_embedding_status_embedding_check CHECK ((embedding IS NOT NULL) = (status IN ('ok', 'partial'))),
    CONSTRAINT segment_embedding_video_id_fkey FOREIGN KEY(video_id) REFERENCES pgvoice.video (id) ON DELETE CASCADE
) /* parts */;
COMMENT ON TABLE pgvoice.segment_embedding IS 'One vector per segment and encoder, or the reason why there can be none.';

CREATE TABLE pgvoice.speaker (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT speaker_pkey PRIMARY KEY (id),
    CONSTRAINT speaker_name_check CHECK (name <> ''),
    CONSTRAINT speaker_name_key UNIQUE (name)
);
COMMENT ON TABLE pgvoice.speaker IS 'A person with a name.';

CREATE TABLE pgvoice.enrollment (
    id bigint GENERATED ALWAYS AS IDENTITY,
    speaker_id bigint NOT NULL,
    encoder_id integer NOT NULL,
    dimension integer NOT NULL,
    embedding vector NOT NULL,
    start_ms integer NOT NULL,
    end_ms integer NOT NULL,
    audio_sha256 text NOT NULL,
    video_id bigint,
    source text NOT NULL,
    quality double precision,
    excluded boolean DEFAULT false NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT enrollment_pkey PRIMARY KEY (id),
    CONSTRAINT enrollment_encoder_id_dimension_fkey FOREIGN KEY(encoder_id, dimension) REFERENCES pgvoice.encoder (id, dimension),
    CONSTRAINT enrollment_dimension_check CHECK (vector_dims(embedding) = dimension),
    CONSTRAINT enrollment_unit_length_check CHECK (abs(vector_norm(embedding) - 1) < 0.0001),
    CONSTRAINT enrollment_span_check CHECK (0 <= start_ms AND start_ms <= end_ms),
    CONSTRAINT enrollment_span_key UNIQUE (speaker_id, encoder_id, audio_sha256, start_ms, end_ms),
    CONSTRAINT enrollment_speaker_id_fkey FOREIGN KEY(speaker_id) REFERENCES pgvoice.speaker (id) ON DELETE CASCADE,
    CONSTRAINT enrollment_video_id_fkey FOREIGN KEY(video_id) REFERENCES pgvoice.video (id) ON DELETE SET NULL
);
CREATE INDEX enrollment_video_id_idx ON pgvoice.enrollment (video_id);
COMMENT ON TABLE pgvoice.enrollment IS 'An exemplar: one span of speech that a speaker was enrolled with.';
COMMENT ON COLUMN pgvoice.enrollment.audio_sha256 IS 'Of the file that was heard.';
COMMENT ON COLUMN pgvoice.enrollment.source IS 'File or video, for people.';

CREATE TABLE pgvoice.profile (
    speaker_id bigint NOT NULL,
    encoder_id integer NOT NULL,
    dimension integer NOT NULL,
    embedding vector NOT NULL,
    exemplars integer NOT NULL,
    cohesion double precision NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT profile_pkey PRIMARY KEY (encoder_id, speaker_id),
    CONSTRAINT profile_encoder_id_dimension_fkey FOREIGN KEY(encoder_id, dimension) REFERENCES pgvoice.encoder (id, dimension),
    CONSTRAINT profile_dimension_check CHECK (vector_dims(embedding) = dimension),
    CONSTRAINT profile_unit_length_check CHECK (abs(vector_norm(embedding) - 1) < 0.0001),
    CONSTRAINT profile_speaker_id_fkey FOREIGN KEY(speaker_id) REFERENCES pgvoice.speaker (id) ON DELETE CASCADE
);
COMMENT ON TABLE pgvoice.profile IS 'Per speaker and encoder: the unit-length mean of the exemplars that are not excluded.';
COMMENT ON COLUMN pgvoice.profile.cohesion IS 'Mean similarity of exemplars to profile.';

CREATE TABLE pgvoice.calibration (
    id bigint GENERATED ALWAYS AS IDENTITY,
    encoder_id integer NOT NULL,
    min_ms integer NOT NULL,
    max_ms integer,
    threshold double precision NOT NULL,
    margin double precision NOT NULL,
    target_far double precision NOT NULL,
    trials bigint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT calibration_pkey PRIMARY KEY (id),
    CONSTRAINT calibration_band_check CHECK (0 <= min_ms AND min_ms < max_ms),
    CONSTRAINT calibration_target_far_check CHECK (target_far > 0 AND target_far < 1),
    CONSTRAINT calibration_encoder_id_fkey FOREIGN KEY(encoder_id) REFERENCES pgvoice.encoder (id)
);
COMMENT ON TABLE pgvoice.calibration IS 'Thresholds measured on this library, per encoder and duration band.';
COMMENT ON COLUMN pgvoice.calibration.min_ms IS 'Duration band: from, inclusive.';
COMMENT ON COLUMN pgvoice.calibration.max_ms IS 'To, exclusive; NULL is without end.';

CREATE TABLE pgvoice.attribution_run (
    id bigint GENERATED ALWAYS AS IDENTITY,
    encoder_id integer NOT NULL,
    threshold double precision NOT NULL,
    margin double precision NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    reverted_at timestamptz,
    CONSTRAINT attribution_run_pkey PRIMARY KEY (id),
    CONSTRAINT attribution_run_encoder_id_fkey FOREIGN KEY(encoder_id) REFERENCES pgvoice.encoder (id)
);
COMMENT ON TABLE pgvoice.attribution_run IS 'One act of keeping labels.';

CREATE TABLE pgvoice.attribution (
    run_id bigint NOT NULL,
    video_id bigint NOT NULL,
    start_ms integer NOT NULL,
    end_ms integer NOT NULL,
    speaker_id bigint,
    similarity double precision,
    runner_up_id bigint,
    margin double precision,
    reason text NOT NULL,
    pinned boolean DEFAULT false NOT NULL,
    CONSTRAINT attribution_pkey PRIMARY KEY (run_id, video_id, start_ms, end_ms),
    CONSTRAINT attribution_span_check CHECK (0 <= start_ms AND start_ms <= end_ms),
    CONSTRAINT attribution_run_id_fkey FOREIGN KEY(run_id) REFERENCES pgvoice.attribution_run (id) ON DELETE CASCADE,
    CONSTRAINT attribution_video_id_fkey FOREIGN KEY(video_id) REFERENCES pgvoice.video (id) ON DELETE CASCADE,
    CONSTRAINT attribution_speaker_id_fkey FOREIGN KEY(speaker_id) REFERENCES pgvoice.speaker (id) ON DELETE SET NULL,
    CONSTRAINT attribution_runner_up_id_fkey FOREIGN KEY(runner_up_id) REFERENCES pgvoice.speaker (id) ON DELETE SET NULL
);
CREATE INDEX attribution_speaker_id_idx ON pgvoice.attribution (speaker_id);
CREATE INDEX attribution_video_id_idx ON pgvoice.attribution (video_id);
COMMENT ON TABLE pgvoice.attribution IS 'A kept label: who was said to speak in a segment, and why; NULL is nobody known.';

CREATE TABLE pgvoice.fill_run (
    id bigint GENERATED ALWAYS AS IDENTITY,
    video_id bigint NOT NULL,
    encoder_id integer NOT NULL,
    requested integer NOT NULL,
    hits integer NOT NULL,
    filled integer NOT NULL,
    skipped jsonb NOT NULL,
    decode_seconds double precision NOT NULL,
    encode_seconds double precision NOT NULL,
    device text,
    finished_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT fill_run_pkey PRIMARY KEY (id),
    CONSTRAINT fill_run_video_id_fkey FOREIGN KEY(video_id) REFERENCES pgvoice.video (id) ON DELETE CASCADE,
    CONSTRAINT fill_run_encoder_id_fkey FOREIGN KEY(encoder_id) REFERENCES pgvoice.encoder (id)
);
CREATE INDEX fill_run_video_id_idx ON pgvoice.fill_run (video_id);
COMMENT ON TABLE pgvoice.fill_run IS 'What a fill did; hits and misses are counted from here.';
COMMENT ON COLUMN pgvoice.fill_run.requested IS 'Distinct segments asked for.';
COMMENT ON COLUMN pgvoice.fill_run.hits IS 'Of these, in the store already.';
COMMENT ON COLUMN pgvoice.fill_run.filled IS 'Vectors computed.';
COMMENT ON COLUMN pgvoice.fill_run.skipped IS 'Segments without a vector, by status.';
COMMENT ON COLUMN pgvoice.fill_run.device IS 'NULL when no model ran.';

CREATE TABLE pgvoice.consent (
    id bigint GENERATED ALWAYS AS IDENTITY,
    speaker_id bigint NOT NULL,
    granted_by text NOT NULL,
    purpose text NOT NULL,
    evidence text,
    granted_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz,
    withdrawn_at timestamptz,
    CONSTRAINT consent_pkey PRIMARY KEY (id),
    CONSTRAINT consent_speaker_id_fkey FOREIGN KEY(speaker_id) REFERENCES pgvoice.speaker (id) ON DELETE CASCADE
);
CREATE INDEX consent_speaker_id_idx ON pgvoice.consent (speaker_id);
COMMENT ON TABLE pgvoice.consent IS 'Who agreed to what, until when.';

CREATE TABLE pgvoice.audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz DEFAULT now() NOT NULL,
    actor text DEFAULT session_user NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_event_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE pgvoice.audit_event IS 'Append-only trail of what was done with voiceprints; never holds a vector.';
CREATE FUNCTION pgvoice.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION pgvoice.refuse_change() IS 'Keeps audit_event append-only.';

CREATE TRIGGER audit_event_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON pgvoice.audit_event
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice.refuse_change();
