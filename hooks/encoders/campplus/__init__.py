"""CAM++: weights, packed network and features."""
