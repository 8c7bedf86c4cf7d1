"""Backfills: many recordings of a manifest, filled by one or several processes."""

from pgvoice.hooks.backfill.manifest import ManifestRow, read_manifest
from pgvoice.hooks.backfill.running import BackfillReport, backfill

__all__ = ["BackfillReport", "ManifestRow", "backfill", "read_manifest"]
