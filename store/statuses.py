"""The statuses that a stored segment can have."""

from __future__ import annotations

#: Statuses of a segment that has a vector. ``partial``: only part of the span was used, either its
#: first 60 seconds or what comes before the end of the audio.
EMBEDDED_STATUSES = ("ok", "partial")
#: Statuses of a segment that cannot have a vector. They are stored so that no fill tries it again.
SKIPPED_STATUSES = ("too_short", "silent", "out_of_range", "non_finite", "erased")
