"""``pgvoice encoder`` and ``plugin``."""
