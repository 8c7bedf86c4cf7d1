-- Vectors that another engine computed: kept apart from those of a model, and what they do not serve for.

CREATE OR REPLACE FUNCTION pgvoice_internal.is_imported(encoder integer) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.preprocessing IN ('imported', 'imported-per-label')
    FROM pgvoice.encoder AS e WHERE e.id = is_imported.encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.is_imported(integer) IS
'Whether the vectors of an encoder were computed elsewhere and imported.';

CREATE OR REPLACE FUNCTION pgvoice_internal.is_per_label(encoder integer) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.preprocessing = 'imported-per-label'
    FROM pgvoice.encoder AS e WHERE e.id = is_per_label.encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.is_per_label(integer) IS
'Whether an encoder has one vector per label of a recording, which all segments of the label share: their
similarity to each other says nothing.';

CREATE OR REPLACE FUNCTION pgvoice_internal.independent_segments(video_id bigint, encoder integer)
RETURNS TABLE (label text, start_ms integer, end_ms integer)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT c.label, c.start_ms, c.end_ms
    FROM pgvoice_internal.clean_segments(independent_segments.video_id, encoder) AS c
    WHERE NOT pgvoice_internal.is_per_label(encoder)
    UNION ALL (
        SELECT DISTINCT ON (c.label) c.label, c.start_ms, c.end_ms
        FROM pgvoice_internal.clean_segments(independent_segments.video_id, encoder) AS c
        WHERE pgvoice_internal.is_per_label(encoder)
        ORDER BY c.label, c.start_ms - c.end_ms, c.start_ms
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.independent_segments(bigint, integer) IS
'The clean segments of a video whose vectors are measurements of their own: all, or the longest of each
label if its segments share one vector.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_segment_vectors(encoder integer) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF pgvoice_internal.is_per_label(encoder) THEN
        RAISE EXCEPTION 'the segments of each label have one vector in %, so they calibrate nothing',
            (SELECT e.label FROM pgvoice.encoder AS e WHERE e.id = encoder)
            USING HINT = 'Use an encoder with a vector per segment, or give a threshold.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_segment_vectors(integer) IS
'Fails if the segments of a label share one vector: similarities to each other are 1 by construction.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_source() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF (NEW.source IS NOT NULL) <> pgvoice_internal.is_imported(NEW.encoder_id) THEN
        RAISE EXCEPTION '%', CASE WHEN NEW.source IS NULL
            THEN 'no fill computes vectors of an encoder whose vectors are imported'
            ELSE 'vectors are not imported under the identity of a model' END
            USING HINT = 'Fill with a model, and import under a name of its own.',
                  ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_source() IS
'Records of imports have a source, and those of fills none.';

CREATE OR REPLACE TRIGGER fill_run_source
BEFORE INSERT OR UPDATE ON pgvoice.fill_run
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.require_source();

CREATE OR REPLACE FUNCTION pgvoice_internal.require_import() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT n.video_id, n.encoder_id FROM new_rows AS n) AS added
        WHERE pgvoice_internal.is_imported(added.encoder_id) AND NOT EXISTS (
            SELECT FROM pgvoice.fill_run AS f
            WHERE f.video_id = added.video_id AND f.encoder_id = added.encoder_id
              AND f.source IS NOT NULL AND f.xmin = pg_current_xact_id()::xid
        )
    ) THEN
        RAISE EXCEPTION 'vectors of an imported encoder are stored only with a record of their source'
            USING HINT = 'Import them: `pgvoice vectors import`.', ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_import() IS
'Refuses vectors of an imported encoder without a record of their source in the same transaction, as a fill
stores them.';

CREATE OR REPLACE TRIGGER segment_embedding_imported
AFTER INSERT ON pgvoice.segment_embedding REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.require_import();

CREATE OR REPLACE FUNCTION pgvoice.differing_segments(
    video text, encoder integer, starts_ms integer[], ends_ms integer[], digests bytea[]
) RETURNS TABLE (start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.video_ids(ARRAY[differing_segments.video]),
           pgvoice_internal.require_encoder(differing_segments.encoder),
           pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms),
           pgvoice_internal.require_same_length(
               'starts_ms', cardinality(starts_ms), 'digests', cardinality(digests)
           );
    SELECT g.start_ms, g.end_ms
    FROM unnest(starts_ms, ends_ms, digests) AS g(start_ms, end_ms, digest)
    JOIN pgvoice.segment_embedding AS s
        ON s.start_ms = g.start_ms AND s.end_ms = g.end_ms
        AND s.encoder_id = differing_segments.encoder AND s.video_id = (
            SELECT v.id FROM pgvoice.video AS v WHERE v.key = differing_segments.video
        )
    WHERE g.digest IS DISTINCT FROM sha256(public.vector_send(s.embedding))
    ORDER BY g.start_ms, g.end_ms
$$;
COMMENT ON FUNCTION pgvoice.differing_segments IS
'Those of these segments that are stored with another vector than the one with this SHA-256, of its binary
form; NULL stands for none. A writer learns from it which vectors an import would replace, and sees none.';
