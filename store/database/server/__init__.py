"""The embedded server's folder, locks, programs, start, stop and traces."""
