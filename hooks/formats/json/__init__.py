"""JSON formats: plain JSON and WhisperX."""
