"""``pgvoice doctor``."""
