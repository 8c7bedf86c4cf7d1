"""``pgvoice label``, ``relabel`` and ``labels``."""
