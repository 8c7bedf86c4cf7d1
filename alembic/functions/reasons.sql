-- Why a segment gets a name or none.

-- .45: with CAM++, of two people who speak one after the other, half of a segment each, 65, 50, 41 and 30 %
-- are found at thresholds of .38, .42, .46 and .5, and none of 600 single speakers is lost (LibriSpeech;
-- tuned on the series, the digits and the podcast: 64, 57 and 47 % at .4, .45 and .5, and at most .3 % are
-- lost). If the runner-up only had to reach the threshold, at .4 a quarter of the names in the digits, a
-- library of similar voices, would be lost. If it had not to, every large gallery would have somebody who
-- is near enough.
CREATE OR REPLACE FUNCTION pgvoice_internal.are_two_voices(
    similarity double precision, runner_up_similarity double precision, likeness double precision
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN runner_up_similarity - similarity * likeness
    > 0.45 * similarity * sqrt(greatest(1 - likeness * likeness, 0));
COMMENT ON FUNCTION pgvoice_internal.are_two_voices IS
'Whether a segment sounds like two people, one after the other: in the plane of the profiles of the nearest
person and the runner-up, it points at least .45 times as far away from the nearest, towards the runner-up,
as along the nearest. likeness is the similarity of the two profiles.';

CREATE OR REPLACE FUNCTION pgvoice_internal.reason(
    status text,
    similarity double precision,
    runner_up_similarity double precision,
    threshold double precision,
    margin double precision,
    two_voices boolean,
    suggested double precision DEFAULT NULL
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status NOT IN ('ok', 'partial') THEN status
    WHEN similarity IS NULL THEN 'no_profiles'
    WHEN similarity < threshold THEN CASE WHEN similarity >= suggested THEN 'suggested'
                                          ELSE 'below_threshold' END
    WHEN similarity - runner_up_similarity < margin THEN 'ambiguous'
    WHEN two_voices AND runner_up_similarity >= threshold THEN 'ambiguous'
    ELSE 'matched'
END;
COMMENT ON FUNCTION pgvoice_internal.reason IS
'Why a segment gets a name or none: the reason in identify for a segment that nobody overlaps.';

CREATE OR REPLACE FUNCTION pgvoice_internal.reason_of_overlapped(
    status text,
    lacks_part boolean,
    first_named bigint,
    last_named bigint,
    mostly_clean boolean,
    part_reason text
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status IS NULL OR lacks_part THEN 'missing'
    WHEN status NOT IN ('ok', 'partial') THEN status
    WHEN first_named <> last_named THEN 'ambiguous'
    WHEN first_named IS NOT NULL THEN 'matched'
    WHEN part_reason IS NULL OR NOT mostly_clean THEN 'overlapped'
    ELSE part_reason
END;
COMMENT ON FUNCTION pgvoice_internal.reason_of_overlapped IS
'The reason of a turn that others overlap: from its own status, whether a fill would add a clean part, the
lowest and highest id of the people whom clean parts match, whether at least half of it is clean, and the
reason of the longest clean part with a vector, NULL if there is none.';

CREATE OR REPLACE FUNCTION pgvoice_internal.evident(
    reason text, threshold double precision
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN reason = 'pinned' AND threshold IS NOT NULL THEN 'matched' ELSE reason END;
COMMENT ON FUNCTION pgvoice_internal.evident(text, double precision) IS
'The reason as evidence for heard_together: a pinned segment is a named one, if it was compared with
anybody.';
