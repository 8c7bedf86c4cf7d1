-- The table nearest: kept up to date by refresh_nearest and by triggers.

CREATE OR REPLACE FUNCTION pgvoice_internal.hold_labels() RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM FROM pgvoice.lock AS l WHERE l.name = 'labels' FOR UPDATE;
    PERFORM FROM pgvoice.speaker ORDER BY id FOR KEY SHARE;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.hold_labels() IS
'Waits until nobody else changes labels, or merges or removes a speaker; locks them out until commit.';

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_segments() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    -- The rows of a running refresh are not visible yet: leave it a note instead of waiting.
    PERFORM FROM pgvoice.lock AS l WHERE l.name = 'labels' FOR SHARE SKIP LOCKED;
    IF FOUND THEN
        DELETE FROM pgvoice.nearest AS n USING old_rows AS o
        WHERE (n.video_id, n.start_ms, n.end_ms, n.encoder_id)
            = (o.video_id, o.start_ms, o.end_ms, o.encoder_id);
    ELSE
        INSERT INTO pgvoice.deleted_segment (video_id, start_ms, end_ms, encoder_id)
        SELECT video_id, start_ms, end_ms, encoder_id FROM old_rows;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_segments() IS
'Deletes the rows of nearest for segments that were deleted or changed.';

CREATE OR REPLACE TRIGGER segment_embedding_deleted
AFTER DELETE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_segments();

CREATE OR REPLACE TRIGGER segment_embedding_updated
AFTER UPDATE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_segments();

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_all_segments() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    TRUNCATE pgvoice.nearest, pgvoice.deleted_segment;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_all_segments() IS
'Empties nearest when the segments are truncated.';

CREATE OR REPLACE TRIGGER segment_embedding_truncated
AFTER TRUNCATE ON pgvoice.segment_embedding
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_all_segments();

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_profiles() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (SELECT FROM old_rows) THEN
        DELETE FROM pgvoice.nearest AS n
        WHERE (n.encoder_id, n.nearest_id) IN (SELECT o.encoder_id, o.speaker_id FROM old_rows AS o)
           OR (n.encoder_id, n.runner_up_id)
              IN (SELECT o.encoder_id, o.speaker_id FROM old_rows AS o);
        -- Without a profile nothing is compared, not even segments that have no vector.
        DELETE FROM pgvoice.nearest AS n
        WHERE n.encoder_id IN (SELECT o.encoder_id FROM old_rows AS o) AND NOT EXISTS (
            SELECT FROM pgvoice.compared_profile AS c WHERE c.encoder_id = n.encoder_id
        );
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_profiles() IS
'Deletes the rows of nearest in which a deleted profile was nearest or runner-up, and all if none is left.';

CREATE OR REPLACE TRIGGER compared_profile_deleted
AFTER DELETE ON pgvoice.compared_profile REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_profiles();

CREATE OR REPLACE FUNCTION pgvoice.refresh_nearest(
    encoder integer DEFAULT pgvoice.default_encoder(),
    OUT fresh_profiles bigint,
    OUT segments_passed bigint,
    OUT segments_recomputed bigint,
    OUT pairs bigint
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.hold_labels();
    -- Locked, so that no profile is deleted before the rows computed from it are visible.
    PERFORM FROM pgvoice.profile AS p WHERE p.encoder_id = encoder
    ORDER BY p.speaker_id FOR KEY SHARE;
    WITH gone AS (
        DELETE FROM pgvoice.deleted_segment AS d WHERE d.encoder_id = encoder RETURNING d.*
    )
    DELETE FROM pgvoice.nearest AS n USING gone
    WHERE (n.video_id, n.start_ms, n.end_ms, n.encoder_id)
        = (gone.video_id, gone.start_ms, gone.end_ms, gone.encoder_id);
    -- Deletes changed profiles and those of people whose consent ended, with the rows in which they
    -- were nearest or runner-up; the next statement adds the changed ones as fresh ones.
    DELETE FROM pgvoice.compared_profile AS c
    WHERE c.encoder_id = encoder AND NOT EXISTS (
        SELECT FROM pgvoice.valid_profile AS p
        WHERE p.encoder_id = c.encoder_id AND p.speaker_id = c.speaker_id
          AND p.embedding OPERATOR(public.=) c.embedding
    );
    INSERT INTO pgvoice.compared_profile (encoder_id, speaker_id, embedding)
    SELECT p.encoder_id, p.speaker_id, p.embedding FROM pgvoice.valid_profile AS p
    WHERE p.encoder_id = encoder
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS fresh_profiles = ROW_COUNT;
    segments_passed := 0;
    IF fresh_profiles > 0 THEN
        segments_passed := pgvoice_internal.compare_fresh(encoder);
    END IF;
    SELECT c.segments, c.pairs INTO segments_recomputed, pairs
    FROM pgvoice_internal.compare_absent(encoder) AS c;
    UPDATE pgvoice.compared_profile AS c SET fresh = false
    WHERE c.encoder_id = encoder AND c.fresh;
    pairs := pairs + segments_passed * fresh_profiles;
END
$$;
COMMENT ON FUNCTION pgvoice.refresh_nearest(integer) IS
'Brings nearest up to date with segments and profiles. Returns the number of new or changed profiles, of
segments compared with these only, of segments compared with every profile, and of all pairs.';
