"""``pgvoice consent``, ``erase``, ``retention`` and ``audit``."""
