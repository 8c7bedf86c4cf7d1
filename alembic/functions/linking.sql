-- Speaker linking: voices of recordings that are one person's become an unknown voice.

CREATE OR REPLACE FUNCTION pgvoice_internal.join_groups(
    encoder integer,
    video bigint,
    labels text[],
    groups bigint[],
    impostor_means double precision[],
    levels double precision[]
) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    UPDATE pgvoice.unknown_voice AS u SET heard_at = now()
    WHERE u.heard_at < now() AND u.id IN (
        SELECT j.id FROM unnest(labels, groups) AS j(label, id)
        WHERE NOT EXISTS (
            SELECT FROM pgvoice.linked_voice AS l
            WHERE l.video_id = video AND l.encoder_id = encoder AND l.label = j.label
        )
    );
    INSERT INTO pgvoice.linked_voice AS l
        (video_id, label, encoder_id, unknown_voice_id, impostor_mean, level)
    SELECT video, j.label, encoder, j.id, j.impostor_mean, j.level
    FROM unnest(labels, groups, impostor_means, levels) AS j(label, id, impostor_mean, level)
    ON CONFLICT (video_id, encoder_id, label) DO UPDATE SET
        unknown_voice_id = excluded.unknown_voice_id, impostor_mean = excluded.impostor_mean,
        level = excluded.level, linked_at = now()
    WHERE (l.unknown_voice_id, l.impostor_mean, l.level)
        <> (excluded.unknown_voice_id, excluded.impostor_mean, excluded.level)
$$;
COMMENT ON FUNCTION pgvoice_internal.join_groups IS
'Stores that each of these voices of a video belongs to the group in the same place.';

CREATE OR REPLACE FUNCTION pgvoice_internal.link_recording(
    video bigint, encoder integer, heard bigint
) RETURNS integer
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    -- How far from the limit, in similarity, a decision is clear.
    clear CONSTANT double precision := 0.1;
    labels text[];
    vectors public.vector[];
    means double precision[];
    levels double precision[];
    said bigint[];
    places integer[];
    groups bigint[];
    open integer[];
    touched bigint[];
    meeting bigint[];
