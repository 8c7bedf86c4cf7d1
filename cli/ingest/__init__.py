"""``pgvoice ingest``."""
