"""Who speaks when, from audio alone: its errors, its speed and its memory."""
