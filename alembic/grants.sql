-- Who may do what in the schema pgvoice; safe to repeat, for whichever of the roles there are.
-- Run by whoever owns the schema. A function that is listed nowhere may be called by nobody else.
DO $grants$
DECLARE
    everybody CONSTANT text[] := ARRAY['pgvoice_reader', 'pgvoice_writer', 'pgvoice_admin'];
    writers CONSTANT text[] := ARRAY['pgvoice_writer'];
    admins CONSTANT text[] := ARRAY['pgvoice_admin'];
    there CONSTANT text[] := ARRAY(
        SELECT rolname::text FROM pg_roles WHERE rolname = ANY (everybody)
    );
    command text;
BEGIN
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgvoice FROM PUBLIC;
    FOR command IN
        -- What is not granted below is nobody's, whatever was granted before.
        SELECT format(step.command, role) FROM unnest(there) AS role CROSS JOIN (VALUES
            (1, 'REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgvoice FROM %I'),
            (2, 'REVOKE ALL ON ALL TABLES IN SCHEMA pgvoice FROM %I'),
            (3, 'REVOKE ALL ON SCHEMA pgvoice FROM %I'),
            (4, 'GRANT USAGE ON SCHEMA pgvoice TO %I')
        ) AS step(place, command)
        ORDER BY role, step.place
    LOOP
        EXECUTE command;
    END LOOP;

    -- These look at vectors for people who may see none; what they return holds none.
    FOR command IN
        SELECT format('ALTER FUNCTION %s SECURITY DEFINER', p.oid::regprocedure)
        FROM pg_proc AS p
        WHERE p.pronamespace = 'pgvoice'::regnamespace AND NOT p.prosecdef
          AND p.proname IN (
              'coverage', 'exemplar_similarity', 'forget_all_segments', 'forget_profiles',
              'forget_segments', 'identify', 'identify_clusters', 'profile_quality', 'require_consent',
              'similar_segments', 'speaker_segments'
          )
    LOOP
        EXECUTE command;
    END LOOP;

    FOR command IN
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, role)
        FROM (VALUES
            (everybody, ARRAY[
                'backfill_progress', 'cache_stats', 'coverage', 'encoder_id', 'exemplar_seconds',
                'exemplar_similarity', 'identify', 'identify_clusters', 'label_reason',
                'profile_quality', 'similar_segments', 'similarity', 'snap_ms', 'sole_encoder',
                'speaker_segments', 'speaker_time'
            ]),
            -- Some of these take a vector or tell of one: by asking with vectors of their own, a
            -- reader could work out somebody's.
            (admins, ARRAY[
                'activate_calibration', 'apply_verdicts', 'are_keys', 'are_others_compared',
                'best_keys', 'best_two', 'coherence', 'cohort_scores', 'compare_absent',
                'compare_fresh', 'drop_outliers', 'duplicate_limit', 'exemplar_trials',
                'has_consent', 'has_segment', 'held_speaker', 'hold_labels', 'indexed_segments',
                'is_by_time', 'is_search_by_index', 'keep_labels', 'key_similarity',
                'key_speaker', 'label_lock', 'least_required', 'least_similarity',
                'left_out_similarities', 'name_hash', 'near_duplicates', 'near_segments',
                'near_statement', 'normalised_threshold', 'outlying_exemplars', 'pin_label',
                'profile_without', 'reason', 'refresh_nearest', 'refresh_profile',
                'require_consent', 'required', 'required_of', 'reset_calibration',
                'restore_exemplars', 'revert_labels', 'rival', 'segment_index_statements',
                'segment_trials', 'segments_of', 'shared_exemplars', 'speaker_ids', 'unpin_label',
                'verdict_moves', 'verdicts', 'verdicts_of', 'verify', 'video_ids'
            ])
        ) AS listed(roles, names)
        JOIN pg_proc AS p
            ON p.pronamespace = 'pgvoice'::regnamespace AND p.proname::text = ANY (names)
        JOIN unnest(there) AS role ON role = ANY (roles)
    LOOP
        EXECUTE command;
    END LOOP;

    FOR command IN
        SELECT format('GRANT %s ON %s TO %I', privileges, c.oid::regclass, role)
        FROM (VALUES
            (everybody, 'SELECT', ARRAY[
                'alembic_version', 'attribution', 'attribution_run', 'backfill_video', 'calibration',
                'encoder',
                'fill_run', 'label', 'segment_index', 'setting', 'speaker', 'video'
            ]),
            (writers, 'INSERT (key), UPDATE (audio_sha256, duration_ms, source)',
                ARRAY['video']),
            (writers, 'INSERT (name, revision, preprocessing, dimension, sample_rate,'
                ' default_threshold, threshold_source), UPDATE (default_threshold,'
                ' threshold_source)', ARRAY['encoder']),
            (writers, 'INSERT (video_id, start_ms, end_ms, encoder_id, dimension, embedding,'
                ' status), DELETE', ARRAY['segment_embedding']),
            (writers, 'DELETE', ARRAY['attribution']),
            (writers, 'INSERT, UPDATE', ARRAY['backfill_video']),
            (writers, 'INSERT (video_id, encoder_id, requested, hits, filled, skipped,'
                ' decode_seconds, encode_seconds, device)', ARRAY['fill_run']),
            (admins, 'SELECT, INSERT, UPDATE, DELETE', ARRAY[
                'attribution', 'attribution_run', 'backfill_video', 'calibration',
                'cohort_voice', 'compared_profile', 'consent',
                'deleted_segment', 'encoder', 'enrollment', 'fill_run', 'nearest', 'opt_out',
                'opt_out_voice', 'profile',
                'segment_embedding', 'speaker', 'video'
            ]),
            (admins, 'SELECT, INSERT (action, subject, details)', ARRAY['audit_event']),
            (admins, 'SELECT, INSERT', ARRAY['opt_out_key'])
        ) AS listed(roles, privileges, names)
        JOIN pg_class AS c
            ON c.relnamespace = 'pgvoice'::regnamespace AND c.relname::text = ANY (names)
        JOIN unnest(there) AS role ON role = ANY (roles)
    LOOP
        EXECUTE command;
    END LOOP;

    -- Every column but those of a type that pgvector brings.
    FOR command IN
        SELECT format('GRANT SELECT (%s) ON %s TO %I', columns, held.id, role)
        FROM (
            SELECT a.attrelid::regclass AS id,
                   string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
            FROM pg_attribute AS a
            JOIN pg_class AS c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'pgvoice'::regnamespace
              AND c.relname IN ('segment_embedding', 'enrollment', 'profile')
              AND a.attnum > 0 AND NOT a.attisdropped
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
