ALTER TABLE pgvoice.setting ADD COLUMN consent_required boolean DEFAULT false NOT NULL;
COMMENT ON COLUMN pgvoice.setting.consent_required IS
'Whether nobody can be enrolled without a consent that counts.';
COMMENT ON TABLE pgvoice.setting IS 'What holds for the whole store; one row.';

-- So that no later fill computes again what was erased.
ALTER TABLE pgvoice.segment_embedding DROP CONSTRAINT segment_embedding_status_check;
ALTER TABLE pgvoice.segment_embedding ADD CONSTRAINT segment_embedding_status_check
CHECK (status IN ('ok', 'partial', 'too_short', 'silent', 'out_of_range', 'non_finite', 'erased'));
DO $$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('pgvoice.verify'::regproc),
        $old$'non_finite')$old$, $new$'non_finite', 'erased')$new$
    );
END
$$;

CREATE TABLE pgvoice.opt_out_key (
    only_row boolean DEFAULT true NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT opt_out_key_pkey PRIMARY KEY (only_row),
    CONSTRAINT opt_out_key_only_row_check CHECK (only_row)
);
COMMENT ON TABLE pgvoice.opt_out_key IS
'What names are hashed with; without it the hashes of opt_out tell nobody''s name. One row, from the
first opt-out on.';

CREATE TABLE pgvoice.opt_out (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name_hash bytea NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT opt_out_pkey PRIMARY KEY (id),
    CONSTRAINT opt_out_name_hash_key UNIQUE (name_hash)
);
COMMENT ON TABLE pgvoice.opt_out IS
'Names that nobody may be enrolled under again; hashed, so that the names are not kept.';

CREATE TABLE pgvoice.opt_out_voice (
    opt_out_id bigint NOT NULL,
    encoder_id integer NOT NULL,
    dimension integer NOT NULL,
    embedding vector NOT NULL,
    CONSTRAINT opt_out_voice_pkey PRIMARY KEY (opt_out_id, encoder_id),
    CONSTRAINT opt_out_voice_opt_out_id_fkey FOREIGN KEY(opt_out_id) REFERENCES pgvoice.opt_out (id) ON DELETE CASCADE,
    CONSTRAINT opt_out_voice_encoder_id_dimension_fkey FOREIGN KEY(encoder_id, dimension) REFERENCES pgvoice.encoder (id, dimension),
    CONSTRAINT opt_out_voice_dimension_check CHECK (vector_dims(embedding) = dimension),
    CONSTRAINT opt_out_voice_unit_length_check CHECK (abs(vector_norm(embedding) - 1) < 0.0001)
);
COMMENT ON TABLE pgvoice.opt_out_voice IS
'Voices that nobody may be enrolled with again: kept only where the person asked for that.';

CREATE FUNCTION pgvoice.name_hash(name text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT sha256(k.key || convert_to(lower(btrim(name)), 'UTF8')) FROM pgvoice.opt_out_key AS k
$$;
COMMENT ON FUNCTION pgvoice.name_hash(text) IS
'A name''s hash with the store''s key of fixed length; letters'' case and outer blanks do not count.';

CREATE FUNCTION pgvoice.has_consent(speaker bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT EXISTS (
        SELECT FROM pgvoice.consent AS c
        WHERE c.speaker_id = speaker AND c.withdrawn_at IS NULL
          AND (c.expires_at IS NULL OR c.expires_at > now())
    )
$$;
COMMENT ON FUNCTION pgvoice.has_consent(bigint) IS
'Whether a speaker has a consent that is neither withdrawn nor expired.';

CREATE FUNCTION pgvoice.refuse_enrollment() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    named CONSTANT text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = NEW.speaker_id);
BEGIN
    IF named IS NOT NULL AND (SELECT s.consent_required FROM pgvoice.setting AS s)
       AND NOT pgvoice.has_consent(NEW.speaker_id) THEN
        RAISE EXCEPTION 'no consent that counts of %', quote_literal(named)
            USING ERRCODE = 'PV001', HINT = 'Keep the consent in pgvoice.consent first.';
    END IF;
    IF EXISTS (
        SELECT FROM pgvoice.opt_out_voice AS o
        WHERE o.encoder_id = NEW.encoder_id
          AND -(o.embedding <#> NEW.embedding) >= pgvoice.duplicate_limit(NEW.encoder_id)
    ) THEN
        RAISE EXCEPTION 'a voice that was erased, and asked not to be enrolled again'
            USING ERRCODE = 'PV002';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice.refuse_enrollment() IS
'Lets nobody in who did not agree, or whose voice is to stay out.';

CREATE TRIGGER enrollment_agreed
AFTER INSERT ON pgvoice.enrollment
FOR EACH ROW EXECUTE FUNCTION pgvoice.refuse_enrollment();

CREATE FUNCTION pgvoice.refuse_name() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pgvoice.opt_out AS o WHERE o.name_hash = pgvoice.name_hash(NEW.name)
    ) THEN
        RAISE EXCEPTION 'a name that was erased, and asked not to be enrolled again'
            USING ERRCODE = 'PV002';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice.refuse_name() IS 'Lets no name in that is to stay out.';

CREATE TRIGGER speaker_name_allowed
BEFORE INSERT OR UPDATE OF name ON pgvoice.speaker
FOR EACH ROW EXECUTE FUNCTION pgvoice.refuse_name();

CREATE FUNCTION pgvoice.require_consent(required boolean) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    UPDATE pgvoice.setting SET consent_required = required
$$;
COMMENT ON FUNCTION pgvoice.require_consent(boolean) IS
'Enroll nobody from now on without a consent that counts, or anybody; who is enrolled stays.';
