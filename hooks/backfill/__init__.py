"""Backfills: many recordings of a manifest, filled here, by processes, or by a Ray cluster."""

from pgvoice.hooks.backfill.engine import Here
from pgvoice.hooks.backfill.manifest import Manifest, ManifestRow, read_manifest
from pgvoice.hooks.backfill.on_ray import RayActors
from pgvoice.hooks.backfill.processes import Processes
from pgvoice.hooks.backfill.running import BackfillReport, backfill

__all__ = [
    "BackfillReport",
    "Here",
    "Manifest",
    "ManifestRow",
    "Processes",
    "RayActors",
    "backfill",
    "read_manifest",
]
