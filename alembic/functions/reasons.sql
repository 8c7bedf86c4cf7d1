-- Why a segment gets a name or none.

-- .45: with CAM++, two people who speak one after the other, half of a segment each, are found in 75 to
-- 80 % at thresholds from .38 to .5, and at most .3 % of the right names of single speakers are lost
-- (LibriSpeech; tuned on the series, the digits and the podcast: 75 %, and at most .7 %). Demanding
-- instead that the runner-up reaches the threshold finds 31 to 70 % and loses up to 2.7 %, or a quarter of
-- the names in a library of similar voices.
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
    WHEN two_voices THEN 'ambiguous'
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
'The reason of a turn that others overlap: from its own status, whether a clean part is not filled, the
lowest and highest id of the people whom clean parts match, whether at least half of it is clean, and the
reason of the longest clean part with a vector, NULL if there is none.';
