"""Moving a library from one encoder to another."""
