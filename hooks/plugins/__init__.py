"""Plugins: what they can implement, finding them, calling them."""
