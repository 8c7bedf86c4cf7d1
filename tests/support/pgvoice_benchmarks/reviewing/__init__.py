"""A large library with a queue of unknown voices to name."""
