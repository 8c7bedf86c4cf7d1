"""The built-in pages, registered like those of a plugin, and before them."""

from __future__ import annotations

from pgvoice.cli.serve.pages import acts, library, people, recording, review, search, trust
from pgvoice.hooks.plugins.specs import RegisterPage, hookimpl


@hookimpl(trylast=True)
def register_pages(register: RegisterPage) -> None:
    register("review", review.make, title="Review")
    register("library", library.make, title="Library")
    register("recording", recording.make)
    register("people", people.make, title="People")
    register("search", search.make, title="Search")
    register("trust", trust.make, title="Trust")
    register("acts", acts.make, title="Acts")
