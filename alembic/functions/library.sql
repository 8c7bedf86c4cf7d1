-- Thresholds from the library's own turns: how similar different people are to each other.

CREATE OR REPLACE FUNCTION pgvoice_internal.tail_excess(
    start double precision, mean_excess double precision, share double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN start + 1.15 / 0.15 * mean_excess * (1 - power(least(share / 0.1, 1), 0.15));
COMMENT ON FUNCTION pgvoice_internal.tail_excess IS
'What a share of impostors'' similarities exceeds, relative to their mean. One in ten exceeds start, by
mean_excess on average; above it, a generalised Pareto distribution of shape -0.15 is assumed, whose scale
is 1.15 times its mean (Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 4).
A share above 0.1 gives start. The shape is not fitted: from a few hundred pairs of people it comes out
too light, -0.18 to -0.4 on each of the sets named at encoder_tail. With -0.2, FAR reached 2.9 % for 16
people where 1 % was the target, as two people in two recordings can sound more alike than any two in one.';

CREATE OR REPLACE FUNCTION pgvoice_internal.encoder_tail(encoder integer) RETURNS TABLE (
    across_mean double precision,
    within_mean double precision,
    start double precision,
    mean_excess double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.default_threshold - 0.85 * room.size, e.default_threshold - 0.625 * room.size,
           0.25 * room.size, 0.125 * room.size
    FROM pgvoice.encoder AS e
    CROSS JOIN LATERAL (
        SELECT least(e.default_threshold, 1 - e.default_threshold)
    ) AS room(size)
    WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.encoder_tail(integer) IS
'What to expect of impostors before a library has told: the mean similarity of two people in two
recordings and in one, and the tail above it. The unit is the encoder''s own threshold, or what it leaves up
to 1 if that is less: an encoder that finds everybody similar has less room for differences. Measured with
CAM++ (.40): the means are .06 and .18 in AMI meetings, .11 and .12 in simulated episodes, .32 and .34 for
digits at 8 kHz, .37 and .38 at telephone quality; the tail is much the same in all, and for segments of
0.6 s as for those of 3 s. With GE2E (.75), two people in one recording have .6, which is what .625 of the
room below the threshold gives.';

CREATE OR REPLACE FUNCTION pgvoice.library_needs(OUT recordings integer, OUT voices integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 3, 10;
END;
COMMENT ON FUNCTION pgvoice.library_needs() IS
'How many recordings of two voices or more, and voices in them, a library needs to set its own
thresholds.';

CREATE OR REPLACE FUNCTION pgvoice.is_by_library(recordings integer, voices integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(is_by_library.recordings >= n.recordings AND is_by_library.voices >= n.voices, false)
    FROM pgvoice.library_needs() AS n;
END;
COMMENT ON FUNCTION pgvoice.is_by_library(integer, integer) IS
'Whether a library with so many recordings of two voices or more, and so many voices in them, has enough
to set its own thresholds.';

CREATE OR REPLACE FUNCTION pgvoice_internal.tail_of(
    encoder integer,
    duration_ms integer,
    OUT across_mean double precision,
    OUT within_mean double precision,
    OUT start double precision,
    OUT mean_excess double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(l.across_mean, e.across_mean), coalesce(l.within_mean, e.within_mean),
           coalesce(l.starts[b.band], e.start), coalesce(l.mean_excesses[b.band], e.mean_excess)
    FROM pgvoice_internal.encoder_tail(encoder) AS e
    LEFT JOIN pgvoice.library_tail AS l ON l.encoder_id = encoder
    CROSS JOIN LATERAL (SELECT width_bucket(duration_ms, l.band_ms)) AS b(band);
END;
COMMENT ON FUNCTION pgvoice_internal.tail_of(integer, integer) IS
'The tail of impostors'' similarities for segments of a duration: the library''s, or the encoder''s own.';

CREATE OR REPLACE FUNCTION pgvoice_internal.own_voice_level(
    encoder integer, usual_mean double precision
) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(
        e.default_threshold,
        usual_mean + pgvoice_internal.tail_excess(t.start, t.mean_excess, 0.01)
    )
    FROM pgvoice.encoder AS e CROSS JOIN LATERAL pgvoice_internal.encoder_tail(e.id) AS t
    WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.own_voice_level(integer, double precision) IS
'From which similarity on the most similar voice of a recording may be the same person, and is not
compared: the encoder''s own threshold, or what one impostor in a hundred exceeds where different people
have this usual similarity.';

CREATE OR REPLACE FUNCTION pgvoice_internal.gallery_size(encoder integer) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(count(*), 1)::integer FROM pgvoice.profile AS p
    WHERE p.encoder_id = encoder AND p.valid_until > now();
END;
COMMENT ON FUNCTION pgvoice_internal.gallery_size(integer) IS
'How many people a segment is compared with; 1 if nobody is enrolled.';

CREATE OR REPLACE FUNCTION pgvoice_internal.impostor_means(
    encoder integer, videos bigint[], speakers bigint[]
) RETURNS TABLE (
    video_id bigint, speaker_id bigint, mean double precision, comparisons bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT a.video_id, a.speaker_id
        FROM unnest(videos, speakers) AS a(video_id, speaker_id)
        WHERE a.video_id IS NOT NULL AND a.speaker_id IS NOT NULL
    ), exemplar AS MATERIALIZED (
        SELECT DISTINCT x.speaker_id, x.video_id, x.audio_sha256 FROM pgvoice.enrollment AS x
        WHERE x.encoder_id = encoder AND NOT x.excluded
          AND x.speaker_id IN (SELECT a.speaker_id FROM asked AS a)
    ), source AS MATERIALIZED (
        -- The recordings that these people are enrolled from. Two joins, so that each has an index.
        SELECT x.speaker_id, x.video_id FROM exemplar AS x WHERE x.video_id IS NOT NULL
        UNION
        SELECT x.speaker_id, v.id FROM exemplar AS x
        JOIN pgvoice.video AS v ON v.audio_sha256 = x.audio_sha256
    ), cohort AS MATERIALIZED (
        SELECT u.*, pgvoice_internal.own_voice_level(encoder, u.usual) AS own_voice
        FROM (
            SELECT a.video_id, a.speaker_id, same.video_id IS NOT NULL AS same_recording,
                   CASE WHEN same.video_id IS NOT NULL THEN ARRAY[a.video_id]
                        ELSE a.video_id || coalesce(c.near, '{}') END AS videos,
                   CASE WHEN same.video_id IS NOT NULL
                        THEN (coalesce(c.within_mean * c.within, 0) + 3 * tail.within_mean)
                             / (coalesce(c.within, 0) + 3)
                        ELSE (coalesce(c.across_mean * c.across, 0) + 20 * tail.across_mean)
                             / (coalesce(c.across, 0) + 20) END AS usual
            FROM asked AS a
            CROSS JOIN LATERAL pgvoice_internal.tail_of(encoder, 0) AS tail
            LEFT JOIN source AS same USING (video_id, speaker_id)
            LEFT JOIN pgvoice.voice_cohort AS c
                ON c.video_id = a.video_id AND c.encoder_id = encoder
        ) AS u
    ), compared AS MATERIALIZED (
        -- Materialised, so that no vector is sorted or hashed.
        SELECT c.video_id, c.speaker_id, o.video_id AS other_id,
               -(o.embedding OPERATOR(public.<#>) p.embedding) AS similarity
        FROM cohort AS c
        JOIN pgvoice.profile AS p ON p.speaker_id = c.speaker_id AND p.encoder_id = encoder
        CROSS JOIN unnest(c.videos) AS other(id)
        JOIN pgvoice.voice AS o ON o.video_id = other.id AND o.encoder_id = encoder
        WHERE o.starts_ms IS NULL AND (c.same_recording OR NOT EXISTS (
            SELECT FROM source AS x WHERE x.speaker_id = c.speaker_id AND x.video_id = other.id
        ))
    ), per_recording AS (
        SELECT c.video_id, c.speaker_id, sum(c.similarity) AS sum, count(*) AS voices,
               max(c.similarity) AS most
        FROM compared AS c GROUP BY c.video_id, c.speaker_id, c.other_id
    )
    SELECT c.video_id, c.speaker_id, (coalesce(o.sum, 0) + 3 * c.usual) / (coalesce(o.voices, 0) + 3),
           coalesce(o.voices, 0)::bigint
    FROM cohort AS c
    LEFT JOIN (
        SELECT r.video_id, r.speaker_id,
               sum(CASE WHEN r.most >= k.own_voice THEN r.sum - r.most ELSE r.sum END) AS sum,
               sum(CASE WHEN r.most >= k.own_voice THEN r.voices - 1 ELSE r.voices END) AS voices
        FROM per_recording AS r JOIN cohort AS k USING (video_id, speaker_id)
        GROUP BY r.video_id, r.speaker_id
    ) AS o USING (video_id, speaker_id)
$$;
COMMENT ON FUNCTION pgvoice_internal.impostor_means IS
'How similar other people are to somebody in a recording, on average, for each recording and person: the
mean similarity of the profile to the voices of the recording and of those near it. It is shrunk towards
the mean similarity of the recording''s voices to those near it, which counts as three comparisons, and
that towards the library''s, which counts as twenty. Of each recording, the most similar voice is left out
if it reaches own_voice_level: it may be the person, but no two voices of one recording are. If the person
is enrolled from the recording, only its own voices count, because one microphone and one room make
everybody more similar.';
