-- Naming unknown voices, and accepting or rejecting a suggestion.

CREATE OR REPLACE FUNCTION pgvoice_internal.ensure_speaker(speaker text, consent jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    found bigint;
BEGIN
    IF speaker !~ '\S' OR speaker IS NULL THEN
        RAISE EXCEPTION 'a speaker''s name must not be empty'
            USING HINT = 'Give a name.', ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO pgvoice.speaker (name) VALUES (speaker) ON CONFLICT (name) DO NOTHING;
    SELECT s.id INTO STRICT found FROM pgvoice.speaker AS s WHERE s.name = speaker
    FOR NO KEY UPDATE;
    INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, evidence, granted_at, expires_at)
    SELECT found, c.granted_by, c.purpose, c.evidence, coalesce(c.granted_at, now()), c.expires_at
    FROM jsonb_to_record(consent) AS c(
        granted_by text, purpose text, evidence text, granted_at timestamptz, expires_at timestamptz
    )
    WHERE c.granted_by IS NOT NULL;
    RETURN found;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.ensure_speaker(text, jsonb) IS
'The id of a speaker, created if new, with a consent if it is said who gave it.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_name(number bigint, speaker bigint, encoders integer[])
RETURNS TABLE (named bigint, left_out bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    member record;
BEGIN
    named := 0;
    left_out := 0;
    FOR member IN
        SELECT h.video_id, h.spans, bool_or(f.fits) AS fits
        FROM pgvoice_internal.heard_in(ARRAY[number]) AS h
        LEFT JOIN (
            SELECT e.id AS encoder_id, x.*
            FROM unnest(encoders) AS e(id)
            CROSS JOIN LATERAL pgvoice_internal.fitting_voices(number, speaker, e.id) AS x
        ) AS f
            ON f.video_id = h.video_id AND f.label = h.label AND f.encoder_id = ANY (h.encoders)
        GROUP BY h.video_id, h.key, h.label, h.spans
        ORDER BY h.key, h.label, h.spans
    LOOP
        IF member.fits AND member.spans IS NOT NULL THEN
            PERFORM pgvoice_internal.keep_word(member.video_id, member.spans, true, speaker, NULL);
            named := named + 1;
        ELSE
            left_out := left_out + 1;
        END IF;
    END LOOP;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_name(bigint, bigint, integer[]) IS
'Stores the word that the voices of an unknown voice that fit somebody are that person; returns how many are,
and how many do not fit.';

CREATE OR REPLACE FUNCTION pgvoice_internal.spans_to_show(spans jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'video', v.key, 'source', v.source, 'start_s', s.start_ms / 1000::double precision,
        'end_s', s.end_ms / 1000::double precision
    ) ORDER BY v.key, s.start_ms), '[]')
    FROM (
        SELECT DISTINCT x.video_id, x.start_ms, x.end_ms FROM jsonb_to_recordset(spans_to_show.spans)
            AS x(video_id bigint, start_ms integer, end_ms integer)
    ) AS s
    JOIN pgvoice.video AS v ON v.id = s.video_id
$$;
COMMENT ON FUNCTION pgvoice_internal.spans_to_show(jsonb) IS
'Spans of videos in seconds, each once, in order.';

CREATE OR REPLACE FUNCTION pgvoice_internal.name_as(
    kind text, number bigint, speaker text, consent jsonb, force boolean
) RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    keys CONSTANT text[] := ARRAY(
        SELECT DISTINCT h.key FROM pgvoice_internal.heard_in(ARRAY[number]) AS h
    );
    heard_by CONSTANT integer[] := ARRAY(
        SELECT l.encoder_id FROM pgvoice.linked_voice AS l WHERE l.unknown_voice_id = number
        GROUP BY l.encoder_id
        ORDER BY l.encoder_id <> pgvoice.default_encoder(), count(*) DESC, l.encoder_id
    );
    labelling CONSTANT integer[] := pgvoice_internal.labelling_encoders(number);
    act CONSTANT bigint := pgvoice_internal.begin_act(
        kind, format('voice %s', number), jsonb_build_object('speaker', speaker)
    );
    speaker_of CONSTANT bigint := pgvoice_internal.ensure_speaker(speaker, consent);
    exemplars jsonb := '[]';
    each integer;
    kept record;
BEGIN
    FOREACH each IN ARRAY heard_by LOOP
        -- Others than the first one are enrolled with the same spans. Those that have no vectors of
        -- these are if they heard enough.
        IF each = heard_by[1] OR NOT EXISTS (
            SELECT FROM pgvoice.enrollment AS x
            JOIN jsonb_to_recordset(exemplars) AS s(video_id bigint, start_ms integer, end_ms integer)
                ON (s.video_id, s.start_ms, s.end_ms) = (x.video_id, x.start_ms, x.end_ms)
            WHERE x.speaker_id = speaker_of AND x.encoder_id = each
        ) AND 2000 <= (
            SELECT sum(t.end_ms - t.start_ms) FROM pgvoice_internal.typical_segments(number, each) AS t
        ) THEN
            exemplars := exemplars || (
                SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]')
                FROM pgvoice_internal.enroll_voice(number, speaker_of, each, force) AS e
            );
        END IF;
    END LOOP;
    SELECT n.* INTO kept FROM pgvoice_internal.keep_name(number, speaker_of, heard_by) AS n;
    UPDATE pgvoice.unknown_voice AS u
    SET ended_at = now(), ended_as = 'named', speaker_id = speaker_of WHERE u.id = number;
    DELETE FROM pgvoice.linked_voice AS l WHERE l.unknown_voice_id = number;
    PERFORM pgvoice_internal.relink(keys);
    RETURN jsonb_build_object(
        'act', act, 'voice', number, 'speaker', speaker, 'voices', kept.named,
        'left_out', kept.left_out, 'exemplars', pgvoice_internal.spans_to_show(exemplars),
        'moves', pgvoice_internal.changed_labels(keys, labelling, true)
    );
