"""Notes: a page to write them on, and a panel beside what they are about.

VOICE_NOTES names the file that keeps them: JSON, a note per line.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pgvoice.hooks import RegisterPage, hookimpl

if TYPE_CHECKING:
    from fastapi import APIRouter

    from pgvoice.cli.serve.site import Site


@hookimpl
def register_pages(register: RegisterPage) -> None:
    register(
        "notes", make, title="Notes", panels=dict.fromkeys(("recording", "person", "voice"), panel)
    )


def make(site: Site) -> APIRouter:
    """The page ``/notes``. The web's packages are imported only when it is served."""
    from pgvoice_notes.page import router

    return router(site)


def panel(_site: Site, subject: str) -> str:
    """The notes about a recording, a person or a voice, with a link to write another."""
    from pgvoice_notes.page import beside

    return beside(subject)


def read() -> list[tuple[str, str]]:
    """Every note: what it is about, and its text."""
    file = _file()
    if not file.exists():
        return []
    return [(about, text) for about, text in map(json.loads, file.read_text().splitlines())]


def write(about: str, text: str) -> None:
    """Add a note."""
    with _file().open("a") as notes:
        notes.write(json.dumps([about, text]) + "\n")


def _file() -> Path:
    return Path(os.environ["VOICE_NOTES"])
