"""Reviewing unknown voices: what a session has answered, and what a card shows."""
