"""Kept labels: runs, pins, and the labels that count now."""
