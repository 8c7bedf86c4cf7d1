"""Answers over a library of vectors: from pgvoice's store, and from what it is compared with."""
