-- The turns of recordings: storing, replacing and reading them.

CREATE OR REPLACE FUNCTION pgvoice_internal.storable_turns(
    video text, starts double precision[], ends double precision[], labels text[], texts text[]
) RETURNS TABLE (
    place bigint,
    start_s double precision,
    end_s double precision,
    start_ms integer,
    end_ms integer,
    label text,
    text text
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH snapped AS MATERIALIZED (
        SELECT pgvoice.snap_all_ms(starts) AS starts_ms, pgvoice.snap_all_ms(ends) AS ends_ms
    ), erased AS MATERIALIZED (
        SELECT DISTINCT e.start_ms, e.end_ms
        FROM snapped CROSS JOIN LATERAL pgvoice.erased_segments(video, starts_ms, ends_ms) AS e
    )
    SELECT given.place, given.start_s, given.end_s, given.start_ms, given.end_ms,
           CASE WHEN e.start_ms IS NULL THEN given.label END,
           CASE WHEN e.start_ms IS NULL AND g.keep_text THEN given.text END
    FROM snapped
    CROSS JOIN LATERAL unnest(starts, ends, starts_ms, ends_ms, labels, texts) WITH ORDINALITY
        AS given(start_s, end_s, start_ms, end_ms, label, text, place)
    CROSS JOIN pgvoice.setting AS g
    LEFT JOIN erased AS e ON (e.start_ms, e.end_ms) = (given.start_ms, given.end_ms)
$$;
COMMENT ON FUNCTION pgvoice_internal.storable_turns IS
'Turns as they are stored, with their segments: without text unless the store keeps it, and without label
and text if the speech was erased.';

CREATE OR REPLACE FUNCTION pgvoice.store_turns(
    video text,
    starts double precision[],
    ends double precision[],
    labels text[],
    texts text[],
    source text DEFAULT NULL,
    add_to boolean DEFAULT false,
    segmenter text DEFAULT NULL
) RETURNS TABLE (turns bigint, added bigint, removed bigint, source_before text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[store_turns.video]))[1];
    last_place integer := 0;
    segmenter_before text;
    was_stored boolean;
BEGIN
    IF (cardinality(ends), cardinality(labels), cardinality(texts)) IS DISTINCT FROM
       (cardinality(starts), cardinality(starts), cardinality(starts)) THEN
        RAISE EXCEPTION '% starts, % ends, % labels and % texts', cardinality(starts),
            cardinality(ends), cardinality(labels), cardinality(texts)
            USING HINT = 'Give one of each per turn; labels and texts may be NULL.',
                  ERRCODE = 'array_subscript_error';
    END IF;
    SELECT d.source, d.segmenter INTO source_before, segmenter_before
    FROM pgvoice.turn_document AS d WHERE d.video_id = video_of;
    was_stored := FOUND;
    WITH given AS MATERIALIZED (
        SELECT g.start_s, g.end_s, g.label, g.text
        FROM pgvoice_internal.storable_turns(video, starts, ends, labels, texts) AS g
    ), stored AS MATERIALIZED (
        SELECT t.start_s, t.end_s, t.label, t.text FROM pgvoice.turn AS t WHERE t.video_id = video_of
    )
    SELECT (SELECT count(*) FROM (TABLE given EXCEPT ALL TABLE stored) AS missing),
           (SELECT count(*) FROM (TABLE stored EXCEPT ALL TABLE given) AS surplus WHERE NOT add_to)
    INTO added, removed;
    IF NOT was_stored OR added + removed > 0
       OR (NOT add_to AND (source_before, segmenter_before)
                          IS DISTINCT FROM (store_turns.source, store_turns.segmenter)) THEN
        -- Erasing the recording waits, or was first.
        PERFORM FROM pgvoice.video AS v WHERE v.id = video_of FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the video % was erased', quote_literal(store_turns.video)
                USING ERRCODE = 'no_data_found';
        END IF;
        INSERT INTO pgvoice.turn_document AS d (video_id, source, segmenter)
        VALUES (video_of, store_turns.source, store_turns.segmenter)
        ON CONFLICT (video_id) DO UPDATE SET stored_at = now(),
            source = CASE WHEN add_to THEN d.source ELSE excluded.source END,
            -- A segmenter's turns with others among them are not what it would find again.
            segmenter = CASE WHEN add_to AND d.segmenter IS DISTINCT FROM excluded.segmenter THEN NULL
                             ELSE excluded.segmenter END;
    END IF;
    IF added + removed > 0 THEN
        IF add_to THEN
            SELECT coalesce(max(t.place), 0) INTO last_place
            FROM pgvoice.turn AS t WHERE t.video_id = video_of;
        ELSE
            DELETE FROM pgvoice.turn AS t WHERE t.video_id = video_of;
        END IF;
        INSERT INTO pgvoice.turn (video_id, place, start_s, end_s, start_ms, end_ms, label, text)
        SELECT video_of, last_place + g.place, g.start_s, g.end_s, g.start_ms, g.end_ms, g.label,
               g.text
        FROM pgvoice_internal.storable_turns(video, starts, ends, labels, texts) AS g
        WHERE NOT add_to OR NOT EXISTS (
            SELECT FROM pgvoice.turn AS t
            WHERE t.video_id = video_of AND t.start_ms = g.start_ms AND t.end_ms = g.end_ms
              AND (t.start_s, t.end_s, t.label, t.text)
                  IS NOT DISTINCT FROM (g.start_s, g.end_s, g.label, g.text)
        );
    END IF;
    SELECT count(*) INTO turns FROM pgvoice.turn AS t WHERE t.video_id = video_of;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pgvoice.store_turns IS
