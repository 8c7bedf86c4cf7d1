"""``pgvoice calibrate`` and ``evaluate``, and how thresholds are shown."""
