"""Connections, the embedded server, the schema and its roles."""
