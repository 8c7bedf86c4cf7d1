"""The commands of `pgvoice voices`."""
