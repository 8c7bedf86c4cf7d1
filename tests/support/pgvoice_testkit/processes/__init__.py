"""Separate processes: killed fills, concurrent work on one store, installed plugins."""
