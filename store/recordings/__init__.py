"""Recordings, encoders and the vectors of segments, which fills read and write."""
