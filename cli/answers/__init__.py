"""``pgvoice identify``, ``search``, ``similar`` and ``index``."""
