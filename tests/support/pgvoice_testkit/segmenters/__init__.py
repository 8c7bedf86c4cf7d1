"""A segmenter for tests."""
