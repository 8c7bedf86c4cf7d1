-- Settings that every SECURITY DEFINER function of pgvoice carries, so that what its caller or the
-- server sets prints nothing of what it reads. Run by the owner of the functions after they were
-- created, which takes away what a function carried before. Settings that this server does not know
-- are left out.
DO $guards$
DECLARE
    command text;
    -- Whether the owner may set auto_explain's settings, which are a superuser's. Where not, each call
    -- of a function that carries one would fail as soon as auto_explain is loaded.
    may boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
BEGIN
    IF NOT may AND current_setting('server_version_num')::integer >= 150000 THEN
        may := has_parameter_privilege(current_user, 'auto_explain.log_min_duration', 'SET');
    END IF;
    FOR command IN
        WITH guard(name, value) AS (VALUES
            -- They print parse trees and plans, whose constants can be vectors.
            ('debug_print_raw_parse', 'off'),
            ('debug_print_parse', 'off'),
            ('debug_print_rewritten', 'off'),
            ('debug_print_plan', 'off'),
            -- The caller gets no message that is meant for the server's log.
            ('client_min_messages', 'warning'),
            -- It logs plans with constants and parameters.
            ('auto_explain.log_min_duration', '-1')
        ), allowed AS (
            SELECT g.name, g.value FROM guard AS g
            WHERE EXISTS (SELECT FROM pg_settings AS s WHERE s.name = g.name AND s.context = 'user')
               OR (g.name LIKE 'auto_explain.%' AND may)
        )
        SELECT format('ALTER FUNCTION %s %s', p.oid::regprocedure, (
            SELECT string_agg(format('SET %s = %L', a.name, a.value), ' ') FROM allowed AS a
        ))
        FROM pg_proc AS p
        WHERE p.prosecdef AND p.prokind = 'f'
          AND p.pronamespace IN ('pgvoice'::regnamespace, 'pgvoice_internal'::regnamespace)
    LOOP
        EXECUTE command;
    END LOOP;
END
$guards$;
