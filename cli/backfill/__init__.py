"""``pgvoice backfill``."""
