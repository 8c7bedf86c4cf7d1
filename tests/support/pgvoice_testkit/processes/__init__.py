"""Processes of their own: fills that are killed, crews, installed plugins."""
