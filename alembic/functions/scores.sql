-- How similar the same and different people are in a store, as counts.

CREATE OR REPLACE FUNCTION pgvoice_internal.scores(encoder integer)
RETURNS TABLE (kind text, similarity double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH exemplar AS MATERIALIZED (
        SELECT e.* FROM pgvoice.enrollment AS e
        WHERE e.encoder_id = encoder AND NOT e.excluded ORDER BY md5(e.id::text) LIMIT 1000
    ), profile AS MATERIALIZED (
        SELECT p.* FROM pgvoice.valid_profile AS p
        WHERE p.encoder_id = encoder ORDER BY md5(p.speaker_id::text) LIMIT 300
    ), recording AS MATERIALIZED (
        SELECT v.video_id FROM pgvoice.voice AS v
        WHERE v.encoder_id = encoder GROUP BY v.video_id HAVING count(*) > 1
        ORDER BY md5(v.video_id::text) LIMIT 1000
    )
    SELECT 'same person', l.similarity
    FROM (SELECT DISTINCT e.speaker_id FROM exemplar AS e) AS s
    CROSS JOIN LATERAL pgvoice_internal.left_out_similarities(s.speaker_id, encoder) AS l
    JOIN exemplar AS e ON e.id = l.exemplar
    WHERE l.similarity IS NOT NULL
    UNION ALL
    SELECT 'other people', pgvoice.similarity(-(e.embedding OPERATOR(public.<#>) p.embedding))
    FROM exemplar AS e JOIN profile AS p ON p.speaker_id <> e.speaker_id
    UNION ALL
    SELECT 'labels of one recording',
           pgvoice.similarity(-(a.embedding OPERATOR(public.<#>) b.embedding))
    FROM recording AS r
    JOIN pgvoice.voice AS a ON a.video_id = r.video_id AND a.encoder_id = encoder
    JOIN pgvoice.voice AS b
        ON b.video_id = a.video_id AND b.encoder_id = a.encoder_id AND b.label > a.label
    WHERE a.embedding IS NOT NULL AND b.embedding IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.scores(integer) IS
'Similarities of exemplars to their own person''s others and to other people''s profiles, and of labels of
one recording, who are two people; of at most 1,000 exemplars, 300 profiles and 1,000 recordings, always
the same ones.';

CREATE OR REPLACE FUNCTION pgvoice.score_histogram(
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    kind text,
    from_similarity double precision,
    to_similarity double precision,
    comparisons bigint
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    RETURN QUERY
    SELECT s.kind, s.bin / 20::double precision, (s.bin + 1) / 20::double precision, count(*)
    FROM (
        SELECT x.kind, least(floor(x.similarity * 20), 19) AS bin
        FROM pgvoice_internal.scores(encoder) AS x
    ) AS s
    GROUP BY s.kind, s.bin
    ORDER BY s.kind, s.bin;
END
$$;
COMMENT ON FUNCTION pgvoice.score_histogram IS
'How similar exemplars are to their own person''s others and to other people, and labels of one recording to
each other: how many comparisons have a similarity in each stretch of 0.05. Of a sample in a large store.
For admins.';