BEGIN
    PERFORM FROM pgvoice.video AS v WHERE v.id = video FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND THEN
        -- Somebody is deleting it.
        RETURN 0;
    END IF;
    -- Its voices may have changed.
    PERFORM pgvoice_internal.keep_means(ARRAY(
        SELECT DISTINCT l.unknown_voice_id FROM pgvoice.linked_voice AS l
        WHERE l.video_id = video AND l.encoder_id = encoder
    ));
    SELECT array_agg(v.label), array_agg(v.embedding), array_agg(v.impostor_mean), array_agg(v.level)
    INTO labels, vectors, means, levels
    FROM (
        SELECT l.* FROM pgvoice_internal.linkable_voices(ARRAY[video], encoder, heard) AS l
        ORDER BY l.label
    ) AS v;
    DELETE FROM pgvoice.linked_voice AS l
    WHERE l.video_id = video AND l.encoder_id = encoder AND l.label <> ALL (coalesce(labels, '{}'));
    IF labels IS NULL THEN
        RETURN 0;
    END IF;
    said := ARRAY(
        SELECT DISTINCT w.unknown_voice_id
        FROM pgvoice_internal.voice_words(ARRAY[video], encoder) AS w
        WHERE w.unknown_voice_id IS NOT NULL
        UNION
        -- Somebody else may have been said to be in its group.
        SELECT l.unknown_voice_id FROM pgvoice.linked_voice AS l
        JOIN pgvoice.unknown_voice AS u
            ON u.id = l.unknown_voice_id OR u.merged_into = l.unknown_voice_id
        JOIN pgvoice.verdict AS w ON w.unknown_voice_id = u.id
        WHERE l.video_id = video AND l.encoder_id = encoder
    );
    -- The groups that a voice belongs to, or nearly.
    WITH candidate AS MATERIALIZED (
        SELECT v.place::integer, v.label, v.impostor_mean, v.level, m.unknown_voice_id AS id,
               m.voices, m.impostor_mean AS group_mean, m.level AS group_level,
               -(v.embedding OPERATOR(public.<#>) m.embedding) * m.length AS similarity
        FROM pgvoice.unknown_voice_mean AS m
        JOIN unnest(labels, vectors, means, levels)
            WITH ORDINALITY AS v(label, embedding, impostor_mean, level, place)
            -- A voice that is part of the mean seems to belong to it more than it does.
            ON -(v.embedding OPERATOR(public.<#>) m.embedding) * m.length
               >= m.level + v.level + least(m.impostor_mean, v.impostor_mean) - 2 * clear
        WHERE m.encoder_id = encoder
    ), near AS MATERIALIZED (
        SELECT c.place, c.id, CASE WHEN l.unknown_voice_id IS NULL
                   THEN c.similarity - c.group_level - c.level - least(c.group_mean, c.impostor_mean)
                   WHEN c.voices > 1
                   THEN (c.voices * (c.similarity - c.group_level) - 1 + l.level) / (c.voices - 1)
                        - c.level
                        - least((c.voices * c.group_mean - l.impostor_mean) / (c.voices - 1),
                                c.impostor_mean)
               END AS gain, coalesce(o.unknown_voice_id = c.id, true) AS is_free
        FROM candidate AS c
        LEFT JOIN pgvoice.linked_voice AS o
            ON o.video_id = video AND o.label = c.label AND o.encoder_id = encoder
        LEFT JOIN pgvoice.linked_voice AS l
            ON l.video_id = video AND l.label = c.label AND l.encoder_id = encoder
            AND l.unknown_voice_id = c.id
    ), close AS MATERIALIZED (
        -- Others that it does not reach cannot become one with the group that it clearly belongs to.
        SELECT n.*, n.gain >= clear AND n.is_free
               AND count(*) FILTER (WHERE n.gain >= 0) OVER (PARTITION BY n.place) = 1
               AND count(*) FILTER (WHERE n.gain >= 0) OVER (PARTITION BY n.id) = 1 AS sure
        FROM near AS n WHERE n.gain >= -clear
    ), settled AS (
        SELECT c.*, bool_or(c.sure) OVER (PARTITION BY c.place) AS is_settled FROM close AS c
    )
    SELECT array_agg(c.place) FILTER (WHERE c.sure), array_agg(c.id) FILTER (WHERE c.sure),
           array_agg(DISTINCT c.id) FILTER (WHERE NOT c.is_settled)
    INTO places, groups, touched
    FROM settled AS c;
    IF said <> '{}' THEN
        touched := touched || groups || said;
        places := NULL;
        groups := NULL;
    END IF;
    open := ARRAY(
        SELECT place FROM generate_series(1, cardinality(labels)) AS place
        WHERE place <> ALL (coalesce(places, '{}'))
    );
    PERFORM pgvoice_internal.join_groups(
        encoder, video, ARRAY(SELECT labels[p] FROM unnest(places) WITH ORDINALITY AS s(p, n) ORDER BY n),
        groups, ARRAY(SELECT means[p] FROM unnest(places) WITH ORDINALITY AS s(p, n) ORDER BY n),
        ARRAY(SELECT levels[p] FROM unnest(places) WITH ORDINALITY AS s(p, n) ORDER BY n)
    );
    IF open <> '{}' THEN
        groups := groups || pgvoice_internal.regroup(
            encoder, array_fill(video, ARRAY[cardinality(open)]),
            ARRAY(SELECT labels[o.place] FROM unnest(open) AS o(place) ORDER BY o.place),
            ARRAY(SELECT means[o.place] FROM unnest(open) AS o(place) ORDER BY o.place),
            ARRAY(SELECT levels[o.place] FROM unnest(open) AS o(place) ORDER BY o.place), touched,
            heard
        );
    END IF;
    IF coalesce(touched, '{}') = '{}' THEN
        -- Nothing was grouped again. The mean of a group and a voice is nearer to no other group than
        -- the nearer of both is, and neither is near enough.
        RETURN cardinality(labels);
    END IF;
    -- Groups that have become one person's by what they gained.
    groups := ARRAY(
        SELECT DISTINCT l.unknown_voice_id FROM pgvoice.linked_voice AS l
        WHERE l.unknown_voice_id = ANY (groups) AND l.encoder_id = encoder AND l.linked_at = now()
    );
    touched := ARRAY(
        SELECT DISTINCT each.id
        FROM pgvoice.unknown_voice_mean AS a
        JOIN pgvoice.unknown_voice_mean AS b
            ON b.encoder_id = a.encoder_id AND b.unknown_voice_id <> a.unknown_voice_id
            AND -(a.embedding OPERATOR(public.<#>) b.embedding) * a.length * b.length
                >= a.level + b.level + least(a.impostor_mean, b.impostor_mean)
        CROSS JOIN LATERAL (VALUES (a.unknown_voice_id), (b.unknown_voice_id)) AS each(id)
        WHERE a.encoder_id = encoder AND a.unknown_voice_id = ANY (groups)
    );
    IF touched <> '{}' THEN
        PERFORM pgvoice_internal.regroup(encoder, '{}', '{}', '{}', '{}', touched, heard);
    END IF;
    RETURN cardinality(labels);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.link_recording IS
'Links the voices of a recording anew, and returns how many. A voice that clearly belongs to one group joins
it; else all groups that it nearly belongs to are grouped again with it.';

CREATE OR REPLACE FUNCTION pgvoice_internal.link_recordings(
    chosen bigint[], encoder integer, mended integer
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    heard CONSTANT bigint := pgvoice_internal.voices_heard(encoder);
    video bigint;
    linked bigint := 0;
BEGIN
    -- One transaction at a time links. None waits if the store does not.
    PERFORM FROM pgvoice.setting AS g WHERE g.linking FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM pgvoice_internal.expire_voices();
    IF encoder <> pgvoice.default_encoder() THEN
        RETURN pgvoice_internal.follow_voices(chosen, encoder);
    END IF;
    FOREACH video IN ARRAY chosen LOOP
        linked := linked + pgvoice_internal.link_recording(video, encoder, heard);
    END LOOP;
    IF mended IS DISTINCT FROM 0 THEN
        PERFORM pgvoice_internal.mend_links(encoder, mended);
    END IF;
    RETURN linked;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.link_recordings(bigint[], integer, integer) IS
'Links the voices of these videos, if the store links voices, and returns how many; then mends so many groups
(mend_links). Voices of another encoder than the default one follow its links (follow_voices).';

CREATE OR REPLACE FUNCTION pgvoice_internal.link_refreshed(
    chosen bigint[], encoder integer, refitted boolean
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    small CONSTANT boolean := pgvoice_internal.is_small_library(encoder);
BEGIN
    IF (SELECT g.linking FROM pgvoice.setting AS g) THEN
        IF small THEN
            PERFORM pgvoice.refit_library(encoder);
        END IF;
        PERFORM pgvoice_internal.link_recordings(
            chosen, encoder, CASE WHEN small OR refitted THEN 100 ELSE 0 END
        );
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.link_refreshed(bigint[], integer, boolean) IS
'Links the voices of videos that were computed, if the store links voices.';

CREATE OR REPLACE FUNCTION pgvoice.link_voices(
    videos text[] DEFAULT NULL, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.video_ids(videos), pgvoice_internal.require_encoder(encoder);
    RETURN pgvoice_internal.link_recordings(ARRAY(
        SELECT v.id FROM pgvoice.video AS v
        WHERE (videos IS NULL OR v.key = ANY (videos)) AND EXISTS (
            SELECT FROM pgvoice.voice_cohort AS c
            WHERE c.video_id = v.id AND c.encoder_id = link_voices.encoder
        )
        -- An order that has nothing to do with when they came.
        ORDER BY hashtext(v.key), v.id
    ), encoder, CASE WHEN videos IS NOT NULL THEN 0 END);
END
$$;
COMMENT ON FUNCTION pgvoice.link_voices IS
'Links the voices of these videos, or of all, with those of others that are the same person''s, as unknown
voices that keep their numbers; returns how many. Voices of another encoder than the default one are linked
as its own are. Nothing happens unless the store links voices
(setting.linking). Every fill and every labelling of the library calls it for what is new; for all videos,
it also mends what was linked while the library was smaller.';
