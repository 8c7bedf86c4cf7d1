"""Plugins: the hooks they can implement, loading them, calling them."""
