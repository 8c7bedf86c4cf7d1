"""A library of real speech that changes its encoder."""
