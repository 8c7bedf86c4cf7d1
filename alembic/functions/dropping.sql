-- Dropping an encoder, with everything that was computed with it.

CREATE OR REPLACE FUNCTION pgvoice_internal.named_few(names text[]) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path FROM CURRENT
AS $$
    SELECT string_agg(quote_literal(n.name), ', ' ORDER BY n.place) || CASE
        WHEN cardinality(names) > 3 THEN format(' and %s more', cardinality(names) - 3) ELSE ''
    END
    FROM unnest(names[:3]) WITH ORDINALITY AS n(name, place)
$$;
COMMENT ON FUNCTION pgvoice_internal.named_few(text[]) IS
'The first three of some names, and how many more there are.';

CREATE OR REPLACE FUNCTION pgvoice_internal.only_with(encoder integer)
RETURNS TABLE (exemplars bigint, people text[], recordings text[], opt_outs bigint)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH answering AS MATERIALIZED (SELECT pgvoice.default_encoder() AS id)
    SELECT e.exemplars, e.people, r.recordings, o.opt_outs
    FROM answering AS d
    CROSS JOIN LATERAL (
        SELECT count(*) AS exemplars,
               coalesce(array_agg(DISTINCT s.name ORDER BY s.name), '{}') AS people
        FROM pgvoice.enrollment AS x JOIN pgvoice.speaker AS s ON s.id = x.speaker_id
        WHERE x.encoder_id = only_with.encoder
          AND NOT EXISTS (SELECT FROM pgvoice_internal.twins_of(ARRAY[x.id], d.id))
    ) AS e
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(v.key ORDER BY v.key), '{}') AS recordings FROM pgvoice.video AS v
        WHERE EXISTS (
            SELECT FROM pgvoice.segment_embedding AS s
            WHERE s.video_id = v.id AND s.encoder_id = only_with.encoder AND s.embedding IS NOT NULL
        ) AND NOT EXISTS (
            SELECT FROM pgvoice.segment_embedding AS s
            WHERE s.video_id = v.id AND s.encoder_id = d.id AND s.embedding IS NOT NULL
        )
    ) AS r
    CROSS JOIN LATERAL (
        SELECT count(*) AS opt_outs FROM pgvoice.opt_out_voice AS o
        WHERE o.encoder_id = only_with.encoder AND NOT EXISTS (
            SELECT FROM pgvoice.opt_out_voice AS k
            WHERE k.opt_out_id = o.opt_out_id AND k.encoder_id = d.id
        )
    ) AS o
$$;
COMMENT ON FUNCTION pgvoice_internal.only_with(integer) IS
'What the default encoder lacks and this one has: exemplars, the people with such, recordings with vectors, and
voices of people who opted out.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_drop(encoder integer, force boolean) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    called CONSTANT text := (
        SELECT e.label FROM pgvoice.encoder AS e WHERE e.id = refuse_drop.encoder
    );
    lost record;
    told text;
BEGIN
    IF encoder = pgvoice.default_encoder() THEN
        RAISE EXCEPTION '% is the default encoder', called
            USING ERRCODE = 'PV021', HINT = 'Switch to another encoder first.';
    END IF;
    IF NOT force THEN
        SELECT w.* INTO lost FROM pgvoice_internal.only_with(encoder) AS w;
        told := concat_ws('; ',
            CASE WHEN lost.exemplars > 0 THEN format(
                'exemplars: %s, of %s', lost.exemplars, pgvoice_internal.named_few(lost.people)
            ) END,
            CASE WHEN lost.recordings <> '{}' THEN format(
                'recordings: %s', pgvoice_internal.named_few(lost.recordings)
            ) END,
            CASE WHEN lost.opt_outs > 0 THEN format(
                'voices of people who opted out: %s', lost.opt_outs
            ) END
        );
        IF told <> '' THEN
            RAISE EXCEPTION '% has what the default encoder lacks (%)', called, told
                USING ERRCODE = 'PV021', HINT = CASE
                    WHEN lost.exemplars > 0 OR lost.recordings <> '{}'
                    THEN 'Switch to the default encoder again to carry over what it can compute, '
                         'or force it, which deletes '
                    ELSE 'Keep it, or force it, which deletes '
                END || CASE WHEN lost.opt_outs > 0
                            THEN 'all but the voices of people who opted out.'
                            ELSE 'them.' END;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_drop(integer, boolean) IS
'Fails for the default encoder; unless force, also for one that has what the default encoder lacks.';