END
$$;
COMMENT ON FUNCTION pgvoice_internal.name_as IS
'Names an unknown voice that is held, as one act: enrolls it, stores the word, ends it, links those of its
voices again that do not fit, and labels the library again. Returns what changed.';

CREATE OR REPLACE FUNCTION pgvoice.name_voice(
    number bigint,
    speaker text,
    granted_by text DEFAULT NULL,
    purpose text DEFAULT 'speaker identification',
    evidence text DEFAULT NULL,
    granted_at timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL,
    force boolean DEFAULT false,
    dry_run boolean DEFAULT false
) RETURNS TABLE (act bigint, voices bigint, left_out bigint, exemplars jsonb, moves jsonb)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    done jsonb;
BEGIN
    BEGIN
        PERFORM pgvoice_internal.hold_voices(ARRAY[number]);
        done := pgvoice_internal.name_as('name', number, speaker, jsonb_build_object(
            'granted_by', granted_by, 'purpose', purpose, 'evidence', evidence,
            'granted_at', granted_at, 'expires_at', expires_at
        ), force);
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        done := done - 'act';
    END;
    RETURN QUERY SELECT d.* FROM jsonb_to_record(done)
        AS d(act bigint, voices bigint, left_out bigint, exemplars jsonb, moves jsonb);
END
$$;
COMMENT ON FUNCTION pgvoice.name_voice IS
'Gives an unknown voice a name, as one act that can be undone. Enrolls a few of its clean segments, spread over
recordings, and labels its recordings and all labels of the library again. voices got the name; left_out do
not sound enough like the others and stay unknown. The person may be enrolled already; then the voice has to
sound like that. granted_by stores a consent. Fails like an enrollment: without a valid consent if the store
requires one, and, unless force, if this is too little speech, of several people, or of somebody else who is
enrolled. moves says from whom to whom labels changed, as keep_labels does. dry_run changes nothing.';

CREATE OR REPLACE FUNCTION pgvoice.accept_suggestion(
    number bigint, force boolean DEFAULT false, dry_run boolean DEFAULT false, expected text DEFAULT NULL
) RETURNS TABLE (
    act bigint, speaker text, voices bigint, left_out bigint, exemplars jsonb, moves jsonb
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    done jsonb;
BEGIN
    BEGIN
        PERFORM pgvoice_internal.hold_voices(ARRAY[number]);
        done := pgvoice_internal.name_as(
            'accept', number, pgvoice_internal.suggested_person(number, expected), '{}', force
        );
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        done := done - 'act';
    END;
    RETURN QUERY SELECT d.* FROM jsonb_to_record(done) AS d(
        act bigint, speaker text, voices bigint, left_out bigint, exemplars jsonb, moves jsonb
    );
END
$$;
COMMENT ON FUNCTION pgvoice.accept_suggestion IS
'Names an unknown voice as suggestions has it, like name_voice; as the person is enrolled, no new consent is
needed. With expected, only if that is who is suggested.';

CREATE OR REPLACE FUNCTION pgvoice_internal.reject_voice(number bigint, expected text) RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    speaker CONSTANT text := pgvoice_internal.suggested_person(number, expected);
    speaker_of CONSTANT bigint := (pgvoice_internal.speaker_ids(ARRAY[speaker]))[1];
    act CONSTANT bigint := pgvoice_internal.begin_act(
        'reject', format('voice %s', number), jsonb_build_object('speaker', speaker)
    );
    keys text[];
    voices bigint;
BEGIN
    SELECT array_agg(DISTINCT h.key), count(pgvoice_internal.keep_word(
        h.video_id, h.spans, false, speaker_of, NULL
    ))
    INTO keys, voices FROM pgvoice_internal.heard_in(ARRAY[number]) AS h
    WHERE h.spans IS NOT NULL;
    PERFORM pgvoice_internal.relink(keys);
    RETURN jsonb_build_object(
        'act', act, 'voice', number, 'speaker', speaker, 'voices', voices,
        'moves', pgvoice_internal.changed_labels(
            keys, pgvoice_internal.labelling_encoders(number), false
        )
    );
END
$$;
COMMENT ON FUNCTION pgvoice_internal.reject_voice IS
'Stores that the voices of an unknown voice that is held are not the person suggested, as one act.';

CREATE OR REPLACE FUNCTION pgvoice.reject_suggestion(
    number bigint, dry_run boolean DEFAULT false, expected text DEFAULT NULL
) RETURNS TABLE (act bigint, speaker text, voices bigint, moves jsonb)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    done jsonb;
BEGIN
    BEGIN
        PERFORM pgvoice_internal.hold_voices(ARRAY[number]);
        done := pgvoice_internal.reject_voice(number, expected);
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        done := done - 'act';
    END;
    RETURN QUERY SELECT d.* FROM jsonb_to_record(done)
        AS d(act bigint, speaker text, voices bigint, moves jsonb);
END
$$;
COMMENT ON FUNCTION pgvoice.reject_suggestion IS
'Says that an unknown voice is not the person whom suggestions names, as one act that can be undone. That person
is not suggested for it again, with any encoder. With expected, only if that is who is suggested. dry_run changes
nothing.';
