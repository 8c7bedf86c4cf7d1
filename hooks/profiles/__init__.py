"""Profiles as files: our own between stores, and those and the source lists of other pipelines."""

from pgvoice.hooks.profiles.exchange import export_profiles
from pgvoice.hooks.profiles.importing import Imported, import_profiles

__all__ = ["Imported", "export_profiles", "import_profiles"]
