"""``Switch``: fills a library with another encoder, carries over what people said, and flips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Literal

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.errors import EncoderUnavailable, SwitchRefused, SwitchStopped
from pgvoice.hooks.fill.answering import is_meant
from pgvoice.hooks.ingest.engine import Engine, Here, Stop
from pgvoice.hooks.ingest.labelling import BATCH
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.running import Ingest, IngestReport
from pgvoice.hooks.switch import exemplars
from pgvoice.hooks.switch.exemplars import Exemplars
from pgvoice.hooks.switch.report import Judged, Recalibrated, SwitchReport
from pgvoice.hooks.switch.thresholds import recalibrate
from pgvoice.store.errors import IndexBusy, SchemaForbidden, UnknownVideo
from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice.store.voice_store import VoiceStore

#: The steps that take time, in order.
StepName = Literal["filling", "exemplars", "thresholds", "labels", "index", "comparing"]
#: Called with how much of a step is done, and with the whole.
Tell = Callable[[int, int], None]
#: Is open during a step, and gives what is told how far it is.
WatchStep = Callable[[StepName], AbstractContextManager[Tell]]


@contextmanager
def unwatched(_name: StepName) -> Iterator[Tell]:
    """Tell nobody."""
    yield lambda _done, _total: None


class Switch:
    """A switch from the encoder that answers to the one of an engine: `prepare`, then `flip`.

    All that it does is stored at once, and what is stored is not done again: a switch that was
    killed begins anew and does the rest. Until `flip` nothing changes for those who name no
    encoder. To an encoder that answers already it does what is missing, as compared with the one
    before.

    `new` is the identity of a stored encoder whose model need not be there if nothing is missing.
    Recordings that fail are tried `retries` more times. Once `stop` is true, it ends with
    `SwitchStopped` after the recordings in progress.
    """

    def __init__(
        self,
        engine: Engine,
        new: EncoderIdentity | None = None,
        *,
        retries: int = 2,
        stop: Stop = lambda: False,
        watch: WatchStep = unwatched,
    ) -> None:
        self._engine, self._store = engine, engine.store
        self._identity = new or engine.identity
        self._retries, self._stop, self._watch = retries, stop, watch
        self._fills = IngestReport()
        #: Recordings that were not complete.
        self._lacking = set[str]()

    @property
    def name(self) -> str:
        """What the state of the fills is called among the ingests of the store."""
        return f"encoder {self._identity}"

    @cached_property
    def old(self) -> StoredEncoder:
        """The encoder that answers, or that did before, if the new one does.

        Raises `SwitchRefused` if there is none.
        """
        known = self._store.encoders.list()
        if not known:
            raise SwitchRefused(
                "the store has no encoder yet, so there is nothing to switch from: fill it with"
                f" {self._identity} to begin with (`pgvoice ingest --encoder …`)"
            )
        default = next(each for each in known if each.is_default)
        if default.identity != self._identity:
            return default
        before = self._store.encoders.before()
        if before is None:
            raise SwitchRefused(
                f"{self._identity} answers already, and the library was never filled with another"
                " encoder: name the one to switch to"
            )
        return before

    def prepare(self) -> SwitchReport:
        """Do everything but the flip, as far as it is not done.

        Raises `SwitchRefused`, `EncoderUnavailable` and `PrivilegeMissing` before anything is
        stored, and `SwitchStopped`.
        """
        old = self.old
        # To keep labels of no recording changes nothing, but whoever may not is told so now.
        self._store.labels.label([], encoder=old.identity, dry_run=True)
        new = self._registered(old)
        self._fill(old, new)
        given = self._carry(old, new)
        calibrated = self._judge(old, new, again=given.are_new or bool(self._fills.vectors))
        labelled = self._label(old, new)
        indexed, not_indexed = self._index(old, new)
        with self._step("comparing"):
            return SwitchReport(
                old=self._judged(old),
                new=self._judged(new),
                complete=len(self._filled(old) - self._lacking),
                filled=self._fills.filled,
                vectors=self._fills.vectors,
                failed=tuple(self._fills.failed),
                carried=given.carried,
                computed=given.computed,
                missing=given.missing,
                voices=given.voices,
                unrecognised_opt_outs=self._store.encoders.unrecognised_opt_outs(new.identity),
                calibration=calibrated,
                labelled=labelled,
                moves=tuple(self._store.encoders.changes(new.identity, like=old.identity)),
                indexed=indexed,
                not_indexed=not_indexed,
                answered=new.is_default,
            )

    def flip(self, report: SwitchReport) -> SwitchReport:
        """Let the new encoder answer from now on.

        Raises `EncoderInUse` if another one answers by now than `report` compared with, and
        `SwitchRefused` if the new one has nothing to answer with.
        """
        if report.answered:
            return report
        if report.failed and not report.complete + report.filled:
            raise SwitchRefused(
                f"{self._identity} has no vector of any recording, so it could not answer:"
                f" `pgvoice ingest failed '{self.name}'` says why"
            )
        self._store.encoders.make_default(self._identity, instead_of=report.old.encoder)
        unfilled = self._store.encoders.unfilled(self._identity, like=report.old.encoder)
        late = {each.video for each in unfilled} - {each.video for each in report.failed}
        return replace(report, flipped=True, late=len(late))

    def _registered(self, old: StoredEncoder) -> StoredEncoder:
        """The new encoder in the store; its model is loaded if a recording needs it."""
        known = self._store.encoders.list()
        found = next((each for each in known if each.identity == self._identity), None)
        if found and not self._store.encoders.unfilled(found.identity, like=old.identity):
            return found
        encoder = self._encoder
        encoder.load()
        return self._store.encoders.register(self._identity, encoder.default_threshold)

    @cached_property
    def _encoder(self) -> Encoder:
        made = self._engine.encoder
        if made.identity != self._identity:
            raise EncoderUnavailable(
                f"the model is {made.identity}, and the library was filled with {self._identity}:"
                " name the one with these weights"
            )
        return made

    def _fill(self, old: StoredEncoder, new: StoredEncoder) -> None:
        """Fill what the old encoder has and the new one lacks, by the engine."""
        unfilled = self._store.encoders.unfilled(new.identity, like=old.identity)
        self._lacking = {each.video for each in unfilled}
        self._forget_failures()
        if not unfilled:
            return
        is_meant(self._store, new.identity)
        with self._step("filling") as tell:
            fills = Ingest(
                self._engine,
                self.name,
                retries=self._retries,
                labels=False,
                stop=self._stop,
                on_progress=lambda found: tell(found.videos, len(unfilled)),
            )
            self._fills = fills.run(
                [ManifestRow(each.video, each.source, like=old.identity) for each in unfilled]
            )

    def _forget_failures(self) -> None:
        """Settle recordings that failed before and have been filled since in another way."""
        ended = [
            Outcome(each.video)
            for each in self._store.ingests.failed(self.name)
            if each.video not in self._lacking
        ]
        self._store.ingests.settle(self.name, ended)

    def _carry(self, old: StoredEncoder, new: StoredEncoder) -> Exemplars:
        """Give the new encoder exemplars and unknown voices."""
        with self._step("exemplars") as tell:

            def told(done: int, total: int) -> None:
                tell(done, total)
                self._check_stop()

            return exemplars.give(
                self._store, lambda: self._encoder, new.identity, old.identity, told
            )

    def _judge(self, old: StoredEncoder, new: StoredEncoder, *, again: bool) -> Recalibrated | None:
        """Fit the library's thresholds, and calibrate as the old encoder is.

        An encoder that has answered keeps its thresholds unless it has got something new (`again`).
        """
        first = self._store.encoders.list()[0].identity
        has_answered = new.default_since is not None or new.identity == first
        with self._step("thresholds"):
            if again or not has_answered:
                self._store.thresholds.refresh(encoder=new.identity)
            return recalibrate(self._store, old, new, again=again)

    def _filled(self, old: StoredEncoder) -> set[str]:
        """The recordings with segments of the old encoder."""
        return {each.video for each in self._store.recordings.coverage(encoder=old.identity)}

    def _label(self, old: StoredEncoder, new: StoredEncoder) -> int:
        """Keep labels of the new encoder for recordings that have some of the old one."""
        stored = self._store.recordings.videos(encoder=old.identity)
        videos = [each.video for each in stored if each.labelled]
        with self._step("labels") as tell:
            for start in range(0, len(videos), BATCH):
                self._check_stop()
                self._label_those(videos[start : start + BATCH], new)
                tell(min(start + BATCH, len(videos)), len(videos))
            # Without labels of the old encoder there are none to wait for.
            filled = self._store.ingests.unlabelled(self.name)
            self._store.ingests.finish(self.name, filled)
        return len(videos)

    def _label_those(self, videos: list[str], new: StoredEncoder) -> None:
        try:
            self._store.labels.label(videos, encoder=new.identity)
        except UnknownVideo:  # One was erased meanwhile.
            if len(videos) > 1:
                for each in videos:
                    self._label_those([each], new)

    def _index(self, old: StoredEncoder, new: StoredEncoder) -> tuple[bool | None, str | None]:
        """Build an index if the old encoder has one: whether there is one, and why not."""
        found = {each.encoder: each for each in self._store.index.status()}
        before, after = found[str(old.identity)], found[str(new.identity)]
        if not before.indexed or (after.complete and not after.outgrown):
            return (True if before.indexed else None), None
        with self._step("index") as tell:
            try:
                self._store.index.build(
                    new.identity,
                    on_progress=lambda build: tell(build.blocks_done, max(build.blocks_total, 1)),
                )
            except (IndexBusy, SchemaForbidden) as error:
                return False, str(error)
        return True, None

    def _judged(self, encoder: StoredEncoder) -> Judged:
        required = self._store.thresholds.required(encoder=encoder.identity)
        return Judged(encoder.identity, required, self._store.encoders.confirmed(encoder.identity))

    @contextmanager
    def _step(self, name: StepName) -> Iterator[Tell]:
        self._check_stop()
        with self._watch(name) as tell:
            yield tell
        self._check_stop()

    def _check_stop(self) -> None:
        if self._stop():
            raise SwitchStopped(self._store.encoders.find().identity)


def switch_encoder(
    store: VoiceStore,
    encoder: Encoder | str | None = None,
    *,
    flip: bool = True,
    engine: Engine | None = None,
    retries: int = 2,
    stop: Stop = lambda: False,
    watch: WatchStep = unwatched,
) -> SwitchReport:
    """Fill a library with another encoder, carry over what people said, and let it answer.

    The encoder can be given by name; by default it is that of `make_encoder`, or that of `engine`,
    which fills in several processes or on a Ray cluster. Without `flip`, it answers only those who
    name it, and the report says what would change. Everything is as `Switch` says it, which also
    tells what is raised.
    """
    if engine is None:
        made = make_encoder(encoder) if encoder is None or isinstance(encoder, str) else encoder
        engine = Here(store, lambda: made)
    switch = Switch(engine, retries=retries, stop=stop, watch=watch)
    report = switch.prepare()
    return switch.flip(report) if flip else report
