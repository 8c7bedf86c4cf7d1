"""A library that is larger than memory: measured step by step, on a disk, in one database."""
