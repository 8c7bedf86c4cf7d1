"""Whether this machine can fill: torch, decoding, the encoder and the segmenter in use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from pgvoice.cli.checks.check import Check
from pgvoice.cli.checks.packages import installed_version, missing_packages
from pgvoice.hooks.encoders import registry, torch_pair
from pgvoice.hooks.encoders.lazy import choose_device
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE
from pgvoice.hooks.errors import PluginError, SegmenterUnavailable
from pgvoice.hooks.rehearsal import rehearse_decoding, rehearse_encoding, rehearse_segmenting
from pgvoice.hooks.segmenters.registry import SEGMENTER_VARIABLE
from pgvoice.store.errors import PgvoiceError


def check_filling(*, torch: bool) -> Iterator[Check]:
    """The checks of what a fill needs; without `torch`, only those that load no model."""
    if missing_packages("audio"):
        return  # A store can be read without; the check of the extra has the remedy.
    yield _tried("decoding", lambda: Check("decoding", "ok", _decoded()))
    if missing_packages("extract"):
        if torch and _needs_no_torch():
            yield _tried("encoder", _encoder)
        return
    if not torch:
        yield _versions()
        return
    loaded = _tried("torch", _torch)
    yield loaded
    if loaded.state != "fail":
        yield _tried("device", lambda: Check("device", "ok", choose_device()))
        yield _tried("encoder", _encoder)
        yield _tried("segmenter", _segmenter)


def _needs_no_torch() -> bool:
    """Whether the encoder in use is one whose extra is installed although torch is not."""
    used = registry.registered_encoders().get(registry.default_name())
    return used is not None and not (used.extra and missing_packages(used.extra))


def _tried(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except PluginError:
        return Check(name, "fail", "not checked, as the plugins fail")
    except PgvoiceError as error:
        return Check(name, "fail", str(error))
    except Exception as error:
        # What a package or a plugin raises that does not fit the others.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return Check(name, "fail", f"a fill would fail: {reason}; look at the versions above")


def _decoded() -> str:
    return f"{' and '.join(rehearse_decoding())}, with resampling"


def _versions() -> Check:
    found = ", ".join(f"{name} {installed_version(name)}" for name in ("torch", "torchaudio"))
    if torch_pair.releases_differ():
        return Check("torch", "warn", f"{found}, of different releases: {torch_pair.remedy()}")
    return Check("torch", "ok", found)


def _torch() -> Check:
    torch_pair.load_torchaudio()
    return _versions()


def _encoder() -> Check:
    found = rehearse_encoding()
    device = f"{found.device} ({found.chosen})" if found.chosen else found.device
    if not found.lacks_weights:
        return Check("encoder", "ok", f"{found.encoder} encodes on {device}")
    return Check(
        "encoder",
        "warn",
        f"{found.encoder} works on {device} but its weights are not here: the first fill"
        f" downloads them; {ENCODER_VARIABLE}=campplus needs no download",
    )


def _segmenter() -> Check:
    """A warning if it does not work but nobody chose it: segments may come from elsewhere."""
    try:
        identity, device = rehearse_segmenting()
    except SegmenterUnavailable as error:
        if os.environ.get(SEGMENTER_VARIABLE):
            raise
        lacking = f"{error}; without it, recordings need files with segments beside them"
        return Check("segmenter", "warn", lacking)
    return Check("segmenter", "ok", f"{identity} segments on {device}")
