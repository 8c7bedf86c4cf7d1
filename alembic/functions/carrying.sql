-- Exemplars, given to another encoder: the same spans of the same people, with its own vectors.

CREATE OR REPLACE FUNCTION pgvoice_internal.stored_twins(exemplars bigint[], encoder integer)
RETURNS TABLE (exemplar bigint, embedding public.vector)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT e.id, s.embedding
    FROM unnest(exemplars) AS asked(id)
    JOIN pgvoice.enrollment AS e ON e.id = asked.id
    CROSS JOIN LATERAL (
        -- OFFSET: each is looked up by its key, however many rows the planner expects.
        SELECT o.embedding FROM pgvoice.video AS v
        JOIN pgvoice.segment_embedding AS o
            ON o.video_id = v.id AND o.start_ms = e.start_ms AND o.end_ms = e.end_ms
            AND o.encoder_id = encoder AND o.embedding IS NOT NULL
        WHERE e.end_ms > 0 AND (
            v.audio_sha256 = e.audio_sha256
            OR v.id = e.video_id AND e.audio_sha256 = 'video ' || v.id
        )
        ORDER BY v.id = e.video_id DESC NULLS LAST, v.id
        LIMIT 1 OFFSET 0
    ) AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.stored_twins(bigint[], integer) IS
'The stored vectors of an encoder for the spans of exemplars, from any recording with the same audio, or the
same one if its audio was not read at the time (see audio_of). A recording whose audio was replaced has none.';

CREATE OR REPLACE FUNCTION pgvoice_internal.twins_of(exemplars bigint[], encoder integer DEFAULT NULL)
RETURNS TABLE (exemplar bigint, twin bigint)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT e.id, t.id
    FROM unnest(exemplars) AS asked(id)
    JOIN pgvoice.enrollment AS e ON e.id = asked.id
    JOIN pgvoice.enrollment AS t
        ON t.speaker_id = e.speaker_id AND t.audio_sha256 = e.audio_sha256
        AND t.start_ms = e.start_ms AND t.end_ms = e.end_ms
        AND t.encoder_id <> e.encoder_id
    WHERE e.end_ms > 0 AND (twins_of.encoder IS NULL OR t.encoder_id = twins_of.encoder);
END;
COMMENT ON FUNCTION pgvoice_internal.twins_of(bigint[], integer) IS
'The exemplars of other encoders, or of one, that are the same span of the same person.';

