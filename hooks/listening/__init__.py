"""Clips of voices: cut from the recordings, saved, and played."""
