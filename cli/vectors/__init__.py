"""`pgvoice vectors`: vectors of other engines, and exports of stored ones."""
