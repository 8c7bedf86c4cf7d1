"""The checks of `pgvoice doctor`."""