CREATE OR REPLACE FUNCTION pgvoice_internal.judged_twins(
    exemplars bigint[], vectors public.vector[], encoder integer
) RETURNS TABLE (exemplar bigint, embedding public.vector, refused text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH given AS MATERIALIZED (
        SELECT e.id, e.speaker_id, e.video_id, e.audio_sha256, e.start_ms, e.end_ms, e.excluded,
               g.embedding
        FROM unnest(exemplars, vectors) AS g(id, embedding)
        JOIN pgvoice.enrollment AS e ON e.id = g.id AND e.encoder_id <> judged_twins.encoder
        WHERE NOT EXISTS (SELECT FROM pgvoice_internal.twins_of(ARRAY[e.id], judged_twins.encoder))
    ), person AS MATERIALIZED (
        SELECT DISTINCT g.speaker_id,
               pgvoice_internal.person_valid_until(g.speaker_id) > now() AS is_agreed
        FROM given AS g
    ), judged AS MATERIALIZED (
        SELECT g.id, g.speaker_id, g.excluded, g.embedding, CASE
                   WHEN NOT p.is_agreed THEN 'no consent'
                   WHEN o.is_erased AND pgvoice_internal.is_erased(
                       g.audio_sha256, g.video_id, g.start_ms, g.end_ms
                   ) THEN 'erased'
                   WHEN g.end_ms = 0 THEN 'no span'
                   WHEN g.embedding IS NULL THEN 'no vector'
                   WHEN o.is_opted_out
                       AND pgvoice_internal.has_voice_opted_out(g.embedding, judged_twins.encoder)
                   THEN 'opted out'
               END AS refused
        FROM given AS g JOIN person AS p USING (speaker_id)
        -- Asked once whether there is anything to ask for each.
        CROSS JOIN (
            SELECT EXISTS (SELECT FROM pgvoice.erased_span) AS is_erased,
                   EXISTS (SELECT FROM pgvoice.opt_out_voice) AS is_opted_out
        ) AS o
    ), mean AS MATERIALIZED (
        SELECT m.speaker_id, public.avg(m.embedding) AS embedding
        FROM (
            SELECT j.speaker_id, j.embedding FROM judged AS j WHERE j.refused IS NULL AND NOT j.excluded
            UNION ALL
            SELECT k.speaker_id, k.embedding FROM pgvoice.enrollment AS k
            WHERE k.encoder_id = judged_twins.encoder AND NOT k.excluded
              AND k.speaker_id IN (SELECT p.speaker_id FROM person AS p)
        ) AS m
        GROUP BY m.speaker_id
    )
    SELECT j.id, j.embedding, coalesce(j.refused, CASE
               WHEN public.vector_norm(m.embedding) < 1e-6 THEN 'no profile'
               WHEN pgvoice_internal.has_voice_opted_out(
                   public.l2_normalize(m.embedding), judged_twins.encoder
               ) THEN 'opted out'
           END)
    FROM judged AS j LEFT JOIN mean AS m USING (speaker_id)
$$;
COMMENT ON FUNCTION pgvoice_internal.judged_twins(bigint[], public.vector[], integer) IS
'Of exemplars that an encoder has no twins of, given with its vectors or NULL: why one cannot be stored, or
NULL if it can. "no profile": the vectors of the person would cancel each other out.';

CREATE OR REPLACE FUNCTION pgvoice_internal.lacking_twins(source integer, target integer)
RETURNS TABLE (exemplar bigint, embedding public.vector, refused text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT j.*
    FROM (
        SELECT array_agg(e.id ORDER BY e.id) AS ids FROM pgvoice.enrollment AS e
        WHERE e.encoder_id = lacking_twins.source
    ) AS every
    CROSS JOIN LATERAL (
        SELECT array_agg(a.id ORDER BY a.place) AS ids,
               array_agg(s.embedding ORDER BY a.place) AS embeddings
        FROM unnest(every.ids) WITH ORDINALITY AS a(id, place)
        LEFT JOIN pgvoice_internal.stored_twins(every.ids, target) AS s ON s.exemplar = a.id
    ) AS found
    CROSS JOIN LATERAL pgvoice_internal.judged_twins(found.ids, found.embeddings, target) AS j
$$;
COMMENT ON FUNCTION pgvoice_internal.lacking_twins(integer, integer) IS
'The exemplars of one encoder that another one lacks, with its stored vectors, and why one cannot be carried
over: see judged_twins.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_twins(
    exemplars bigint[], vectors public.vector[], encoder integer
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    kept bigint;
    people bigint[];
BEGIN
    WITH added AS (
        INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms,
            end_ms, audio_sha256, video_id, source, quality, excluded, created_at)
        SELECT e.speaker_id, keep_twins.encoder, public.vector_dims(g.embedding), g.embedding,
               e.start_ms, e.end_ms, e.audio_sha256, e.video_id, e.source, e.quality, e.excluded,
               e.created_at
        FROM unnest(exemplars, vectors) AS g(id, embedding)
        JOIN pgvoice.enrollment AS e ON e.id = g.id
        ORDER BY e.id
        ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING
        RETURNING speaker_id
    )
    SELECT count(*), array_agg(DISTINCT a.speaker_id) INTO kept, people FROM added AS a;
    PERFORM pgvoice_internal.refresh_profile(person, encoder)
    FROM unnest(people) AS person ORDER BY person;
    RETURN kept;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_twins(bigint[], public.vector[], integer) IS
'Stores exemplars with an encoder''s own vectors of them, and computes the profiles; returns how many are new.';

CREATE OR REPLACE FUNCTION pgvoice_internal.add_twins(
    exemplars bigint[], vectors public.vector[], encoder integer, details jsonb
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    fitting bigint[];
    embeddings public.vector[];
BEGIN
    PERFORM FROM pgvoice.lock AS l WHERE l.name = 'enrollment' FOR UPDATE;
    PERFORM FROM pgvoice.speaker AS s
    WHERE s.id IN (SELECT e.speaker_id FROM pgvoice.enrollment AS e WHERE e.id = ANY (exemplars))
    ORDER BY s.id FOR NO KEY UPDATE;
    SELECT array_agg(j.exemplar), array_agg(j.embedding) INTO fitting, embeddings
    FROM pgvoice_internal.judged_twins(exemplars, vectors, encoder) AS j WHERE j.refused IS NULL;
    IF fitting IS NULL THEN
        RETURN 0;
    END IF;
    -- Before they are stored, so that none of them counts as enrolled: see audit_enrolled.
    PERFORM pgvoice_internal.note('carry over', e.label, details || jsonb_build_object(
        'exemplars', cardinality(fitting)
    )) FROM pgvoice.encoder AS e WHERE e.id = encoder;
    RETURN pgvoice_internal.keep_twins(fitting, embeddings, encoder);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.add_twins(bigint[], public.vector[], integer, jsonb) IS
'Stores exemplars with an encoder''s vectors of them, as one event of the audit trail; leaves out those that
may not be stored, or that it has. Returns how many are new.';

CREATE OR REPLACE FUNCTION pgvoice.carry_over(
    source integer, target integer, OUT exemplars bigint, OUT voices bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    ids bigint[];
    embeddings public.vector[];
BEGIN
    PERFORM pgvoice_internal.require_encoder(source), pgvoice_internal.require_encoder(target);
    PERFORM FROM pgvoice.lock AS l WHERE l.name = 'enrollment' FOR UPDATE;
    SELECT array_agg(k.exemplar), array_agg(k.embedding) INTO ids, embeddings
    FROM pgvoice_internal.lacking_twins(source, target) AS k WHERE k.refused IS NULL;
    exemplars := pgvoice_internal.add_twins(ids, embeddings, target, (
        SELECT jsonb_build_object('from', e.label) FROM pgvoice.encoder AS e WHERE e.id = carry_over.source
    ));
    voices := pgvoice_internal.carry_voices(source, target);
END
$$;
COMMENT ON FUNCTION pgvoice.carry_over(integer, integer) IS
'Gives an encoder what people said with another one, and returns how much is new: the exemplars whose span has
a stored vector of it, with their profiles, and the voices that belong to unknown voices. Enrolls nobody: it
needs no new consent and is no act. Leaves out what may not be stored, such as exemplars of people whose
consent ended. Safe to repeat.';

-- An encoder gets no voices of opted-out people from another one: that would make a voiceprint of somebody
-- who was erased and asked for the contrary.
CREATE OR REPLACE FUNCTION pgvoice.unrecognised_opt_outs(
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS bigint
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(unrecognised_opt_outs.encoder);
    SELECT count(DISTINCT o.opt_out_id) FROM pgvoice.opt_out_voice AS o
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.opt_out_voice AS k
        WHERE k.opt_out_id = o.opt_out_id AND k.encoder_id = unrecognised_opt_outs.encoder
    )
$$;
COMMENT ON FUNCTION pgvoice.unrecognised_opt_outs(integer) IS
'How many people opted out by their voice whom this encoder cannot recognise, because only others heard them.
Their names and their erased speech are refused with every encoder.';
