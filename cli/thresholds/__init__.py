"""``pgvoice thresholds``, ``calibrate`` and ``evaluate``, and how thresholds are shown."""
