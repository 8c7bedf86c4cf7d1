"""The demonstrations: a conversation, and a series."""
