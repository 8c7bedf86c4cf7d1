-- One person: whom they resemble, and where they are heard.

CREATE OR REPLACE FUNCTION pgvoice.similar_people(
    speaker text, max_rows bigint DEFAULT 5, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    other text,
    similarity double precision,
    resembles boolean,
    sample_video text,
    sample_start_s double precision,
    sample_end_s double precision
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    exact CONSTANT boolean := pgvoice.sees_vectors();
    person CONSTANT bigint := (pgvoice_internal.speaker_ids(ARRAY[similar_people.speaker]))[1];
BEGIN
    PERFORM pgvoice_internal.require_not_negative('max_rows', max_rows),
            pgvoice_internal.require_encoder(similar_people.encoder);
    RETURN QUERY
    SELECT o.name, pgvoice.shown(pgvoice.similarity(near.similarity), exact),
           pgvoice.shown(pgvoice.similarity(near.similarity), exact)
               >= pgvoice_internal.one_person(similar_people.encoder),
           c.video, c.start_ms / 1000::double precision, c.end_ms / 1000::double precision
    FROM (
        SELECT v.speaker_id, -(v.embedding OPERATOR(public.<#>) p.embedding) AS similarity
        FROM pgvoice.profile AS p
        JOIN pgvoice.valid_profile AS v
            ON v.encoder_id = p.encoder_id AND v.speaker_id <> p.speaker_id
        WHERE p.speaker_id = person AND p.encoder_id = similar_people.encoder
        ORDER BY v.embedding OPERATOR(public.<#>) p.embedding, v.speaker_id
        -- From similarities to enough people whose audio they have, others could compute a profile.
        LIMIT CASE WHEN exact THEN max_rows ELSE least(max_rows, 5) END
    ) AS near
    JOIN pgvoice.speaker AS o ON o.id = near.speaker_id
    CROSS JOIN LATERAL pgvoice_internal.sample_of(o.id, similar_people.encoder) AS c
    ORDER BY pgvoice.shown(near.similarity, exact) DESC, o.name;
END
$$;
COMMENT ON FUNCTION pgvoice.similar_people IS
'The other people whose profiles are most similar to the profile of somebody,
whether so much that the two could be one person, and what to listen to. At most five unless the caller
sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice.speaker_recordings(
    speaker text,
    max_rows bigint DEFAULT NULL,
    skipped bigint DEFAULT 0,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    video text,
    duration_s double precision,
    added_at timestamptz,
    segments bigint,
    seconds double precision,
    similarity double precision,
    starts_ms integer[],
    ends_ms integer[],
    total bigint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.speaker_ids(ARRAY[speaker_recordings.speaker]);
    PERFORM pgvoice_internal.require_not_negative('max_rows', max_rows),
            pgvoice_internal.require_not_negative('skipped', skipped),
            pgvoice_internal.require_encoder(speaker_recordings.encoder);
    RETURN QUERY
    SELECT r.key, r.duration_ms / 1000::double precision, r.created_at, count(*),
           sum(d.end_ms - d.start_ms) / 1000::double precision,
           pgvoice.shown(avg(d.similarity), pgvoice.sees_vectors()),
           array_agg(d.start_ms ORDER BY d.start_ms, d.end_ms),
           array_agg(d.end_ms ORDER BY d.start_ms, d.end_ms), count(*) OVER ()
    FROM pgvoice.label AS d
    JOIN pgvoice.video AS r ON r.key = d.video
    WHERE d.speaker = speaker_recordings.speaker AND d.encoder_id = speaker_recordings.encoder
    GROUP BY r.id
    ORDER BY r.created_at DESC, r.id DESC
    LIMIT max_rows OFFSET skipped;
END
$$;
COMMENT ON FUNCTION pgvoice.speaker_recordings IS
'The recordings in which somebody is heard by the current labels, those that were added last first, with
the segments. similarity is the mean of the labels''. total is the number of recordings without max_rows and
skipped.';
