"""``pgvoice db``."""
