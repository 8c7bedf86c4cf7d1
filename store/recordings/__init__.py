"""Recordings, encoders and the vectors of segments: what fills read and write."""
