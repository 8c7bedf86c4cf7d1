"""Audio sources: from a video's key to its audio file."""
