-- Links are mended as the library grows.

CREATE OR REPLACE FUNCTION pgvoice_internal.mend_links(encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    -- As in link_recording.
    clear CONSTANT double precision := 0.1;
    heard CONSTANT bigint := pgvoice_internal.voices_heard(encoder);
    together bigint[];
BEGIN
    UPDATE pgvoice.linked_voice AS l SET impostor_mean = q.impostor_mean, level = q.level
    FROM pgvoice_internal.voice_levels(encoder, NULL, heard) AS q
    WHERE l.video_id = q.video_id AND l.label = q.label AND l.encoder_id = encoder
      AND greatest(abs(l.impostor_mean - q.impostor_mean), abs(l.level - q.level)) > 0.005;
    IF pgvoice_internal.is_small_library(encoder) THEN
        together := ARRAY(
            SELECT m.unknown_voice_id FROM pgvoice.unknown_voice_mean AS m WHERE m.encoder_id = encoder
        );
        IF together <> '{}' THEN
            PERFORM pgvoice_internal.regroup(encoder, '{}', '{}', '{}', '{}', together, heard);
        END IF;
        RETURN;
    END IF;
    -- One after the other: all together would be too many to compare each with each.
    FOR together IN
        WITH weak AS MATERIALIZED (
            SELECT m.*
            FROM pgvoice.unknown_voice_mean AS m
            WHERE m.encoder_id = encoder AND m.voices > 1 AND EXISTS (
                SELECT FROM pgvoice.linked_voice AS l
                JOIN pgvoice.voice AS v USING (video_id, label, encoder_id)
                WHERE l.unknown_voice_id = m.unknown_voice_id AND l.encoder_id = encoder
                  AND (-(v.embedding OPERATOR(public.<#>) m.embedding) * m.length * m.voices - 1)
                      / (m.voices - 1)
                      - least(m.impostor_mean, l.impostor_mean) - m.level - l.level < clear
            )
        )
        SELECT a.unknown_voice_id || array_remove(
                   array_agg(b.unknown_voice_id ORDER BY b.unknown_voice_id), NULL
               )
        FROM weak AS a
        LEFT JOIN pgvoice.unknown_voice_mean AS b
            ON b.encoder_id = a.encoder_id AND b.unknown_voice_id <> a.unknown_voice_id
            AND -(a.embedding OPERATOR(public.<#>) b.embedding) * a.length * b.length
                >= a.level + b.level + least(a.impostor_mean, b.impostor_mean) - clear
        -- A larger one is not dissolved.
        WHERE a.voices <= 64 OR b.unknown_voice_id IS NOT NULL
        GROUP BY a.unknown_voice_id ORDER BY a.unknown_voice_id
    LOOP
        PERFORM pgvoice_internal.regroup(encoder, '{}', '{}', '{}', '{}', together, heard);
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.mend_links(integer) IS
'Brings what linked voices require up to date, and groups again those that hardly reach it any more, and what
is near them: the first recordings of a library say little about impostors. In a small library, groups
everything again.';

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
