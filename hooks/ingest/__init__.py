"""Ingests: the recordings of a manifest, filled here, by processes, or by a Ray cluster."""
