-- Speaker linking: what was linked earlier is mended as the library grows and people are enrolled.

CREATE OR REPLACE FUNCTION pgvoice_internal.is_small_library(encoder integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(sum(c.voices) <= 200, true) FROM pgvoice.voice_cohort AS c
    WHERE c.encoder_id = encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.is_small_library(integer) IS
'Whether a library is so small that all its voices are compared and grouped again with each recording, so that
it does not matter which came first.';

CREATE OR REPLACE FUNCTION pgvoice_internal.doubtful_groups(encoder integer)
RETURNS TABLE (id bigint, gain double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT l.unknown_voice_id, min(
        (-(v.embedding OPERATOR(public.<#>) m.embedding) * m.length * m.voices - 1) / (m.voices - 1)
        - least(m.impostor_mean, l.impostor_mean) - m.level - l.level
    )
    FROM pgvoice.unknown_voice_mean AS m
    JOIN pgvoice.linked_voice AS l USING (unknown_voice_id, encoder_id)
    JOIN pgvoice.voice AS v USING (video_id, label, encoder_id)
    WHERE m.encoder_id = encoder AND m.voices > 1
    GROUP BY l.unknown_voice_id
$$;
COMMENT ON FUNCTION pgvoice_internal.doubtful_groups(integer) IS
'How far above what is required the voice of each group is that belongs to it least.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refresh_levels(encoder integer, heard bigint) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    UPDATE pgvoice.linked_voice AS l SET impostor_mean = q.impostor_mean, level = q.level
    FROM pgvoice_internal.voice_levels(encoder, NULL, heard) AS q
    WHERE l.video_id = q.video_id AND l.label = q.label AND l.encoder_id = encoder
      AND greatest(abs(l.impostor_mean - q.impostor_mean), abs(l.level - q.level)) > 0.005
$$;
COMMENT ON FUNCTION pgvoice_internal.refresh_levels(integer, bigint) IS
'Brings what linked voices of an encoder require up to date.';

CREATE OR REPLACE FUNCTION pgvoice_internal.mend_links(encoder integer, most integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    -- As in link_recording.
    clear CONSTANT double precision := 0.1;
    heard CONSTANT bigint := pgvoice_internal.voices_heard(encoder);
    doubtful bigint[];
    mended bigint[] := '{}';
    one bigint;
    several bigint[];
BEGIN
    PERFORM pgvoice_internal.refresh_levels(encoder, heard);
    IF pgvoice_internal.is_small_library(encoder) THEN
        PERFORM pgvoice_internal.regroup(encoder, '{}', '{}', '{}', '{}', ARRAY(
            SELECT m.unknown_voice_id FROM pgvoice.unknown_voice_mean AS m WHERE m.encoder_id = encoder
        ), heard);
        RETURN;
    END IF;
    -- One after the other, as all together would be too many to compare each with each.
    doubtful := ARRAY(
        SELECT d.id FROM pgvoice_internal.doubtful_groups(encoder) AS d
        WHERE d.gain < clear ORDER BY d.gain, d.id LIMIT most
    );
    FOREACH one IN ARRAY doubtful LOOP
        IF one <> ALL (mended) THEN
            several := one || ARRAY(
                SELECT b.unknown_voice_id
                FROM pgvoice.unknown_voice_mean AS a
                JOIN pgvoice.unknown_voice_mean AS b
                    ON b.encoder_id = a.encoder_id AND b.unknown_voice_id <> a.unknown_voice_id
                    AND -(a.embedding OPERATOR(public.<#>) b.embedding) * a.length * b.length
                        >= a.level + b.level + least(a.impostor_mean, b.impostor_mean) - clear
                WHERE a.encoder_id = encoder AND a.unknown_voice_id = one
            );
            PERFORM pgvoice_internal.regroup(encoder, '{}', '{}', '{}', '{}', several, heard);
            mended := mended || several;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.mend_links(integer, integer) IS
'Brings what linked voices require up to date, and groups again those that hardly reach it any more, and what
is near them: the first recordings of a library say little about impostors. So many groups at most (NULL:
all); in a small library, everything.';

CREATE OR REPLACE FUNCTION pgvoice_internal.leave_named(encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    least_required CONSTANT double precision := pgvoice_internal.least_required(encoder, NULL);
    chosen bigint[];
BEGIN
    IF encoder <> pgvoice.default_encoder() THEN
        RETURN;
    END IF;
    SELECT array_agg(DISTINCT l.video_id) INTO chosen
    FROM pgvoice.profile AS p
    JOIN pgvoice.unknown_voice_mean AS m
        ON m.encoder_id = p.encoder_id
        -- No voice of a group is much nearer to somebody than the group is.
        AND -(m.embedding OPERATOR(public.<#>) p.embedding) * m.length >= least_required - 0.2
    JOIN pgvoice.linked_voice AS l
        ON l.unknown_voice_id = m.unknown_voice_id AND l.encoder_id = m.encoder_id
        AND l.linked_at < p.updated_at
    JOIN pgvoice.voice AS v
        ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
    WHERE p.encoder_id = encoder AND p.valid_until > now()
      AND -(v.embedding OPERATOR(public.<#>) p.embedding) >= least_required;
    IF chosen IS NOT NULL THEN
        PERFORM pgvoice_internal.link_recordings(chosen, encoder, 0);
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.leave_named(integer) IS
'Links voices anew that may match somebody whose profile is newer than the link: those that do leave their
unknown voice. Only of the default encoder, which others follow.';
