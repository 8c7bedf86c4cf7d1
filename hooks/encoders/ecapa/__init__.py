"""ECAPA-TDNN: weights, packed network and features."""
