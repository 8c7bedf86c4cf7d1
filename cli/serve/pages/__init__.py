"""The built-in pages: each file has one, or a few that belong together."""
