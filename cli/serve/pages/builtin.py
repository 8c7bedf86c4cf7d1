"""The built-in pages, registered like those of a plugin, and before them."""

from __future__ import annotations

from pgvoice.cli.serve.pages import acts, audit, library, recording, review, search, trust
from pgvoice.cli.serve.pages.people import overview, person
from pgvoice.hooks.plugins.specs import RegisterPage, hookimpl


@hookimpl(trylast=True)
def register_pages(register: RegisterPage) -> None:
    register("review", review.make, title="Review")
    register("library", library.make, title="Library")
    register("recording", recording.make)
    register("people", overview.make, title="People")
    register("person", person.make)
    register("search", search.make, title="Search")
    register("trust", trust.make, title="Trust")
    register("acts", acts.make, title="Acts")
    register("audit", audit.make)
