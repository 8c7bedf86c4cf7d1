"""Encoders that count, die, watch or disturb."""
