"""Names and numbers of the schema, for who does not need its tables."""

from __future__ import annotations

SCHEMA = "pgvoice"
#: The schema of the functions that only the owner and admins may call.
INTERNAL_SCHEMA = "pgvoice_internal"
#: The most partitions that the table of vectors may have.
MAX_PARTITIONS = 100
#: The rows of ``pgvoice.lock`` that stay.
LOCKS = ("labels", "enrollment", "index")
