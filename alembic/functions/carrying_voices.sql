-- Unknown voices of other encoders than the default one: they follow its links.

CREATE OR REPLACE FUNCTION pgvoice_internal.counterparts(source integer, target integer, videos bigint[])
RETURNS TABLE (video_id bigint, label text, source_label text)
LANGUAGE sql STABLE ROWS 10
SET search_path FROM CURRENT
AS $$
    WITH grouped AS MATERIALIZED (
        SELECT v.video_id, v.label, v.encoder_id, v.clean_ms, (
                   SELECT range_agg(int4range(g.start_ms, g.end_ms))
                   FROM unnest(v.starts_ms, v.ends_ms) AS g(start_ms, end_ms)
                   WHERE g.start_ms < g.end_ms
               ) AS spans
        FROM pgvoice.voice AS v
        WHERE v.video_id = ANY (videos) AND v.encoder_id IN (source, target)
          AND v.starts_ms IS NOT NULL
    ), pair AS (
        SELECT t.video_id, t.label, s.label AS source_label, s.clean_ms
        FROM pgvoice.voice AS t
        JOIN pgvoice.voice AS s
            ON s.video_id = t.video_id AND s.label = t.label AND s.encoder_id = source
        WHERE t.video_id = ANY (videos) AND t.encoder_id = target
          AND t.starts_ms IS NULL AND s.starts_ms IS NULL
        UNION ALL
        SELECT t.video_id, t.label, s.label, s.clean_ms
        FROM grouped AS t
        JOIN grouped AS s ON s.video_id = t.video_id AND s.encoder_id = source
        WHERE t.encoder_id = target
          AND 2 * pgvoice_internal.spanned_ms(t.spans * s.spans) > pgvoice_internal.spanned_ms(t.spans)
    )
    -- As voice_levels: shorter ones are not linked.
    SELECT p.video_id, p.label, p.source_label FROM pair AS p WHERE p.clean_ms >= 1500
$$;
COMMENT ON FUNCTION pgvoice_internal.counterparts(integer, integer, bigint[]) IS
'The voices of an encoder in these videos that another encoder could link, and its label of the same speech:
the same one, or that of the voice with more than half of the speech if the store grouped it.';

