"""The models of the package redimnet2-onnx: files with hashes in a manifest, found on this machine.

The package downloads them into a cache; a folder with the same files does as well.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from pgvoice.hooks.encoders.weights import digest
from pgvoice.hooks.errors import EncoderUnavailable, needs_extra

#: .17 % EER on VoxCeleb1-O by its authors' measure, https://github.com/PalabraAI/redimnet2.
DEFAULT_MODEL = "b6-vb2+vox2_v0-lm"
MANIFEST = "manifest.json"
SUFFIX = ".onnx"


class Entry(msgspec.Struct, frozen=True):
    """A model in the manifest."""

    filename: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True):
    """The list of a release's models; what else it says of them is not needed."""

    schema_version: Literal[1]
    models: dict[str, Entry]


class Released(NamedTuple):
    """A model whose file is on this machine."""

    name: str
    path: Path
    #: What the manifest says; whether the file has it is checked when it is loaded.
    sha256: str
    #: Whether the package downloaded it, and can do so again.
    is_cached: bool

    def checked(self) -> Path:
        """The file, once its hash is that of the manifest.

        If it is not, a downloaded file is downloaded again. Raises `EncoderUnavailable`.
        """
        if self.is_cached:
            self._download()
        found = digest(self.path)
        if found != self.sha256:
            raise EncoderUnavailable(
                f"the model {self.path} has the sha256 {found}, not {self.sha256} as {MANIFEST}"
                " says: the file was changed or replaced; download both again"
            )
        return self.path

    def _download(self) -> None:
        with needs_extra("redimnet2"):
            from redimnet2_onnx import download_model
        try:
            download_model(self.name, cache_folder())
        except (RuntimeError, OSError) as error:
            raise EncoderUnavailable(
                f"the model {self.path} was changed, and cannot be downloaded again: {error}"
            ) from error


def find_model(source: str | None) -> Released:
    """The model of this name, or in this folder; without a source, the default one.

    A folder has the files of a release. If they are several models and none is the default one,
    the source is the file of one of them. Raises `EncoderUnavailable`.
    """
    if source is not None and ("/" in source or os.sep in source):
        return _in_folder(Path(source).expanduser())
    return _in_cache(source or DEFAULT_MODEL)


def cache_folder() -> Path:
    """Where the package keeps its downloads."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "redimnet2-onnx"


def _in_cache(name: str) -> Released:
    with needs_extra("redimnet2"):
        from redimnet2_onnx import available_models
        from redimnet2_onnx.models import MODEL_RELEASE
    if name not in available_models():
        raise EncoderUnavailable(
            f"redimnet2 has no model {name!r}; choose one of: {', '.join(available_models())}"
        )
    folder = cache_folder() / MODEL_RELEASE
    if not (folder / MANIFEST).is_file() or not (folder / f"{name}{SUFFIX}").is_file():
        fetch = f"import redimnet2_onnx as r; r.download_model('{name}')"
        raise EncoderUnavailable(
            f"the model {name} is not on this machine: download it once with"
            f' `python -c "{fetch}"`, or choose a folder that has its file and {MANIFEST}:'
            " redimnet2:/folder"
        )
    return _listed(folder, name, is_cached=True)


def _in_folder(path: Path) -> Released:
    if path.suffix == SUFFIX:
        return _listed(path.parent, path.stem, is_cached=False)
    names = sorted(_manifest(path).models)
    if DEFAULT_MODEL in names and (path / f"{DEFAULT_MODEL}{SUFFIX}").is_file():
        return _listed(path, DEFAULT_MODEL, is_cached=False)
    there = [name for name in names if (path / f"{name}{SUFFIX}").is_file()]
    if len(there) == 1:
        return _listed(path, there[0], is_cached=False)
    some = f"several models ({', '.join(there)})" if there else "no model"
    raise EncoderUnavailable(
        f"the folder {path} has {some} that {MANIFEST} lists: name a file,"
        f" redimnet2:{path / 'NAME'}{SUFFIX}"
    )


def _listed(folder: Path, name: str, *, is_cached: bool) -> Released:
    models = _manifest(folder).models
    path = folder / f"{name}{SUFFIX}"
    if name not in models or models[name].filename != path.name:
        raise EncoderUnavailable(
            f"{folder / MANIFEST} does not list {path.name}; it lists:"
            f" {', '.join(sorted(models)) or 'nothing'}"
        )
    if not path.is_file():
        raise EncoderUnavailable(f"there is no file {path}: download it from its release")
    return Released(name, path, models[name].sha256, is_cached)


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise EncoderUnavailable(
            f"cannot read {path}: {error.strerror}; copy it from the release that the model is of"
        ) from error
    except msgspec.MsgspecError as error:
        raise EncoderUnavailable(
            f"{path} is not the manifest of a release of redimnet2-onnx that pgvoice knows: {error}"
        ) from error
