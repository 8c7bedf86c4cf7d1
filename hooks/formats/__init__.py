"""Segments from the files of other tools, and names into them: JSON, WhisperX, RTTM, SRT, VTT."""
