-- Who may do what in the schemas pgvoice and pgvoice_internal; safe to repeat, for whichever of the
-- roles exist. Run by the owner of the schemas. Whoever is granted nothing here may do nothing.
DO $grants$
DECLARE
    everybody CONSTANT text[] := ARRAY[
        'pgvoice_reader', 'pgvoice_searcher', 'pgvoice_writer', 'pgvoice_admin'
    ];
    searchers CONSTANT text[] := ARRAY['pgvoice_searcher'];
    writers CONSTANT text[] := ARRAY['pgvoice_writer'];
    admins CONSTANT text[] := ARRAY['pgvoice_admin'];
    there CONSTANT text[] := ARRAY(
        SELECT rolname::text FROM pg_roles WHERE rolname = ANY (everybody)
    );
    command text;
BEGIN
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgvoice, pgvoice_internal FROM PUBLIC;
    REVOKE ALL ON SCHEMA pgvoice_internal FROM PUBLIC;
    FOR command IN
        -- Everything is revoked first, whatever was granted before. Functions follow their schema:
        -- those in pgvoice are for everybody, except the few below, and run with their owner's rights
        -- or with the caller's; those in pgvoice_internal are for admins, as some take or return a
        -- vector.
        SELECT format(step.command, role) FROM unnest(there) AS role CROSS JOIN (VALUES
            (1, everybody, 'REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgvoice, pgvoice_internal FROM %I'),
            (2, everybody, 'REVOKE ALL ON ALL TABLES IN SCHEMA pgvoice FROM %I'),
            (3, everybody, 'REVOKE ALL ON SCHEMA pgvoice, pgvoice_internal FROM %I'),
            (4, everybody, 'GRANT USAGE ON SCHEMA pgvoice TO %I'),
            (5, everybody, 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgvoice TO %I'),
            (6, admins, 'GRANT USAGE ON SCHEMA pgvoice_internal TO %I'),
            (7, admins, 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgvoice_internal TO %I')
        ) AS step(place, roles, command)
        WHERE role = ANY (step.roles)
        ORDER BY role, step.place
    LOOP
        EXECUTE command;
    END LOOP;

    -- Public functions that run with their owner's rights and are not for every reader.
    FOR command IN
        SELECT format('REVOKE ALL ON FUNCTION %s FROM %I', p.oid::regprocedure, role)
        FROM (VALUES
            (searchers || admins, 'similar_segments'),
            (writers || admins, 'replace_audio'),
            (writers || admins, 'prune_segments'),
            (writers || admins, 'differing_segments'),
            (writers || admins, 'store_turns'),
            (writers || admins, 'join_labels'),
            (writers || admins, 'refresh_voices'),
            (writers || admins, 'refit_library'),
            (admins, 'accept_suggestion'),
            (admins, 'carry_over'),
            (admins, 'drop_encoder'),
            (admins, 'dismiss_voice'),
            (admins, 'join_voices'),
            (admins, 'make_default_encoder'),
            (admins, 'name_voice'),
            (admins, 'part_voice'),
            (admins, 'reject_suggestion'),
            (admins, 'set_linking'),
            (admins, 'undo'),
            (writers || admins, 'link_voices')
        ) AS listed(roles, name)
        JOIN pg_proc AS p
            ON p.pronamespace = 'pgvoice'::regnamespace AND p.proname = listed.name
        JOIN unnest(there) AS role ON role <> ALL (listed.roles)
    LOOP
        EXECUTE command;
    END LOOP;

    FOR command IN
        SELECT format('GRANT %s ON %s TO %I', privileges, c.oid::regclass, role)
        FROM (VALUES
            (everybody, 'SELECT', ARRAY[
                'alembic_version', 'attribution_run', 'ingest_video', 'calibration',
                'clean_part', 'encoder',
                'fill_run', 'label', 'segment_index', 'setting', 'speaker', 'turn',
                'turn_document', 'video'
            ]),
            (writers, 'INSERT (name)', ARRAY['lock']),
            (writers, 'INSERT (key), UPDATE (audio_sha256, duration_ms, source)',
                ARRAY['video']),
            (writers, 'INSERT (name, revision, preprocessing, dimension, sample_rate,'
                ' default_threshold, threshold_source)', ARRAY['encoder']),
            (writers, 'INSERT (video_id, start_ms, end_ms, encoder_id, dimension, embedding,'
                ' status)', ARRAY['segment_embedding']),
            (writers, 'INSERT (ingest, video, document), UPDATE (document, state, attempts, error,'
                ' requested, filled, audio_seconds, work_seconds, changed_at)',
                ARRAY['ingest_video']),
            (writers, 'INSERT (video_id, encoder_id, requested, hits, filled, skipped,'
                ' decode_seconds, encode_seconds, device, source)', ARRAY['fill_run']),
            (admins, 'SELECT, INSERT, UPDATE, DELETE', ARRAY[
                'attribution', 'attribution_run', 'ingest_video',
                'calibration', 'compared_profile', 'consent',
                'deleted_segment', 'enrollment', 'fill_run', 'library_tail', 'nearest', 'opt_out',
                'opt_out_voice', 'profile',
                'linked_voice', 'segment_embedding', 'speaker', 'unknown_voice',
                'unknown_voice_mean', 'verdict', 'video', 'voice', 'voice_cohort'
            ]),
            -- Which one answers is set by make_default_encoder alone, and an identity never changes.
            (admins, 'INSERT (name, revision, preprocessing, dimension, sample_rate,'
                ' default_threshold, threshold_source),'
                ' UPDATE (default_threshold, threshold_source), DELETE', ARRAY['encoder']),
            (admins, 'UPDATE (label), DELETE', ARRAY['turn']),
            (admins, 'SELECT, INSERT (name), UPDATE (name)', ARRAY['lock']),
            (admins, 'SELECT', ARRAY[
                'act', 'act_change', 'audit_event', 'audit_head', 'audit_link', 'erased_span', 'opt_out_key',
                'person_span', 'valid_profile'
            ]),
            (admins, 'INSERT', ARRAY['person_span'])
        ) AS listed(roles, privileges, names)
        JOIN pg_class AS c
            ON c.relnamespace = 'pgvoice'::regnamespace AND c.relname::text = ANY (names)
        JOIN unnest(there) AS role ON role = ANY (roles)
    LOOP
        EXECUTE command;
    END LOOP;

    -- Every column but those of a type that pgvector brings, and exact similarities or means of them.
    FOR command IN
        SELECT format('GRANT SELECT (%s) ON %s TO %I', columns, held.id, role)
        FROM (
            SELECT a.attrelid::regclass AS id,
                   string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
            FROM pg_attribute AS a
            JOIN pg_class AS c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'pgvoice'::regnamespace
              AND c.relname IN ('segment_embedding', 'enrollment', 'profile', 'attribution',
                  'library_tail')
              AND a.attnum > 0 AND NOT a.attisdropped
              AND (c.relname, a.attname) NOT IN (('attribution', 'similarity'),
                  ('attribution', 'margin'), ('profile', 'cohesion'),
                  ('library_tail', 'across_mean'), ('library_tail', 'within_mean'),
                  ('library_tail', 'starts'), ('library_tail', 'mean_excesses'))
              AND NOT EXISTS (
                  SELECT FROM pg_depend AS d JOIN pg_extension AS x ON x.oid = d.refobjid
                  WHERE d.classid = 'pg_type'::regclass AND d.objid = a.atttypid
                    AND d.refclassid = 'pg_extension'::regclass AND x.extname = 'vector'
              )
            GROUP BY a.attrelid
        ) AS held
        CROSS JOIN unnest(there) AS role
    LOOP
        EXECUTE command;
    END LOOP;
END
$grants$;
