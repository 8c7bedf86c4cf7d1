"""Postgres servers and databases for tests."""
