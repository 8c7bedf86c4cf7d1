-- How well people are enrolled, and what an enrollment is checked for.

CREATE OR REPLACE FUNCTION pgvoice_internal.coherence(
    speaker bigint, encoder integer, OUT similarity double precision, OUT apart bigint[]
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    first public.vector;
    second public.vector;
    of_first bigint[];
    of_second bigint[];
    before bigint[];
BEGIN
    SELECT a.embedding, b.embedding INTO first, second
    FROM pgvoice.enrollment AS a
    JOIN pgvoice.enrollment AS b
        ON b.speaker_id = a.speaker_id AND b.encoder_id = a.encoder_id AND a.id < b.id
    WHERE a.speaker_id = speaker AND a.encoder_id = encoder AND NOT a.excluded AND NOT b.excluded
    ORDER BY a.embedding OPERATOR(public.<#>) b.embedding DESC, a.id, b.id
    LIMIT 1;
    FOR turn IN 1..10 LOOP
        SELECT array_agg(e.id) FILTER (WHERE e.near_first),
               array_agg(e.id) FILTER (WHERE NOT e.near_first),
               public.l2_normalize(public.sum(e.embedding ORDER BY e.id) FILTER (WHERE e.near_first)),
               public.l2_normalize(public.sum(e.embedding ORDER BY e.id) FILTER (WHERE NOT e.near_first))
        INTO of_first, of_second, first, second
        FROM (
            SELECT x.id, x.embedding,
                   x.embedding OPERATOR(public.<#>) first <= x.embedding OPERATOR(public.<#>) second AS near_first
            FROM pgvoice.enrollment AS x
            WHERE x.speaker_id = speaker AND x.encoder_id = encoder AND NOT x.excluded
            ORDER BY x.id
        ) AS e;
        EXIT WHEN of_second IS NULL OR of_first IS NULL OR of_second = before;
        before := of_second;
    END LOOP;
    similarity := coalesce(pgvoice.similarity(-(first OPERATOR(public.<#>) second)), 1);
    apart := CASE
        WHEN of_first IS NULL OR of_second IS NULL THEN '{}'
        WHEN (cardinality(of_first), -of_first[cardinality(of_first)])
             < (cardinality(of_second), -of_second[cardinality(of_second)]) THEN of_first
        ELSE of_second
    END;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.coherence(bigint, integer) IS
'Splits a speaker''s exemplars into the two groups that differ most (2-means, starting from the two
least similar exemplars). Returns how similar the means of the groups are, and the exemplars of the
smaller group. Below the threshold (see one_person) the groups do not count as one person.
CAM++ on LibriSpeech, 3 s windows: 687 sets of 1 to 4 files of one person give .42 or more, 16,000
mixtures of two people at most .41.';

CREATE OR REPLACE FUNCTION pgvoice_internal.duplicate_limit(encoder integer) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT least.threshold + (1 - least.threshold) / 4
    FROM (SELECT pgvoice_internal.one_person(encoder)) AS least(threshold)
$$;
COMMENT ON FUNCTION pgvoice_internal.duplicate_limit(integer) IS
'The similarity from which on two profiles count as one person: a quarter of the way from the
threshold (see one_person) to 1. CAM++ (.55) on LibriSpeech: profiles of one file of two people
reach .42, of one person''s files 1 % are under .54; of four files each, .85 or more.';

CREATE OR REPLACE FUNCTION pgvoice_internal.near_duplicates(speaker bigint, encoder integer)
RETURNS TABLE (other text, similarity double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT named.name, pgvoice.similarity(-(p.embedding OPERATOR(public.<#>) mine.embedding))
    FROM pgvoice.profile AS mine
    JOIN pgvoice.valid_profile AS p
        ON p.encoder_id = mine.encoder_id AND p.speaker_id <> mine.speaker_id
    JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
    WHERE mine.speaker_id = speaker AND mine.encoder_id = encoder
      AND -(p.embedding OPERATOR(public.<#>) mine.embedding) >= pgvoice_internal.duplicate_limit(encoder)
    ORDER BY p.embedding OPERATOR(public.<#>) mine.embedding, named.name
$$;
COMMENT ON FUNCTION pgvoice_internal.near_duplicates(bigint, integer) IS
'The people whose profile is so similar to this one that they may be the same person.';

CREATE OR REPLACE FUNCTION pgvoice_internal.resembled(
    voice public.vector, encoder integer, audio text, besides text
) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH known AS (
        SELECT named.name AS who, p.embedding
        FROM pgvoice.valid_profile AS p JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
        WHERE p.encoder_id = encoder AND named.name <> besides
        UNION ALL
        SELECT format('%s of %s', t.label, quote_literal(v.key)),
               public.l2_normalize(public.sum(s.embedding ORDER BY s.start_ms, s.end_ms))
        FROM pgvoice.video AS v
        JOIN pgvoice.turn AS t ON t.video_id = v.id AND t.label IS NOT NULL
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = v.id AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
            AND s.encoder_id = encoder AND s.embedding IS NOT NULL
        WHERE v.audio_sha256 = audio
        GROUP BY v.key, t.label
    )
    SELECT k.who FROM known AS k
    WHERE -(k.embedding OPERATOR(public.<#>) voice) >= pgvoice_internal.least_required(encoder, NULL)
    ORDER BY k.embedding OPERATOR(public.<#>) voice, k.who
    LIMIT 1
$$;
COMMENT ON FUNCTION pgvoice_internal.resembled(public.vector, integer, text, text) IS
'Whom a voice that is not enrolled sounds like: the most similar enrolled person, besides one, or label
in the stored turns of the recording with this audio. NULL if none reaches the threshold (see
least_required).';

CREATE OR REPLACE FUNCTION pgvoice_internal.exemplars_resemble(
    exemplars bigint[], speaker bigint, encoder integer
) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.resembled(
        public.l2_normalize(public.sum(e.embedding ORDER BY e.id)), encoder, min(e.audio_sha256),
        (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = exemplars_resemble.speaker)
    )
    FROM pgvoice.enrollment AS e
    WHERE e.id = ANY (exemplars)
$$;
COMMENT ON FUNCTION pgvoice_internal.exemplars_resemble(bigint[], bigint, integer) IS
'Whom some of a speaker''s exemplars together sound like: see resembled.';

CREATE OR REPLACE FUNCTION pgvoice_internal.shared_exemplars(speaker bigint) RETURNS TABLE (
    other text,
    source text,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT DISTINCT named.name, mine.source, mine.start_ms, mine.end_ms
    FROM pgvoice.enrollment AS mine
    JOIN pgvoice.enrollment AS theirs
        ON theirs.audio_sha256 = mine.audio_sha256 AND theirs.speaker_id <> mine.speaker_id
    JOIN pgvoice.speaker AS named ON named.id = theirs.speaker_id
    WHERE mine.speaker_id = speaker AND NOT mine.excluded AND NOT theirs.excluded
      AND ((mine.start_ms, mine.end_ms) = (theirs.start_ms, theirs.end_ms)
           OR 2 * (least(mine.end_ms, theirs.end_ms) - greatest(mine.start_ms, theirs.start_ms))
              > least(mine.end_ms - mine.start_ms, theirs.end_ms - theirs.start_ms))
    ORDER BY named.name, mine.source, mine.start_ms, mine.end_ms
$$;
COMMENT ON FUNCTION pgvoice_internal.shared_exemplars(bigint) IS
'The exemplars whose audio somebody else is also enrolled with: the same span of the same file, or
spans that share more than half of the shorter one.';

CREATE OR REPLACE FUNCTION pgvoice.profile_quality(
    speaker text DEFAULT NULL, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    speaker text,
    encoder text,
    exemplars integer,
    excluded bigint,
    outlying bigint,
    seconds double precision,
    cohesion double precision,
    left_out_similarity double precision,
    nearest_other text,
    nearest_similarity double precision
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.speaker_ids(ARRAY[profile_quality.speaker])
    WHERE profile_quality.speaker IS NOT NULL;
    SELECT pgvoice_internal.require_encoder(profile_quality.encoder);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT named.name, e.label, p.exemplars,
           (SELECT count(*) FROM pgvoice.enrollment AS x
            WHERE x.speaker_id = p.speaker_id AND x.encoder_id = p.encoder_id AND x.excluded),
           (SELECT count(*) FROM pgvoice_internal.outlying_exemplars(p.speaker_id, p.encoder_id)),
           pgvoice.exemplar_seconds(p.speaker_id, p.encoder_id),
           pgvoice.shown(p.cohesion, sees.exact),
           pgvoice.shown((
               SELECT avg(l.similarity ORDER BY l.exemplar)
               FROM pgvoice_internal.left_out_similarities(p.speaker_id, p.encoder_id) AS l
               JOIN pgvoice.enrollment AS x ON x.id = l.exemplar AND NOT x.excluded
           ), sees.exact),
           other.name, pgvoice.shown(pgvoice.similarity(other.similarity), sees.exact)
    FROM sees
    CROSS JOIN pgvoice.profile AS p
    JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
    JOIN pgvoice.encoder AS e ON e.id = p.encoder_id
    LEFT JOIN LATERAL (
        SELECT who.name, -(o.embedding OPERATOR(public.<#>) p.embedding) AS similarity
        FROM pgvoice.valid_profile AS o JOIN pgvoice.speaker AS who ON who.id = o.speaker_id
        WHERE o.encoder_id = p.encoder_id AND o.speaker_id <> p.speaker_id
        ORDER BY o.embedding OPERATOR(public.<#>) p.embedding, o.speaker_id
        LIMIT 1
    ) AS other ON true
    WHERE (profile_quality.speaker IS NULL OR named.name = profile_quality.speaker)
      AND p.encoder_id = profile_quality.encoder
    ORDER BY named.name
$$;
COMMENT ON FUNCTION pgvoice.profile_quality IS
'How well people are enrolled with an encoder. cohesion is the mean similarity of the exemplars to
the profile they make; overlapping windows and few exemplars raise it. left_out_similarity is the
mean similarity to the others (leave-one-out, among exemplars that share no audio). nearest_other is the
other person whose profile is most similar.';
