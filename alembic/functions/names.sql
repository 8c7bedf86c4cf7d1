-- How names of people are compared, and the hashes of names that are kept.

-- The rule is spelled out here, because a database with the collation C folds only ASCII, and because
-- a hash must stay the same when a store is copied to another server.
-- folds: letters that differ in case, from the first to the last in steps, with what is added to the
-- first to get the other (statuses C and S of CaseFolding.txt, Unicode 15.1, for letters that NFKD
-- leaves whole, of the alphabets with two cases that names are written in).
-- alike: letters that look like a Latin one in at least one case (confusables.txt of UTS #39).
-- unseen: format characters (category Cf), variation selectors and fillers.
CREATE OR REPLACE FUNCTION pgvoice_internal.name_key(name text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH folds(first, last, step, added) AS (VALUES
        (65, 90, 1, 32), (192, 222, 1, 32), (272, 302, 2, 1), (321, 321, 1, 1), (330, 374, 2, 1),
        (385, 385, 1, 210), (386, 388, 2, 1), (390, 390, 1, 206), (391, 391, 1, 1),
        (393, 394, 1, 205), (395, 395, 1, 1), (398, 398, 1, 79), (399, 399, 1, 202),
        (400, 400, 1, 203), (401, 401, 1, 1), (403, 403, 1, 205), (404, 404, 1, 207),
        (406, 406, 1, 211), (407, 407, 1, 209), (408, 408, 1, 1), (412, 412, 1, 211),
        (413, 413, 1, 213), (415, 415, 1, 214), (418, 420, 2, 1), (422, 422, 1, 218),
        (423, 423, 1, 1), (425, 425, 1, 218), (428, 428, 1, 1), (430, 430, 1, 218),
        (433, 434, 1, 217), (435, 437, 2, 1), (439, 439, 1, 219), (440, 440, 1, 1),
        (444, 444, 1, 1), (484, 484, 1, 1), (502, 502, 1, -97), (503, 503, 1, -56),
        (540, 540, 1, 1), (544, 544, 1, -130), (546, 548, 2, 1), (570, 570, 1, 10795),
        (571, 571, 1, 1), (573, 573, 1, -163), (574, 574, 1, 10792), (577, 577, 1, 1),
        (579, 579, 1, -195), (580, 580, 1, 69), (581, 581, 1, 71), (582, 590, 2, 1),
        (880, 882, 2, 1), (886, 886, 1, 1), (895, 895, 1, 116), (913, 929, 1, 32),
        (931, 937, 1, 32), (962, 962, 1, 1), (975, 975, 1, 8), (984, 1006, 2, 1),
        (1015, 1015, 1, 1), (1018, 1018, 1, 1), (1021, 1023, 1, -130), (1024, 1039, 1, 80),
        (1040, 1071, 1, 32), (1120, 1152, 2, 1), (1162, 1214, 2, 1), (1216, 1216, 1, 15),
        (1217, 1229, 2, 1), (1232, 1326, 2, 1), (1329, 1366, 1, 48), (4256, 4301, 1, 7264),
        (7312, 7354, 1, -3008), (7357, 7359, 1, -3008), (7930, 7934, 2, 1), (11360, 11360, 1, 1),
        (11362, 11362, 1, -10743), (11364, 11364, 1, -10727), (11367, 11371, 2, 1)
    ), alike(letter, latin) AS (VALUES
        (305, 'i'), (593, 'a'), (609, 'g'), (617, 'i'),
        (945, 'a'), (946, 'b'), (947, 'y'), (949, 'e'), (950, 'z'), (951, 'h'), (953, 'i'),
        (954, 'k'), (956, 'm'), (957, 'n'), (959, 'o'), (961, 'p'), (964, 't'), (965, 'y'),
        (967, 'x'), (1011, 'j'),
        (1072, 'a'), (1074, 'b'), (1077, 'e'), (1082, 'k'), (1084, 'm'), (1085, 'h'), (1086, 'o'),
        (1088, 'p'), (1089, 'c'), (1090, 't'), (1091, 'y'), (1093, 'x'), (1109, 's'), (1110, 'i'),
        (1112, 'j'), (1199, 'y'), (1211, 'h'), (1231, 'l'), (1281, 'd'), (1307, 'q'), (1309, 'w')
    ), unseen(first, last) AS (VALUES
        (173, 173), (847, 847), (1536, 1541), (1564, 1564), (1757, 1757), (1807, 1807),
        (2192, 2193), (2274, 2274), (4447, 4448), (6068, 6069), (6155, 6159), (8203, 8207),
        (8234, 8238), (8288, 8303), (10240, 10240), (65024, 65039), (65279, 65279),
        (65529, 65531), (69821, 69821), (69837, 69837), (78896, 78911), (113824, 113827),
        (119155, 119162), (917504, 921599)
    ), letter AS (
        SELECT split.place, folded.code
        FROM string_to_table(
            CASE WHEN getdatabaseencoding() = 'UTF8' THEN normalize(name, NFKD) END, NULL
        ) WITH ORDINALITY AS split(one, place)
        CROSS JOIN LATERAL (
            SELECT ascii(split.one) + coalesce((
                SELECT f.added FROM folds AS f
                WHERE ascii(split.one) BETWEEN f.first AND f.last
                  AND (ascii(split.one) - f.first) % f.step = 0
            ), 0)
        ) AS folded(code)
    ), spelled AS (
        SELECT string_agg(CASE
            WHEN l.code IN (9, 10, 11, 12, 13, 28, 29, 30, 31, 133, 5760, 8232, 8233) THEN ' '
            WHEN l.code IN (223, 7838) THEN 'ss'
            ELSE coalesce((SELECT a.latin FROM alike AS a WHERE a.letter = l.code), chr(l.code))
        END, '' ORDER BY l.place) AS name
        FROM letter AS l
        WHERE NOT EXISTS (SELECT FROM unseen AS u WHERE l.code BETWEEN u.first AND u.last)
    )
    SELECT CASE
        WHEN getdatabaseencoding() = 'UTF8' THEN btrim(regexp_replace(
            replace(normalize(coalesce(s.name, ''), NFKD), 'i' || chr(775), 'i'), ' +', ' ', 'g'
        ))
        ELSE btrim(regexp_replace(lower(name_key.name), '\s+', ' ', 'g'))
    END
    FROM spelled AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.name_key(text) IS
'What two spellings of a name have in common: compatibility forms (NFKD) are resolved, case is folded,
invisible characters are left out, blanks are collapsed, and Greek and Cyrillic letters that look like
Latin ones become these. Names are displayed as given. If the database is not in UTF-8, only case and
blanks are ignored.';

CREATE OR REPLACE FUNCTION pgvoice_internal.name_hash(name text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT sha256(k.key || convert_to(pgvoice_internal.name_key(name), 'UTF8'))
    FROM pgvoice.opt_out_key AS k
$$;
COMMENT ON FUNCTION pgvoice_internal.name_hash(text) IS
'The hash of a name, as name_key spells it, with the store''s key of fixed length; NULL if there is no
key yet.';

CREATE OR REPLACE FUNCTION pgvoice_internal.key_hash(video text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT sha256(k.key || convert_to('video ' || video, 'UTF8')) FROM pgvoice.opt_out_key AS k
$$;
COMMENT ON FUNCTION pgvoice_internal.key_hash(text) IS
'The hash of a recording''s key with the store''s key; NULL if there is no key yet.';

CREATE OR REPLACE FUNCTION pgvoice_internal.has_opted_out(name text) RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT o.id FROM pgvoice.opt_out AS o
    WHERE o.name_hash = pgvoice_internal.name_hash(name)
       OR o.name_hash = (SELECT sha256(k.key || convert_to(lower(btrim(name)), 'UTF8'))
                         FROM pgvoice.opt_out_key AS k)
$$;
COMMENT ON FUNCTION pgvoice_internal.has_opted_out(text) IS
'The opt-outs of a name. Older ones ignored only case and outer blanks.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_name() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (SELECT FROM pgvoice_internal.has_opted_out(NEW.name)) THEN
        RAISE EXCEPTION 'a name that was erased, and asked not to be enrolled again'
            USING ERRCODE = 'PV002';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_name() IS 'Refuses names that opted out.';

CREATE OR REPLACE TRIGGER speaker_name_allowed
BEFORE INSERT OR UPDATE OF name ON pgvoice.speaker
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.refuse_name();

CREATE OR REPLACE FUNCTION pgvoice_internal.opt_out(speaker bigint, voice boolean) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    kept bigint;
BEGIN
    PERFORM pgvoice_internal.make_key();
    INSERT INTO pgvoice.opt_out AS o (name_hash)
    SELECT pgvoice_internal.name_hash(s.name) FROM pgvoice.speaker AS s WHERE s.id = speaker
    ON CONFLICT (name_hash) DO UPDATE SET created_at = o.created_at RETURNING o.id INTO kept;
    IF voice THEN
        INSERT INTO pgvoice.opt_out_voice (opt_out_id, encoder_id, dimension, embedding)
        SELECT kept, p.encoder_id, p.dimension, p.embedding FROM pgvoice.profile AS p
        WHERE p.speaker_id = speaker
        ON CONFLICT (opt_out_id, encoder_id) DO UPDATE SET embedding = EXCLUDED.embedding;
    END IF;
    RETURN kept;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.opt_out(bigint, boolean) IS
'Notes that a speaker opted out, with the profiles if voice; returns the opt-out.';

-- Two random numbers of 122 bits.
CREATE OR REPLACE FUNCTION pgvoice_internal.make_key() RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    INSERT INTO pgvoice.opt_out_key (key)
    VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION pgvoice_internal.make_key() IS
'Makes the key that names are hashed with, unless there is one.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_limit() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    NEW.similarity_limit := least(
        pgvoice_internal.duplicate_limit(NEW.encoder_id),
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.similarity_limit END
    );
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_limit() IS
'Keeps the lowest similarity from which on a voice that opted out was refused.';

CREATE OR REPLACE TRIGGER opt_out_voice_limited
BEFORE INSERT OR UPDATE ON pgvoice.opt_out_voice
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.keep_limit();
