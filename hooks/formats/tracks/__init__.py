"""Label tracks and tiers of annotation programs: Audacity, ELAN and Praat."""
