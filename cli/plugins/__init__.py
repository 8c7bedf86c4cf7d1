"""``pgvoice encoder``, ``segmenter``, ``format`` and ``plugin``."""
