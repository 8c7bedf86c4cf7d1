"""The segmentation-3.0 network, and turns from what it says about overlapping windows."""
