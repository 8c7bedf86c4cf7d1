"""Encoders on waveforms in memory: the plain models, other runtimes, pgvoice's, and the floor."""
