"""Corrections on the page ``/recording``: of a turn, a label, or a whole unknown voice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from pgvoice.cli import output
from pgvoice.cli.serve.reviewing import effects, refusals
from pgvoice.cli.serve.site import Site
from pgvoice.store.errors import DatabaseError, EnrollmentRefused, NewName, PgvoiceError
from pgvoice.store.keys import SegmentKey
from pgvoice.store.labels.runs import Relabelling
from pgvoice.store.voice_store import VoiceStore

#: What a form says of turns.
Says = Literal["is", "not", "nobody", "forget"]
#: A segment as a form passes it: start and end in whole milliseconds.
Segment = Annotated[str | None, Form(pattern=r"^\d{1,10}-\d{1,10}$")]
#: So many of the newest acts are looked through for the one that was just done.
_NEWEST = 20
#: The last millisecond that the store can name.
_LATEST = 2**31 - 1


class Done(NamedTuple):
    """What an act did, in words, and its number, if it has one."""

    text: str
    act: int | None


def make(site: Site) -> APIRouter:
    router = APIRouter()
    store = site.store

    @router.post("/recording/say")
    def say(
        request: Request,
        video: Annotated[str, Form()],
        says: Annotated[Says, Form()],
        segment: Segment = None,
        label: Annotated[str | None, Form()] = None,
        name: Annotated[str, Form()] = "",
        new: Annotated[bool, Form()] = False,
        back: Annotated[str, Form()] = "/",
    ) -> Response:
        def act() -> Done:
            keys = _meant(store, video, segment, label)
            return said(store, video, keys, says, name, new=new, author=_author(request))

        return _do(site, request, back, act)

    @router.post("/recording/voice")
    def voice(
        request: Request,
        video: Annotated[str, Form()],
        voice: Annotated[int, Form(ge=1, le=2**63 - 1)],
        does: Annotated[Literal["name", "different"], Form()],
        name: Annotated[str, Form()] = "",
        consent: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "/",
    ) -> Response:
        def act() -> Done:
            if does == "different":
                parted = store.voices.different(voice, video)
                return Done(effects.parting(parted, video), parted.act)
            named = store.voices.name(voice, name.strip(), consent=consent.strip() or None)
            return Done(effects.naming(named), named.act)

        return _do(site, request, back, act, lambda error: _refused(voice, name, error))

    @router.post("/recording/label")
    def label_again(
        request: Request,
        video: Annotated[str, Form()],
        encoder: Annotated[str | None, Form()] = None,
        back: Annotated[str, Form()] = "/",
    ) -> Response:
        def act() -> Done:
            return labelled(store, video, encoder or None, author=_author(request))

        return _do(site, request, back, act)

    return router


def said(
    store: VoiceStore,
    video: str,
    keys: list[SegmentKey],
    says: Says,
    name: str,
    *,
    new: bool,
    author: str | None,
) -> Done:
    """Pin turns of a recording, or forget what was said of them."""
    number = _newest(store)
    if says == "forget":
        count = store.labels.unpin_segments(video, keys)
        told = f"Forgot what was said of {output.counted(count, 'turn')}"
    else:
        who = None if says == "nobody" else name.strip()
        store.labels.pin_segments(video, keys, who, holds=says != "not", new=new)
        told = _told(keys, says, who)
    return Done(told, _act_since(store, number, video, author))


def labelled(store: VoiceStore, video: str, encoder: str | None, *, author: str | None) -> Done:
    """Keep who speaks in a recording, as of now."""
    number = _newest(store)
    found = store.labels.label([video], encoder=encoder)
    return Done(_changed(found), _act_since(store, number, video, author))


def _meant(
    store: VoiceStore, video: str, segment: str | None, label: str | None
) -> list[SegmentKey]:
    """The turn, or all turns of the label, that a form is about."""
    if segment is not None:
        start, end = map(int, segment.split("-"))
        if not start <= end <= _LATEST:
            raise ValueError(f"{segment} is no span of a recording: choose one of its turns")
        return [SegmentKey(start, end)]
    if label is None:
        raise ValueError("neither a turn nor a label is given: choose one")
    (found,) = store.labels.resolve(video, labels=[label])
    return list(found.segments)


def _newest(store: VoiceStore) -> int:
    return max((act.number for act in store.acts.list(limit=1)), default=0)


def _act_since(store: VoiceStore, number: int, video: str, author: str | None) -> int | None:
    """The act of a person on a recording after another one; None if nothing was changed."""
    since = (act for act in store.acts.list(limit=_NEWEST) if act.number > number)
    own = (act.number for act in since if act.subject == video and act.on_behalf_of == author)
    return next(own, None)


def _author(request: Request) -> str | None:
    author: str | None = request.scope.get("pgvoice.author")
    return author


def _do(
    site: Site,
    request: Request,
    back: str,
    act: Callable[[], Done],
    refused: Callable[[EnrollmentRefused], str] = str,
) -> Response:
    """Do it, and say on the page what was done, or why not."""
    try:
        done = act()
    except DatabaseError:
        raise
    except NewName as error:
        site.tell(request, _new_name(error), is_error=True)
    except EnrollmentRefused as error:
        site.tell(request, refused(error), is_error=True)
    except (PgvoiceError, ValueError) as error:
        site.tell(request, str(error), is_error=True)
    else:
        site.tell(request, done.text, act=done.act)
    return site.go_back(back)


def _new_name(error: NewName) -> str:
    return f"{str(error).partition(' Check the spelling')[0]} To add somebody, tick “new person”."


def _refused(voice: int, name: str, error: EnrollmentRefused) -> str:
    found = refusals.refusal(voice, name, error)
    if found.needs_consent:
        return f"{found.why} {found.remedy}"
    return f"{found.why} Open voice {voice} in the review to listen to it and decide."


def _told(keys: list[SegmentKey], says: Says, who: str | None) -> str:
    seconds = output.clock(sum(key.duration_ms for key in keys) / 1000)
    verb = "is" if len(keys) == 1 else "are"
    told = f"not {who}" if says == "not" else f"{who or 'nobody known'} now"
    return f"{output.counted(len(keys), 'turn')} ({seconds}) {verb} {told}"


def _changed(found: Relabelling) -> str:
    people = "1 person" if found.speakers == 1 else f"{found.speakers:,} people"
    left = f"; {output.counted(found.left_pinned, 'label')} left as somebody said"
    return (
        f"{output.counted(found.segments, 'turn')} judged, {people} named:"
        f" {output.counted(found.changed, 'label')} changed{left if found.pinned else ''}"
    )
