DROP FUNCTION pgvoice.rival(vector, integer, bigint);
