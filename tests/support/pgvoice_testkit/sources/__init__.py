"""The source files themselves, as tests look at them."""
