"""``pgvoice enroll``."""
