"""CAM++: weights, features and the packed network."""
