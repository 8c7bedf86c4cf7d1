"""What changes people: enrolling, renaming, merging, splitting, erasing; and consents."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from pgvoice.cli.serve.api.consent import consent_of
from pgvoice.cli.serve.api.shapes.enrolling import (
    Drop,
    DropOutliers,
    Enroll,
    Erase,
    Grant,
    Merge,
    OfPerson,
    Rename,
    Restore,
    SplitPerson,
)
from pgvoice.cli.serve.api.shapes.people import (
    Counted,
    DroppedExemplar,
    Enrollment,
    Erasure,
    Merged,
    Outliers,
    Renamed,
    Split,
)
from pgvoice.cli.serve.api.writing import writing
from pgvoice.cli.serve.site import Site
from pgvoice.store.people import enrollments, speakers, splitting


def make(site: Site) -> APIRouter:
    router = APIRouter(tags=["people"])
    for part in (_naming(site), _exemplars(site), _privacy(site)):
        router.include_router(part)
    return router


def _naming(site: Site) -> APIRouter:
    router, store = writing(site), site.store

    @router.post("/people/enroll", response_model=Enrollment)
    def enroll(asked: Enroll) -> enrollments.Enrollment:
        """Enroll somebody from stored segments of a recording, or add exemplars."""
        return store.people.enroll_segments(
            asked.name,
            asked.video,
            [(span.start, span.end) for span in asked.spans],
            asked.encoder,
            labels=asked.labels,
            min_speech=asked.min_speech,
            consent=consent_of(asked.name, asked.consent),
            force=asked.force,
        )

    @router.post("/people/rename", response_model=Renamed)
    def rename_person(asked: Rename) -> Renamed:
        """Give a person another name."""
        act = store.people.rename(asked.name, asked.new_name)
        return Renamed(act=act, speaker=asked.new_name)

    @router.post("/people/merge", response_model=Merged)
    def merge_people(asked: Merge) -> speakers.Merge:
        """Make two entries of one person one: that of `name` becomes part of `into`."""
        return store.people.merge(asked.name, asked.into, force=asked.force, dry_run=asked.dry_run)

    @router.post("/people/split", response_model=Split)
    def split_person(asked: SplitPerson) -> splitting.Split:
        """Give exemplars of a person to somebody else, and judge the person's labels again."""
        return store.people.split(
            asked.name,
            asked.into,
            videos=asked.videos,
            exemplars=asked.exemplars,
            suggest=asked.suggest,
            encoder=asked.encoder,
            consent=consent_of(asked.into, asked.consent),
            force=asked.force,
            dry_run=asked.dry_run,
        )

    @router.post("/people/remove", response_model=Counted)
    def remove_person(asked: OfPerson) -> Counted:
        """Delete a person; can be undone."""
        return Counted(exemplars=store.people.remove(asked.name))

    return router


def _exemplars(site: Site) -> APIRouter:
    router, store = writing(site), site.store

    @router.post("/exemplars/drop", response_model=DroppedExemplar)
    def drop_exemplar(asked: Drop) -> speakers.DroppedExemplar:
        """Delete an exemplar of a person."""
        return store.people.drop(asked.name, asked.exemplar, dry_run=asked.dry_run)

    @router.post("/exemplars/drop_outliers", response_model=Outliers)
    def drop_outliers(asked: DropOutliers) -> dict[str, object]:
        """Leave exemplars out of a profile that do not sound like the others."""
        return {
            "left_out": store.people.drop_outliers(
                asked.name, encoder=asked.encoder, dry_run=asked.dry_run
            )
        }

    @router.post("/exemplars/restore", response_model=Counted)
    def restore_exemplars(asked: Restore) -> Counted:
        """Take exemplars back into a profile that were left out."""
        count = store.people.restore_exemplars(asked.name, encoder=asked.encoder)
        return Counted(exemplars=count)

    return router


def _privacy(site: Site) -> APIRouter:
    router, store = writing(site), site.store

    @router.post("/people/erase", response_model=Erasure)
    def erase_person(asked: Erase) -> dict[str, object]:
        """Erase a person: voice, labels, consents and name. Cannot be undone."""
        done = store.privacy.erase_speaker(
            asked.name,
            with_segments=asked.with_segments,
            opt_out=asked.opt_out,
            opt_out_voice=asked.opt_out_voice,
            dry_run=asked.dry_run,
        )
        return asdict(done) | {"remains": store.privacy.remains(asked.name)}

    @router.post("/consents/grant", status_code=204)
    def grant_consent(asked: Grant) -> None:
        """Record that a person agreed to be enrolled."""
        meant = consent_of(asked.name, asked.consent)
        assert meant is not None  # noqa: S101 - the request has one
        store.privacy.grant_consent(asked.name, meant)

    @router.post("/consents/withdraw", response_model=Counted)
    def withdraw_consent(asked: OfPerson) -> Counted:
        """End a person's consents, and delete exemplars and profiles. Cannot be undone."""
        return Counted(exemplars=store.privacy.withdraw_consent(asked.name))

    return router