CREATE OR REPLACE FUNCTION pgvoice_internal.lagging_voices(source integer, target integer, videos bigint[])
RETURNS TABLE (
    video_id bigint, label text, source_label text, unknown_voice_id bigint, linked_at timestamptz
)
LANGUAGE sql STABLE ROWS 10
SET search_path FROM CURRENT
AS $$
    SELECT w.video_id, w.label, w.source_label, w.unknown_voice_id, w.linked_at
    FROM (
        SELECT c.video_id, c.label, c.source_label, l.linked_at,
               -- As linkable_voices: shorter ones are not linked, nor people who opted out.
               CASE WHEN v.clean_ms >= 1500 AND NOT EXISTS (
                   SELECT FROM pgvoice.opt_out_voice AS o
                   WHERE o.encoder_id = target AND -(o.embedding OPERATOR(public.<#>) v.embedding)
                       >= least(o.similarity_limit, pgvoice_internal.duplicate_limit(target))
               ) THEN l.unknown_voice_id END AS unknown_voice_id
        FROM pgvoice_internal.counterparts(source, target, videos) AS c
        JOIN pgvoice.voice AS v
            ON v.video_id = c.video_id AND v.label = c.label AND v.encoder_id = target
        LEFT JOIN pgvoice.linked_voice AS l
            ON l.video_id = c.video_id AND l.label = c.source_label AND l.encoder_id = source
    ) AS w
    LEFT JOIN pgvoice.linked_voice AS h
        ON h.video_id = w.video_id AND h.label = w.label AND h.encoder_id = target
    WHERE h.unknown_voice_id IS DISTINCT FROM w.unknown_voice_id
$$;
COMMENT ON FUNCTION pgvoice_internal.lagging_voices(integer, integer, bigint[]) IS
'The voices of an encoder in these videos that belong to another unknown voice than with the source, or to
one although they belong to none there, and the source''s; NULL for none, for those with too little clean
speech, and for people who opted out.';

CREATE OR REPLACE FUNCTION pgvoice_internal.carry_voices(
    source integer, target integer, videos bigint[] DEFAULT NULL, only_labels text[] DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    chosen bigint[];
    lagging_videos bigint[];
    labels text[];
    groups bigint[];
    linked_at timestamptz[];
BEGIN
    IF source = target THEN
        RETURN 0;
    END IF;
    -- One transaction at a time links. None waits if the store does not.
    PERFORM FROM pgvoice.setting AS g WHERE g.linking FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- Somebody may be deleting one.
    chosen := ARRAY(
        SELECT v.id FROM pgvoice.video AS v
        WHERE v.id = ANY (coalesce(videos, ARRAY(
            SELECT c.video_id FROM pgvoice.voice_cohort AS c WHERE c.encoder_id = target
        )))
        ORDER BY v.id FOR KEY SHARE SKIP LOCKED
    );
    SELECT array_agg(w.video_id), array_agg(w.label), array_agg(w.unknown_voice_id),
           array_agg(w.linked_at)
    INTO lagging_videos, labels, groups, linked_at
    FROM pgvoice_internal.lagging_voices(source, target, chosen) AS w
    WHERE only_labels IS NULL OR EXISTS (
        SELECT FROM unnest(videos, only_labels) AS o(video_id, label)
        WHERE o.video_id = w.video_id AND o.label = w.source_label
    );
    IF labels IS NOT NULL THEN
        PERFORM pgvoice_internal.catch_up(
            target, lagging_videos, labels, groups, linked_at,
            -- To count is slow beside a few voices; refresh_levels counts when it matters.
            CASE WHEN videos IS NOT NULL THEN (
                SELECT t.voices FROM pgvoice.library_tail AS t WHERE t.encoder_id = target
            ) END
        );
    END IF;
    RETURN (
        SELECT count(*) FROM pgvoice.linked_voice AS l
        WHERE l.video_id = ANY (chosen) AND l.encoder_id = target
    );
END
$$;
COMMENT ON FUNCTION pgvoice_internal.carry_voices(integer, integer, bigint[], text[]) IS
'Gives the voices of an encoder, in these videos or in all, the unknown voices that they belong to with the
source, and returns how many belong to one now. Voices that the source has but does not link lose theirs;
those that it lacks, or has too little clean speech of, stay as they are. only_labels are the source''s, one
for each video; NULL for all.';

CREATE OR REPLACE FUNCTION pgvoice_internal.catch_up(
    encoder integer,
    videos bigint[],
    labels text[],
    groups bigint[],
    since timestamptz[],
    heard bigint
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM pgvoice.linked_voice AS l
    USING unnest(videos, labels, groups) AS w(video_id, label, id)
    WHERE l.video_id = w.video_id AND l.label = w.label AND l.encoder_id = encoder AND w.id IS NULL;
    INSERT INTO pgvoice.linked_voice AS l
        (video_id, label, encoder_id, unknown_voice_id, impostor_mean, level, linked_at)
    SELECT w.video_id, w.label, encoder, w.id, q.impostor_mean, q.level, w.linked_at
    FROM unnest(videos, labels, groups, since) AS w(video_id, label, id, linked_at)
    JOIN pgvoice_internal.voice_levels(encoder, ARRAY(
        SELECT DISTINCT g.video_id FROM unnest(videos, groups) AS g(video_id, id)
        WHERE g.id IS NOT NULL
    ), heard) AS q ON q.video_id = w.video_id AND q.label = w.label
    WHERE w.id IS NOT NULL
    ON CONFLICT (video_id, encoder_id, label) DO UPDATE SET
        unknown_voice_id = excluded.unknown_voice_id, impostor_mean = excluded.impostor_mean,
        level = excluded.level, linked_at = excluded.linked_at;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.catch_up IS
'Links these voices of an encoder with these unknown voices, NULL for none. What they require is their own
encoder''s, if so many were heard (NULL: voices_heard).';

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_voices(chosen bigint[], encoder integer)
RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    -- The voices may have changed.
    PERFORM pgvoice_internal.keep_means(ARRAY(
        SELECT DISTINCT l.unknown_voice_id FROM pgvoice.linked_voice AS l
        WHERE l.video_id = ANY (chosen) AND l.encoder_id = encoder
    ));
    DELETE FROM pgvoice.linked_voice AS l
    WHERE l.video_id = ANY (chosen) AND l.encoder_id = encoder AND NOT EXISTS (
        SELECT FROM pgvoice.voice AS v
        WHERE v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
    ) AND EXISTS (
        -- Else they are computed again later.
        SELECT FROM pgvoice.voice_cohort AS c
        WHERE c.video_id = l.video_id AND c.encoder_id = l.encoder_id
    );
    DELETE FROM pgvoice.linked_voice AS l USING pgvoice_internal.voice_words(chosen, encoder) AS w
    WHERE l.video_id = w.video_id AND l.label = w.label AND l.encoder_id = encoder
      AND CASE WHEN w.holds THEN w.speaker_id IS NOT NULL
               ELSE w.unknown_voice_id = l.unknown_voice_id END;
    RETURN pgvoice_internal.carry_voices(pgvoice.default_encoder(), encoder, chosen);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_voices(bigint[], integer) IS
'Links the voices of these videos as the default encoder links them, when they were computed or a person said
something about them; also in recordings that the default encoder lacks, a person''s word ends a link.';

CREATE OR REPLACE FUNCTION pgvoice_internal.carry_undone(act bigint) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH effect AS MATERIALIZED (
        SELECT (e.key ->> 'encoder_id')::integer AS encoder_id,
               (e.key ->> 'video_id')::bigint AS video_id, e.key ->> 'label' AS label
        FROM pgvoice_internal.act_effects(act, 'linked_voice') AS e
    )
    SELECT pgvoice_internal.carry_voices(
        e.encoder_id, pgvoice.default_encoder(), array_agg(e.video_id), array_agg(e.label)
    )
    FROM effect AS e
    WHERE NOT EXISTS (
        SELECT FROM effect AS o
        WHERE o.video_id = e.video_id AND o.encoder_id = pgvoice.default_encoder()
    )
    GROUP BY e.encoder_id ORDER BY e.encoder_id LIMIT 1
$$;
COMMENT ON FUNCTION pgvoice_internal.carry_undone(bigint) IS
'Links the voices of the default encoder as those that undoing an act restored, in recordings that the default
encoder had no voices of at the time.';
