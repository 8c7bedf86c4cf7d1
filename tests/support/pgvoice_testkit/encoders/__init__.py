"""Fake encoders that count their calls, and some that also disturb, kill or watch a fill."""
