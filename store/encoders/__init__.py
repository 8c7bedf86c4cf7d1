"""Encoders of a store: which one answers, and switching to another one."""
