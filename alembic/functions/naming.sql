-- What a person says about unknown voices: their names, and which of them are the same.

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

CREATE OR REPLACE FUNCTION pgvoice_internal.hold_linking() RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT FROM pgvoice.setting FOR NO KEY UPDATE
$$;
COMMENT ON FUNCTION pgvoice_internal.hold_linking() IS
'Waits until nobody else links voices, and keeps others waiting until commit.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_segments(video bigint, label text, encoder integer)
RETURNS TABLE (start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT g.start_ms, g.end_ms
    FROM pgvoice.voice AS v CROSS JOIN LATERAL unnest(v.starts_ms, v.ends_ms) AS g(start_ms, end_ms)
    WHERE v.video_id = voice_segments.video AND v.label = voice_segments.label
      AND v.encoder_id = encoder AND v.starts_ms IS NOT NULL
    UNION
    SELECT c.start_ms, c.end_ms
    FROM pgvoice_internal.clean_segments(voice_segments.video, encoder) AS c
    WHERE c.label = voice_segments.label
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_segments(bigint, text, integer) IS
'The clean segments that a voice is made of.';

-- At most 10 s, as the diarizer may have missed somebody in a longer one, and at least 2 s, the least that
-- an enrollment needs: see MIN_SPEECH_SECONDS in store/people/enrollments.py.
CREATE OR REPLACE FUNCTION pgvoice_internal.typical_segments(number bigint, encoder integer)
RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer, similarity double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH mean AS MATERIALIZED (
        SELECT m.embedding FROM pgvoice.unknown_voice_mean AS m
        WHERE m.unknown_voice_id = number AND m.encoder_id = encoder
    ), member AS MATERIALIZED (
        SELECT v.video_id, v.label
        FROM mean AS m
        CROSS JOIN pgvoice.linked_voice AS l
        JOIN pgvoice.voice AS v
            ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
        WHERE l.unknown_voice_id = number AND l.encoder_id = encoder
        ORDER BY m.embedding OPERATOR(public.<#>) v.embedding, v.video_id, v.label
        LIMIT 30
    ), segment AS MATERIALIZED (
        SELECT m.video_id, s.start_ms, s.end_ms, c.end_ms - c.start_ms BETWEEN 2000 AND 10000 AS handy,
               -(s.embedding OPERATOR(public.<#>) mean.embedding) AS similarity
        FROM mean
        CROSS JOIN member AS m
        CROSS JOIN LATERAL pgvoice_internal.voice_segments(m.video_id, m.label, encoder) AS c
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = m.video_id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
            AND s.encoder_id = encoder
        WHERE s.status = 'ok'
    ), fitting AS (
        SELECT s.*, row_number() OVER (
                   PARTITION BY s.video_id ORDER BY s.handy DESC, s.similarity DESC, s.start_ms
               ) AS place
        FROM segment AS s
        WHERE s.similarity >= least(
            pgvoice_internal.one_person(encoder), (SELECT max(o.similarity) FROM segment AS o)
        )
    ), best AS MATERIALIZED (
        SELECT f.* FROM fitting AS f WHERE f.place <= 8
    ), blended AS MATERIALIZED (
        SELECT g.video_id, b.start_ms, b.end_ms
        FROM (
            SELECT f.video_id, array_agg(f.start_ms ORDER BY f.place) AS starts_ms,
                   array_agg(f.end_ms ORDER BY f.place) AS ends_ms
            FROM best AS f GROUP BY f.video_id
        ) AS g
        JOIN pgvoice.video AS v ON v.id = g.video_id
        CROSS JOIN LATERAL pgvoice_internal.blended_segments(
            v.key, g.starts_ms, g.ends_ms, encoder
        ) AS b
    ), spread AS (
        SELECT f.*, row_number() OVER (PARTITION BY f.video_id ORDER BY f.place) AS turn
        FROM best AS f
        WHERE NOT EXISTS (
            SELECT FROM blended AS b
            WHERE b.video_id = f.video_id AND b.start_ms = f.start_ms AND b.end_ms = f.end_ms
        )
    ), queued AS (
        SELECT s.*, row_number() OVER first_of_each AS place_of_all,
               sum(s.end_ms - s.start_ms) OVER first_of_each - (s.end_ms - s.start_ms) AS before_ms,
               s.turn > CASE WHEN (SELECT count(DISTINCT o.video_id) FROM spread AS o) = 1 THEN 5
                             ELSE 3 END AS is_late
        FROM spread AS s
        WINDOW first_of_each AS (
            ORDER BY NOT s.handy, s.turn, s.similarity DESC, s.video_id, s.start_ms
        )
    )
    SELECT q.video_id, q.start_ms, q.end_ms, q.similarity
    FROM queued AS q
    WHERE (q.place_of_all <= 5 AND NOT q.is_late) OR (q.place_of_all <= 8 AND q.before_ms < 2000)
    ORDER BY q.place_of_all
$$;
COMMENT ON FUNCTION pgvoice_internal.typical_segments(bigint, integer) IS
'The segments to enroll an unknown voice with: clean ones of one person, most similar to its mean, of 2 to
10 s if there are such, from as many recordings as possible, at most three of one unless there is only one.
Five of them, or up to eight until they are 2 s together.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_one_person(
    speaker bigint, encoder integer, number bigint
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    named CONSTANT text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = speaker);
    likeness double precision;
    needed CONSTANT double precision := pgvoice_internal.one_person(encoder);
    seconds CONSTANT double precision := pgvoice.exemplar_seconds(speaker, encoder);
    other record;
BEGIN
    IF seconds < 2 AND NOT EXISTS (
        -- Exemplars that were imported without their audio have no length.
        SELECT FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND e.end_ms = 0
    ) THEN
        RAISE EXCEPTION 'voice % has too little clear speech to enroll %: % s, and 2 s are needed', number,
            quote_literal(named), round(seconds::numeric, 1)
            USING ERRCODE = 'PV009', DETAIL = round(seconds::numeric, 1), HINT = 'Wait until more is heard, or pass force => true.';
    END IF;
    likeness := (pgvoice_internal.coherence(speaker, encoder)).similarity;
    IF likeness < needed THEN
        RAISE EXCEPTION 'the speech of % would be of several people: two groups of it have a similarity of '
            '%, and % is needed', quote_literal(named), pgvoice.shown(likeness, false),
            pgvoice.shown(needed, false)
            USING ERRCODE = 'PV006', HINT = 'Listen to it, part the voices, or pass force => true.';
    END IF;
    SELECT x.other INTO other FROM pgvoice_internal.shared_exemplars(speaker) AS x LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is enrolled with the same audio as %', quote_literal(other.other),
            quote_literal(named)
            USING ERRCODE = 'PV008', DETAIL = other.other,
                  HINT = 'Name the voice like that, or pass force => true.';
    END IF;
    SELECT d.other, d.similarity INTO other
    FROM pgvoice_internal.near_duplicates(speaker, encoder) AS d LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'voice % sounds like %, who is enrolled (similarity %, and different people stay '
            'below %)', number, quote_literal(other.other), pgvoice.shown(other.similarity, false),
            pgvoice.shown(pgvoice_internal.duplicate_limit(encoder), false)
            USING ERRCODE = 'PV007', DETAIL = other.other,
                  HINT = 'Name the voice like that, or pass force => true.';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_one_person(bigint, integer, bigint) IS
'Fails if what somebody is enrolled with since an unknown voice was added is too little, of several people,
or of somebody else who is enrolled.';

CREATE OR REPLACE FUNCTION pgvoice_internal.enroll_voice(
    number bigint, speaker bigint, encoder integer, force boolean
) RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    named CONSTANT text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = speaker);
    likeness CONSTANT double precision := (
        SELECT -(p.embedding OPERATOR(public.<#>) m.embedding)
        FROM pgvoice.profile AS p
        JOIN pgvoice.unknown_voice_mean AS m ON m.encoder_id = p.encoder_id
        WHERE p.speaker_id = speaker AND p.encoder_id = encoder AND m.unknown_voice_id = number
    );
    needed CONSTANT double precision := pgvoice_internal.one_person(encoder);
    suggested CONSTANT double precision := (
        SELECT s.threshold
        FROM pgvoice_internal.suggested_at(encoder, ARRAY[number], ARRAY[speaker]) AS s
    );
BEGIN
    IF likeness < needed AND NOT force THEN
        IF likeness < suggested THEN
            RAISE EXCEPTION 'voice % does not sound like % (similarity %, and % is needed)', number,
                quote_literal(named), pgvoice.shown(likeness, false),
                pgvoice.shown(least(needed, suggested), false)
                USING ERRCODE = 'PV011', HINT = 'Listen to it; if it is the same person, pass force => true.';
        END IF;
        -- Near enough to be the same person, but not to make one profile.
        RETURN;
    END IF;
    RETURN QUERY
    INSERT INTO pgvoice.enrollment AS e (speaker_id, encoder_id, dimension, embedding, start_ms, end_ms,
        audio_sha256, video_id, source)
    SELECT speaker, s.encoder_id, s.dimension, s.embedding, s.start_ms, s.end_ms, v.audio_sha256, v.id,
           v.key
    FROM pgvoice_internal.typical_segments(number, encoder) AS t
    JOIN pgvoice.video AS v ON v.id = t.video_id
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = t.video_id AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
        AND s.encoder_id = encoder
    ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING
    RETURNING e.video_id, e.start_ms, e.end_ms;
    PERFORM pgvoice_internal.refresh_profile(speaker, encoder);
    IF force THEN
        PERFORM pgvoice_internal.note('skip checks', named, jsonb_build_object(
            'encoder', e.label, 'voice', number
        )) FROM pgvoice.encoder AS e WHERE e.id = encoder;
    ELSE
        PERFORM pgvoice_internal.require_one_person(speaker, encoder, number);
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.enroll_voice(bigint, bigint, integer, boolean) IS
'Enrolls somebody with the typical segments of an unknown voice, and returns those that are new. If the
person is enrolled already, the voice has to sound like that; if only as much as a suggestion does,
nothing is enrolled. Fails as require_one_person does unless force.';

CREATE OR REPLACE FUNCTION pgvoice_internal.fitting_voices(
    number bigint, speaker bigint, encoder integer
) RETURNS TABLE (video_id bigint, label text, fits boolean)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(encoder, NULL, NULL) AS r
    ), core AS MATERIALIZED (
        SELECT public.l2_normalize(public.sum(s.embedding)) AS embedding
        FROM pgvoice_internal.typical_segments(number, encoder) AS t
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = t.video_id AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
            AND s.encoder_id = encoder
    ), member AS MATERIALIZED (
        SELECT v.video_id, v.label, v.clean_ms, greatest(
                   -(p.embedding OPERATOR(public.<#>) v.embedding),
                   -(core.embedding OPERATOR(public.<#>) v.embedding)
               ) AS similarity
        FROM pgvoice.linked_voice AS l
        JOIN pgvoice.voice AS v
            ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
        CROSS JOIN core
        LEFT JOIN pgvoice.profile AS p
            ON p.speaker_id = fitting_voices.speaker AND p.encoder_id = l.encoder_id
        WHERE l.unknown_voice_id = number AND l.encoder_id = encoder
    ), impostors AS MATERIALIZED (
        SELECT i.* FROM rule AS r
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(
            encoder, ARRAY(SELECT DISTINCT m.video_id FROM member AS m),
            ARRAY(SELECT fitting_voices.speaker FROM (SELECT DISTINCT m.video_id FROM member AS m) AS d)
        ) AS i
        WHERE r.by_library
    ), said AS (
        SELECT DISTINCT ON (w.video_id, w.label) w.video_id, w.label, w.holds
        FROM pgvoice_internal.voice_words(ARRAY(SELECT m.video_id FROM member AS m), encoder) AS w
        WHERE w.unknown_voice_id = number OR w.speaker_id = fitting_voices.speaker
        ORDER BY w.video_id, w.label, w.verdict_id DESC
    )
    SELECT m.video_id, m.label, coalesce(
        s.holds,
        m.similarity >= pgvoice_internal.threshold_at(
            r.suggested_above, r.band_ms, m.clean_ms, coalesce(i.mean, r.usual_mean),
            coalesce(i.comparisons, 0), r.lowest
        ),
        false
    )
    FROM member AS m
    CROSS JOIN rule AS r
    LEFT JOIN impostors AS i ON i.video_id = m.video_id
    LEFT JOIN said AS s ON s.video_id = m.video_id AND s.label = m.label
$$;
COMMENT ON FUNCTION pgvoice_internal.fitting_voices(bigint, bigint, integer) IS
'The voices of an unknown voice, and whether each is somebody: if a person said so; else if it is as similar
as a suggestion has to be, to the profile or to the mean of the typical segments.';

CREATE OR REPLACE FUNCTION pgvoice_internal.changed_labels(keys text[], encoders integer[], everywhere boolean)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
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
            SELECT coalesce(jsonb_agg(k), '[]') FROM pgvoice.keep_labels(
                CASE WHEN NOT everywhere THEN keys END, each, only_labelled => true
            ) AS k WHERE k.outcome = 'changed'
        );
        IF unlabelled <> '{}' THEN
            moved := moved || (
                SELECT coalesce(jsonb_agg(k), '[]') FROM pgvoice.keep_labels(unlabelled, each) AS k
                WHERE k.outcome = 'changed'
            );
        END IF;
    END LOOP;
    RETURN (
        SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.segments DESC, m.seconds DESC), '[]')
        FROM (
            SELECT k.from_speaker, k.from_reason, k.to_speaker, k.to_reason, sum(k.segments) AS segments,
                   sum(k.seconds) AS seconds, sum(k.video_count) AS video_count, (
                       SELECT jsonb_agg(video) FROM (
                           SELECT o.video FROM jsonb_array_elements(jsonb_agg(k.longest_videos))
                               AS listed(videos), jsonb_array_elements_text(listed.videos) AS o(video)
                           LIMIT 20
                       ) AS first
                   ) AS videos
            FROM jsonb_to_recordset(moved) AS k(
                from_speaker text, from_reason text, to_speaker text, to_reason text, segments bigint,
                seconds double precision, video_count bigint, longest_videos jsonb
            )
            GROUP BY k.from_speaker, k.from_reason, k.to_speaker, k.to_reason
        ) AS m
    );
END
$$;
COMMENT ON FUNCTION pgvoice_internal.changed_labels(text[], integer[], boolean) IS
'Labels these videos again that are labelled; if everywhere, also the others of them, and whatever is labelled
in the library. Returns from whom to whom labels changed, as keep_labels does.';

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

CREATE OR REPLACE FUNCTION pgvoice_internal.heard_in(numbers bigint[])
RETURNS TABLE (video_id bigint, key text, label text, spans int4multirange)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT m.video_id, v.key, m.label, pgvoice_internal.voice_spans(m.video_id, m.label)
    FROM (
        SELECT DISTINCT l.video_id, l.label FROM pgvoice.linked_voice AS l
        WHERE l.unknown_voice_id = ANY (numbers)
    ) AS m
    JOIN pgvoice.video AS v ON v.id = m.video_id
    ORDER BY v.key, m.label
$$;
COMMENT ON FUNCTION pgvoice_internal.heard_in(bigint[]) IS
'The voices of unknown voices, whatever the encoder, and when they speak.';

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
        SELECT h.video_id, h.spans, f.fits
        FROM pgvoice_internal.heard_in(ARRAY[number]) AS h
        LEFT JOIN (
            SELECT x.video_id, x.label, bool_or(x.fits) AS fits
            FROM unnest(encoders) AS e(id)
            CROSS JOIN LATERAL pgvoice_internal.fitting_voices(number, speaker, e.id) AS x
            GROUP BY x.video_id, x.label
        ) AS f ON f.video_id = h.video_id AND f.label = h.label
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
        GROUP BY l.encoder_id ORDER BY count(*) DESC, l.encoder_id
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
        -- Others than the encoder that heard most of it are enrolled if they heard enough.
        IF each = heard_by[1] OR 2000 <= (
            SELECT sum(t.end_ms - t.start_ms) FROM pgvoice_internal.typical_segments(number, each) AS t
        ) THEN
            exemplars := exemplars || (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'video', v.key, 'source', v.source, 'start_s', e.start_ms / 1000::double precision,
                    'end_s', e.end_ms / 1000::double precision
                ) ORDER BY v.key, e.start_ms), '[]')
                FROM pgvoice_internal.enroll_voice(number, speaker_of, each, force) AS e
                JOIN pgvoice.video AS v ON v.id = e.video_id
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
        'left_out', kept.left_out, 'exemplars', exemplars,
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

CREATE OR REPLACE FUNCTION pgvoice_internal.suggested_person(number bigint) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    found CONSTANT text := (
        SELECT s.name FROM pgvoice_internal.known_voices(NULL, ARRAY[number]) AS k
        JOIN pgvoice.speaker AS s ON s.id = k.speaker_id
        WHERE k.suggested
    );
BEGIN
    IF found IS NULL THEN
        RAISE EXCEPTION 'nobody is suggested for voice %', number
            USING ERRCODE = 'PV010', HINT = 'pgvoice.suggestions lists them; pgvoice.name_voice names a voice.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.suggested_person(bigint) IS
'Who is suggested for an unknown voice; fails if nobody is.';

CREATE OR REPLACE FUNCTION pgvoice.accept_suggestion(
    number bigint, force boolean DEFAULT false, dry_run boolean DEFAULT false
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
            'accept', number, pgvoice_internal.suggested_person(number), '{}', force
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
needed.';

CREATE OR REPLACE FUNCTION pgvoice_internal.reject_voice(number bigint) RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    speaker CONSTANT text := pgvoice_internal.suggested_person(number);
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
COMMENT ON FUNCTION pgvoice_internal.reject_voice(bigint) IS
'Stores that the voices of an unknown voice that is held are not the person suggested, as one act.';

CREATE OR REPLACE FUNCTION pgvoice.reject_suggestion(number bigint, dry_run boolean DEFAULT false)
RETURNS TABLE (act bigint, speaker text, voices bigint, moves jsonb)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    done jsonb;
BEGIN
    BEGIN
        PERFORM pgvoice_internal.hold_voices(ARRAY[number]);
        done := pgvoice_internal.reject_voice(number);
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
is not suggested for it again, with any encoder. dry_run changes nothing.';

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

CREATE OR REPLACE FUNCTION pgvoice_internal.merge_voices(numbers bigint[]) RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    kept CONSTANT bigint := (SELECT min(n) FROM unnest(numbers) AS n);
    others CONSTANT bigint[] := ARRAY(SELECT DISTINCT n FROM unnest(numbers) AS n WHERE n > kept ORDER BY n);
    act CONSTANT bigint := pgvoice_internal.begin_act(
        'same', format('voices %s', array_to_string(kept || others, ', ')),
        jsonb_build_object('voice', kept)
    );
    keys text[];
    voices bigint;
BEGIN
    SELECT array_agg(DISTINCT h.key), count(pgvoice_internal.keep_word(
        h.video_id, h.spans, true, NULL, kept
    ))
    INTO keys, voices FROM pgvoice_internal.heard_in(numbers) AS h
    WHERE h.spans IS NOT NULL;
    UPDATE pgvoice.unknown_voice AS u SET heard_at = (
        SELECT max(o.heard_at) FROM pgvoice.unknown_voice AS o WHERE o.id = ANY (numbers)
    ) WHERE u.id = kept;
    UPDATE pgvoice.unknown_voice AS u SET ended_at = now(), ended_as = 'merged', merged_into = kept
    WHERE u.id = ANY (others);
    UPDATE pgvoice.linked_voice AS l SET unknown_voice_id = kept WHERE l.unknown_voice_id = ANY (others);
    PERFORM pgvoice_internal.relink(keys);
    RETURN jsonb_build_object('act', act, 'voice', kept, 'voices', voices);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.merge_voices(bigint[]) IS
'Makes several unknown voices that are held one, as one act.';

CREATE OR REPLACE FUNCTION pgvoice.join_voices(numbers bigint[], dry_run boolean DEFAULT false)
RETURNS TABLE (act bigint, number bigint, voices bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    done jsonb;
BEGIN
    IF (SELECT count(DISTINCT n) FROM unnest(numbers) AS n) < 2 THEN
        RAISE EXCEPTION 'only one unknown voice is given'
            USING HINT = 'Give two or more that are the same person.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    BEGIN
        PERFORM pgvoice_internal.hold_voices(numbers);
        done := pgvoice_internal.merge_voices(numbers);
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        done := done - 'act';
    END;
    RETURN QUERY SELECT d.* FROM jsonb_to_record(done) AS d(act bigint, voice bigint, voices bigint);
END
$$;
COMMENT ON FUNCTION pgvoice.join_voices IS
'Says that several unknown voices are one person, as one act that can be undone. The oldest one is left, and
its number is returned; the others are merged into it. dry_run changes nothing.';

CREATE OR REPLACE FUNCTION pgvoice_internal.split_voice(number bigint, video bigint) RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    key_of CONSTANT text := (SELECT v.key FROM pgvoice.video AS v WHERE v.id = split_voice.video);
    act bigint;
    keys text[];
    parted bigint;
BEGIN
    IF (SELECT count(*) FILTER (WHERE h.video_id = split_voice.video) NOT BETWEEN 1 AND count(*) - 1
        FROM pgvoice_internal.heard_in(ARRAY[number]) AS h) THEN
        RAISE EXCEPTION 'voice % is % heard in %', number, CASE WHEN EXISTS (
            SELECT FROM pgvoice.linked_voice AS l
            WHERE l.unknown_voice_id = number AND l.video_id = split_voice.video
        ) THEN 'only' ELSE 'not' END, quote_literal(key_of)
            USING HINT = 'pgvoice.voice_appearances lists where it is heard.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    act := pgvoice_internal.begin_act(
        'different', format('voice %s', number), jsonb_build_object('video', key_of)
    );
    SELECT array_agg(DISTINCT h.key), count(*) FILTER (WHERE pgvoice_internal.keep_word(
        h.video_id, h.spans, h.video_id <> split_voice.video, NULL, number
    ) IS NOT NULL AND h.video_id = split_voice.video)
    INTO keys, parted FROM pgvoice_internal.heard_in(ARRAY[number]) AS h
    WHERE h.spans IS NOT NULL;
    DELETE FROM pgvoice.linked_voice AS l
    WHERE l.unknown_voice_id = number AND l.video_id = split_voice.video;
    PERFORM pgvoice_internal.relink(keys);
    RETURN jsonb_build_object('act', act, 'voice', number, 'voices', parted);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.split_voice(bigint, bigint) IS
'Takes the voices of a video out of an unknown voice that is held, as one act.';

CREATE OR REPLACE FUNCTION pgvoice.part_voice(number bigint, video text, dry_run boolean DEFAULT false)
RETURNS TABLE (act bigint, voices bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[video]))[1];
    done jsonb;
BEGIN
    BEGIN
        PERFORM pgvoice_internal.hold_voices(ARRAY[number]);
        done := pgvoice_internal.split_voice(number, video_of);
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        done := done - 'act';
    END;
    RETURN QUERY SELECT d.* FROM jsonb_to_record(done) AS d(act bigint, voices bigint);
END
$$;
COMMENT ON FUNCTION pgvoice.part_voice IS
'Says that the voices in a video are somebody else than the unknown voice in other videos, as one act that can
be undone. They are linked anew, and never with it. voices is how many. dry_run changes nothing.';

CREATE OR REPLACE FUNCTION pgvoice_internal.relink(keys text[]) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.link_voices(keys, e.id) FROM pgvoice.encoder AS e ORDER BY e.id
$$;
COMMENT ON FUNCTION pgvoice_internal.relink(text[]) IS
'Links voices of these videos again, as a person''s word about them changed.';

CREATE OR REPLACE FUNCTION pgvoice.set_linking(
    enabled boolean, rate double precision DEFAULT NULL, days integer DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    deleted bigint := 0;
BEGIN
    IF (rate > 0 AND rate <= 0.1) IS FALSE THEN
        RAISE EXCEPTION 'the rate of false links is %, but must be above 0 and at most 0.1', rate
            USING HINT = 'Give a share such as 0.01.', ERRCODE = 'invalid_parameter_value';
    END IF;
    IF days <= 0 THEN
        RAISE EXCEPTION 'unknown voices would expire after % days', days
            USING HINT = 'Give a number of days from 1 on.', ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT enabled THEN
        SELECT count(*) INTO deleted FROM pgvoice.unknown_voice;
    END IF;
    -- Triggers delete them, and note it.
    UPDATE pgvoice.setting
    SET linking = enabled, false_link_rate = coalesce(rate, false_link_rate),
        unknown_voice_days = coalesce(days, unknown_voice_days);
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION pgvoice.set_linking IS
'Sets whether voices that match nobody who is enrolled are linked across recordings, which share of voices may
be linked with somebody else''s, and after how many days without a new voice an unknown voice expires; NULL
leaves what is set. If they are not to be linked any more, deletes all unknown voices, their links and means,
and what a person said about them; returns how many.';
