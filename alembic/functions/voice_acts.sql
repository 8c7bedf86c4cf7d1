-- Acts on unknown voices: what all of them do, and dismissing a voice.

-- Rehearsals do everything and take it back, so that they cannot differ from the real thing.
CREATE OR REPLACE FUNCTION pgvoice_internal.end_rehearsal(dry_run boolean) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF dry_run THEN
        RAISE EXCEPTION 'a rehearsal ends' USING ERRCODE = 'PV099';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.end_rehearsal(boolean) IS
'Fails with PV099 at the end of a dry run, so that the block that called it is taken back.';

CREATE OR REPLACE FUNCTION pgvoice_internal.hold_voices(numbers bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    -- In the order in which enrolling, labelling and linking take them.
    PERFORM FROM pgvoice.lock AS l WHERE l.name = 'enrollment' FOR UPDATE;
    PERFORM pgvoice_internal.hold_labels();
    PERFORM pgvoice_internal.require_unknown_voice(each.number) FROM unnest(numbers) AS each(number);
    -- Before the act begins, as this is none of what it changes.
    PERFORM pgvoice.refresh_voices(g.keys, g.encoder_id) FROM (
        SELECT l.encoder_id, array_agg(DISTINCT v.key) AS keys
        FROM pgvoice.linked_voice AS l JOIN pgvoice.video AS v ON v.id = l.video_id
        WHERE l.unknown_voice_id = ANY (numbers)
        GROUP BY l.encoder_id
    ) AS g;
    PERFORM pgvoice_internal.hold_linking();
    PERFORM FROM pgvoice.unknown_voice AS u WHERE u.id = ANY (numbers) ORDER BY u.id FOR UPDATE;
    PERFORM pgvoice_internal.require_unknown_voice(each.number) FROM unnest(numbers) AS each(number);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.hold_voices(bigint[]) IS
'Waits until nobody else enrolls, labels or links, brings the voices of unknown voices up to date, and locks
them; fails if one ended.';

CREATE OR REPLACE FUNCTION pgvoice_internal.heard_in(numbers bigint[])
RETURNS TABLE (
    video_id bigint, key text, label text, spans int4multirange, encoders integer[]
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT l.video_id, v.key, l.label, s.spans, array_agg(l.encoder_id ORDER BY l.encoder_id)
    FROM pgvoice.linked_voice AS l
    JOIN pgvoice.video AS v ON v.id = l.video_id
    CROSS JOIN LATERAL pgvoice_internal.voice_spans(l.video_id, l.label, l.encoder_id) AS s(spans)
    WHERE l.unknown_voice_id = ANY (numbers)
      AND (l.encoder_id = pgvoice.default_encoder() OR NOT EXISTS (
          SELECT FROM pgvoice.linked_voice AS d
          WHERE d.video_id = l.video_id AND d.encoder_id = pgvoice.default_encoder()
            AND d.unknown_voice_id = ANY (numbers)
      ))
    GROUP BY l.video_id, v.key, l.label, s.spans
    ORDER BY v.key, l.label, s.spans
$$;
COMMENT ON FUNCTION pgvoice_internal.heard_in(bigint[]) IS
'The voices of unknown voices, when they speak, and which encoders heard them: the default one, or, in recordings
that it lacks, others.';

CREATE OR REPLACE FUNCTION pgvoice_internal.relink(keys text[]) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.link_voices(keys, e.id) FROM pgvoice.encoder AS e
    ORDER BY e.id <> pgvoice.default_encoder(), e.id
$$;
COMMENT ON FUNCTION pgvoice_internal.relink(text[]) IS
'Links voices of these videos again, as a person''s word about them changed.';

CREATE OR REPLACE FUNCTION pgvoice_internal.labelling_encoders(number bigint) RETURNS integer[]
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT ARRAY(
        SELECT e.id FROM pgvoice.encoder AS e
        WHERE EXISTS (
            SELECT FROM pgvoice.linked_voice AS l
            WHERE l.unknown_voice_id = number AND l.encoder_id = e.id
        ) OR EXISTS (SELECT FROM pgvoice.attribution AS a WHERE a.current AND a.encoder_id = e.id)
        ORDER BY e.id
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.labelling_encoders(bigint) IS
'The encoders that heard an unknown voice, and those that labels are from.';

CREATE OR REPLACE FUNCTION pgvoice_internal.changed_labels(keys text[], encoders integer[], everywhere boolean)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    -- Each labels the same speech.
    told CONSTANT integer := CASE WHEN pgvoice.default_encoder() = ANY (encoders)
        THEN pgvoice.default_encoder() ELSE encoders[1] END;
    each integer;
    moved jsonb := '[]';
    unlabelled text[];
BEGIN
    FOREACH each IN ARRAY encoders LOOP
        unlabelled := ARRAY(
            SELECT v.key FROM pgvoice.video AS v
            WHERE everywhere AND v.key = ANY (keys) AND NOT EXISTS (
                SELECT FROM pgvoice.attribution AS a
                WHERE a.current AND a.video_id = v.id AND a.encoder_id = each
            )
        );
        moved := moved || (
            SELECT coalesce(jsonb_agg(to_jsonb(k)) FILTER (WHERE each = told), '[]')
            FROM (
                SELECT l.* FROM pgvoice.keep_labels(
                    CASE WHEN NOT everywhere THEN keys END, each, only_labelled => true
                ) AS l
                UNION ALL
                SELECT l.* FROM pgvoice.keep_labels(unlabelled, each) AS l WHERE unlabelled <> '{}'
            ) AS k
            WHERE k.outcome = 'changed'
        );
    END LOOP;
    RETURN pgvoice_internal.summed_moves(moved);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.changed_labels(text[], integer[], boolean) IS
'Labels these videos again that are labelled; if everywhere, also the others of them, and whatever is labelled
in the library. Returns from whom to whom labels of the default encoder changed, or of the first one that
labelled any, see summed_moves.';

CREATE OR REPLACE FUNCTION pgvoice_internal.summed_moves(moves jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path FROM CURRENT
AS $$
    WITH summed AS (
        SELECT m.from_speaker, m.from_reason, m.to_speaker, m.to_reason, sum(m.segments) AS segments,
               sum(m.seconds) AS seconds, sum(m.video_count) AS video_count,
               jsonb_agg(m.longest_videos ORDER BY m.segments DESC) AS longest
        FROM jsonb_to_recordset(moves) AS m(
            from_speaker text, from_reason text, to_speaker text, to_reason text, segments bigint,
            seconds double precision, video_count bigint, longest_videos jsonb
        )
        GROUP BY m.from_speaker, m.from_reason, m.to_speaker, m.to_reason
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'from_speaker', s.from_speaker, 'from_reason', s.from_reason, 'to_speaker', s.to_speaker,
        'to_reason', s.to_reason, 'segments', s.segments, 'seconds', s.seconds,
        'video_count', s.video_count, 'videos', ARRAY(
            SELECT v.key FROM jsonb_array_elements(s.longest) WITH ORDINALITY AS l(keys, list)
            CROSS JOIN jsonb_array_elements_text(l.keys) WITH ORDINALITY AS v(key, place)
            ORDER BY l.list, v.place LIMIT 20
        )
    ) ORDER BY s.to_speaker IS NULL, s.segments DESC, s.seconds DESC, s.from_speaker, s.to_speaker,
        s.from_reason, s.to_reason), '[]')
    FROM summed AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.summed_moves(jsonb) IS
'Sums up what several keep_labels returned of other videos, who gets a name first.';

CREATE OR REPLACE FUNCTION pgvoice.dismiss_voice(
    number bigint, why text, dry_run boolean DEFAULT false
) RETURNS TABLE (act bigint, voices bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF why !~ '\S' OR why IS NULL THEN
        RAISE EXCEPTION 'it is not said why voice % is dismissed', number
            USING HINT = 'Say what it is, for example tv.', ERRCODE = 'invalid_parameter_value';
    END IF;
    BEGIN
        PERFORM pgvoice_internal.hold_voices(ARRAY[number]);
        voices := (SELECT count(*) FROM pgvoice_internal.heard_in(ARRAY[number]));
        act := pgvoice_internal.begin_act(
            'dismiss', format('voice %s', number), jsonb_build_object('why', why)
        );
        UPDATE pgvoice.unknown_voice AS u SET dismissed_as = why WHERE u.id = number;
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        act := NULL;
    END;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pgvoice.dismiss_voice IS
'Says what an unknown voice is that nobody wants to name, for example tv, as one act that can be undone. It is
not listed any more, but voices still join it. dry_run changes nothing.';
