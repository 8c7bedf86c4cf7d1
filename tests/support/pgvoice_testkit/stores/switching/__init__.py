"""A library that outlives its encoder, and what must not change when it does."""
