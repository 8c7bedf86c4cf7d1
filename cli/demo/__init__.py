"""``pgvoice demo``."""
