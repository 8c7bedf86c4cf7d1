"""Segmenters: from audio alone to turns with labels that are local to a recording."""
