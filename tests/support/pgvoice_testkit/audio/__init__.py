"""Sounds made for tests, and real recordings if this machine has them."""