CREATE OR REPLACE FUNCTION pgvoice_internal.delete_computed(encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    called CONSTANT text := (
        SELECT e.label FROM pgvoice.encoder AS e WHERE e.id = delete_computed.encoder
    );
    dropped text;
BEGIN
    -- What triggers would look for row by row goes first.
    DELETE FROM pgvoice.deleted_segment AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.nearest AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.attribution AS x WHERE x.encoder_id = encoder;
    UPDATE pgvoice.verdict AS w SET run_ids = ARRAY(
        SELECT u.run FROM unnest(w.run_ids) WITH ORDINALITY AS u(run, place)
        JOIN pgvoice.attribution_run AS r ON r.id = u.run AND r.encoder_id <> encoder
        ORDER BY u.place
    )
    WHERE EXISTS (
        SELECT FROM pgvoice.attribution_run AS r
        WHERE r.id = ANY (w.run_ids) AND r.encoder_id = encoder
    );
    DELETE FROM pgvoice.attribution_run AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.calibration AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.enrollment AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.profile AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.linked_voice AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.unknown_voice_mean AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.voice_cohort AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.voice AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.library_tail AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.segment_embedding AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.fill_run AS x WHERE x.encoder_id = encoder;
    DELETE FROM pgvoice.ingest_video AS x WHERE x.ingest = 'encoder ' || called;
    -- Last, as nobody can search any more until commit.
    FOR dropped IN
        SELECT DISTINCT x.id::text FROM pgvoice.segment_index AS i
        CROSS JOIN unnest(i.index || i.left_over) AS x(id)
        WHERE i.encoder_id = encoder AND x.id IS NOT NULL
    LOOP
        EXECUTE format('DROP INDEX %s', dropped);
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.delete_computed(integer) IS
'Deletes all that was computed with an encoder, besides voices of people who opted out.';

CREATE OR REPLACE FUNCTION pgvoice.drop_encoder(
    encoder integer,
    force boolean DEFAULT false,
    OUT vectors bigint,
    OUT exemplars bigint,
    OUT labels bigint,
    OUT kept_opt_outs bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM set_config('pgvoice.act', '', true);
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM FROM pgvoice.lock AS l WHERE l.name IN ('enrollment', 'index') ORDER BY l.name FOR UPDATE;
    PERFORM pgvoice_internal.hold_labels(), pgvoice_internal.hold_linking();
    -- Fills wait, and then find that the encoder is gone.
    PERFORM FROM pgvoice.encoder AS e WHERE e.id = drop_encoder.encoder FOR UPDATE;
    PERFORM pgvoice_internal.refuse_drop(encoder, force);
    vectors := (
        SELECT count(*) FROM pgvoice.segment_embedding AS s
        WHERE s.encoder_id = drop_encoder.encoder AND s.embedding IS NOT NULL
    );
    exemplars := (
        SELECT count(*) FROM pgvoice.enrollment AS x WHERE x.encoder_id = drop_encoder.encoder
    );
    labels := (
        SELECT count(*) FROM pgvoice.attribution AS a
        WHERE a.encoder_id = drop_encoder.encoder AND a.current
    );
    -- Before they are deleted, so that no exemplar takes its twins with it: see follow_unenrolled.
    PERFORM pgvoice_internal.note('drop encoder', e.label, jsonb_build_object(
        'vectors', vectors, 'exemplars', exemplars, 'labels', labels, 'forced', force
    )) FROM pgvoice.encoder AS e WHERE e.id = drop_encoder.encoder;
    PERFORM pgvoice_internal.leave_acts(encoder);
    PERFORM pgvoice_internal.delete_computed(encoder);
    DELETE FROM pgvoice.opt_out_voice AS o
    WHERE o.encoder_id = drop_encoder.encoder AND EXISTS (
        SELECT FROM pgvoice.opt_out_voice AS k
        WHERE k.opt_out_id = o.opt_out_id AND k.encoder_id = pgvoice.default_encoder()
    );
    kept_opt_outs := (
        SELECT count(*) FROM pgvoice.opt_out_voice AS o WHERE o.encoder_id = drop_encoder.encoder
    );
    IF kept_opt_outs = 0 THEN
        DELETE FROM pgvoice.encoder AS e WHERE e.id = drop_encoder.encoder;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice.drop_encoder(integer, boolean) IS
'Deletes an encoder and all that was computed with it: vectors, exemplars, profiles, voices, labels, thresholds,
its index. Returns how much that was. Fails for the default encoder; unless force, also if it has exemplars,
recordings or voices of people who opted out that the default encoder lacks. Such voices stay even with force,
and the encoder with them, so that these people are refused if it is used again. Cannot be undone; acts can be,
unless what they changed is only known with this encoder.';
