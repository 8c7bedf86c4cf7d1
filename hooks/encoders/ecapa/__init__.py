"""ECAPA-TDNN: weights, features and the packed network."""