'Stores the turns of a video, in seconds, instead of those it has, or besides them if add_to. source is
the file that they come from, segmenter what found them in the audio; at most one of them is given. Text is
left out unless the store keeps it; of erased speech, only the times are stored. Returns how many turns the
video has now, how many of them are new, how many were removed, and the source before.';

CREATE OR REPLACE FUNCTION pgvoice_internal.current_segments(video_id bigint, encoder integer)
RETURNS TABLE (start_ms integer, end_ms integer, label text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    (SELECT DISTINCT ON (t.start_ms, t.end_ms) t.start_ms, t.end_ms, t.label
     FROM pgvoice.turn AS t WHERE t.video_id = current_segments.video_id
     ORDER BY t.start_ms, t.end_ms, t.place)
    UNION ALL
    SELECT s.start_ms, s.end_ms, NULL
    FROM pgvoice.segment_embedding AS s
    WHERE s.video_id = current_segments.video_id AND s.encoder_id = encoder AND NOT EXISTS (
        SELECT FROM pgvoice.turn_document AS d WHERE d.video_id = current_segments.video_id
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.current_segments IS
'The segments of a video: those of its turns, each once, with the label of the first; without stored
turns every segment that has a row of this encoder.';

CREATE OR REPLACE FUNCTION pgvoice_internal.blank_erased_turns() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE pgvoice.turn AS t SET label = NULL, text = NULL FROM pgvoice.video AS v
    WHERE v.id = t.video_id AND pgvoice_internal.is_same_speech(
            t.start_ms, t.end_ms, NEW.start_ms, NEW.end_ms
        )
      AND (v.audio_sha256 = NEW.audio
           OR CASE WHEN NEW.video IS NOT NULL
                   THEN pgvoice_internal.key_hash(v.key) = NEW.video END);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.blank_erased_turns() IS
'Deletes label and text of the turns of speech that is erased.';

CREATE OR REPLACE TRIGGER erased_span_blanks_turns
AFTER INSERT ON pgvoice.erased_span
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.blank_erased_turns();

CREATE OR REPLACE FUNCTION pgvoice.is_current(video_id bigint, start_ms integer, end_ms integer)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN NOT EXISTS (
    SELECT FROM pgvoice.turn_document AS d WHERE d.video_id = is_current.video_id
) OR EXISTS (
    SELECT FROM pgvoice.turn AS t WHERE t.video_id = is_current.video_id
      AND t.start_ms = is_current.start_ms AND t.end_ms = is_current.end_ms
);
COMMENT ON FUNCTION pgvoice.is_current(bigint, integer, integer) IS
'Whether a stored segment is one of its video''s turns; true if the video has no stored turns.';

CREATE OR REPLACE FUNCTION pgvoice.videos(
    encoder integer DEFAULT pgvoice.default_encoder(),
    only_video text DEFAULT NULL,
    after text DEFAULT NULL,
    max_rows bigint DEFAULT NULL
) RETURNS TABLE (
    video text,
    source text,
    seconds double precision,
    turns_source text,
    segmenter text,
    turns bigint,
    labels bigint,
    filled bigint,
    labelled bigint,
    changed_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH chosen AS MATERIALIZED (
        SELECT v.* FROM pgvoice.video AS v
        WHERE (only_video IS NULL OR v.key = only_video) AND (after IS NULL OR v.key > after)
        ORDER BY v.key LIMIT max_rows
    ), turned AS (
        SELECT d.video_id, d.source, d.segmenter, d.stored_at, count(t.place) AS turns,
               count(DISTINCT t.label) AS labels
        FROM chosen AS v
        JOIN pgvoice.turn_document AS d ON d.video_id = v.id
        LEFT JOIN pgvoice.turn AS t ON t.video_id = d.video_id
        GROUP BY d.video_id
    ), span AS (
        SELECT s.video_id, s.start_ms, s.end_ms
        FROM chosen AS v
        JOIN pgvoice.segment_embedding AS s ON s.video_id = v.id
        WHERE s.status IN ('ok', 'partial') AND s.encoder_id = videos.encoder
    ), filled AS (
        SELECT span.video_id, count(*) AS segments
        FROM span
        LEFT JOIN turned AS t ON t.video_id = span.video_id
        LEFT JOIN (SELECT DISTINCT t.video_id, t.start_ms, t.end_ms FROM pgvoice.turn AS t) AS c
            ON (c.video_id, c.start_ms, c.end_ms) = (span.video_id, span.start_ms, span.end_ms)
        WHERE t.video_id IS NULL OR c.video_id IS NOT NULL
        GROUP BY span.video_id
    ), labelled AS (
        SELECT l.video, count(DISTINCT (l.start_ms, l.end_ms)) AS segments,
               max(l.labelled_at) AS changed_at
        FROM chosen AS v
        JOIN pgvoice.label AS l ON l.video = v.key
        WHERE l.encoder_id = videos.encoder
        GROUP BY l.video
    ), last_fill AS (
        SELECT f.video_id, max(f.finished_at) AS finished_at
        FROM chosen AS v JOIN pgvoice.fill_run AS f ON f.video_id = v.id
        WHERE f.encoder_id = videos.encoder GROUP BY f.video_id
    )
    SELECT v.key, v.source, v.duration_ms / 1000::double precision, t.source, t.segmenter,
           coalesce(t.turns, 0), coalesce(t.labels, 0), coalesce(f.segments, 0),
           coalesce(l.segments, 0),
           greatest(v.created_at, t.stored_at, r.finished_at, l.changed_at)
    FROM chosen AS v
    LEFT JOIN turned AS t ON t.video_id = v.id
    LEFT JOIN filled AS f ON f.video_id = v.id
    LEFT JOIN labelled AS l ON l.video = v.key
    LEFT JOIN last_fill AS r ON r.video_id = v.id
    ORDER BY v.key
$$;
COMMENT ON FUNCTION pgvoice.videos IS
'The recordings: the file that the audio was read from and its length, the file of the turns or the
segmenter that found them, how many turns and different labels there are, how many segments have a vector and a current label of an
encoder, and when a turn, a vector or a label was stored last. By key: all, only one, or max_rows of those
after a key.';
