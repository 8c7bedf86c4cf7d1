"""Thresholds from the library's own data: trials, calibration, measures."""
