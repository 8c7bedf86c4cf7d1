"""Checking and copying a store, and the state of ingests."""
