"""From a video's key to its audio file."""
