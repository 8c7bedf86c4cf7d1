"""A model: its file, what is known of it, and its identity, all without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pgvoice.hooks.encoders.onnx import beside, layouts
from pgvoice.hooks.encoders.onnx import settings as known
from pgvoice.hooks.encoders.onnx.graph_file import GraphFile, read_graph
from pgvoice.hooks.encoders.onnx.settings import FrontEnd, Stated
from pgvoice.hooks.encoders.onnx.signature import (
    Signature,
    dimension,
    mel_bins,
    signature,
    takes_samples,
    vectors_of,
)
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

#: The name of a model that has none; not that of its file, which may be called otherwise tomorrow.
NAME = "onnx"
#: Nobody measured it; models that were trained with a margin need about so much: CAM++ needs .40.
GUESS = Threshold(0.5, "a guess, as the model's TOML file states none")
STATED = "stated in the model's TOML file"
MIN_SECONDS = 0.25
EXAMPLES = {
    "waveform": """\
sample_rate = 16000
front_end = "waveform"  # it takes samples; the graph computes its features
""",
    "fbank": """\
sample_rate = 16000
front_end = "fbank"     # Kaldi's mel energies; or "nemo" for NeMo's
mel_bins = 80
window = "hamming"      # or "povey" or "hann"
scale = 32768           # of the samples; 1 for samples in [-1, 1]
normalize = "mean"      # over the frames; or "mean_std" or "none"
""",
}


@dataclass(frozen=True, slots=True)
class Model:
    """An ONNX file with a speaker model."""

    path: Path
    identity: EncoderIdentity
    threshold: Threshold
    front_end: FrontEnd
    signature: Signature
    #: Samples of the shortest waveform.
    min_samples: int


def find_model(source: str | Path) -> Path:
    """The ONNX file, or the only one in a folder; raises `EncoderUnavailable`."""
    path = Path(source).expanduser()
    if not path.is_dir():
        if path.is_file():
            return path
        raise EncoderUnavailable(f"there is no file or folder {path}: name an ONNX file")
    found = sorted(path.glob("*.onnx"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in found) or "none"
    raise EncoderUnavailable(f"{path} needs exactly one file *.onnx (it has: {names}): name a file")


def read_model(path: Path) -> Model:
    """All that is known of a model; raises `EncoderUnavailable` with what is missing or wrong."""
    graph = read_graph(path)
    try:
        return _read(path, graph)
    except ValueError as error:  # msgspec's errors are such, too
        raise EncoderUnavailable(f"cannot use the model {path}: {error}") from error


def _read(path: Path, graph: GraphFile) -> Model:
    bins = Stated(mel_bins=mel_bins(graph))
    given = layouts.from_file(graph).filled(bins)
    config = beside.from_config(path) if layouts.is_wespeakers(graph) else Stated()
    stated = beside.from_toml(path).over(config.filled(given)).filled(bins)
    used = known.front_end(stated)
    if used is None:
        raise EncoderUnavailable(_unknown(path, graph, stated))
    output = vectors_of(graph, stated)
    identity = EncoderIdentity(
        stated.name or NAME,
        f"sha256:{graph.sha256}",
        known.preprocessing(used, stated.output, known.front_end(given)),
        dimension(output, stated),
        used.sample_rate,
    )
    shortest = max(round((stated.min_seconds or MIN_SECONDS) * used.sample_rate), used.min_samples)
    calling = signature(graph, used, output)
    return Model(path, identity, _threshold(stated), used, calling, shortest)


def _threshold(stated: Stated) -> Threshold:
    if stated.threshold is None:
        return GUESS
    return Threshold(stated.threshold, stated.threshold_source or STATED)


def _unknown(path: Path, graph: GraphFile, stated: Stated) -> str:
    """What is missing, and a TOML file that would state it."""
    framework = graph.metadata.get("framework")
    said = f"its framework {framework!r} is unknown" if framework else "its metadata do not say"
    kind = stated.front_end or ("waveform" if takes_samples(graph) else "fbank")
    lacking = ", ".join(known.missing(known.usual(stated), kind))
    example = EXAMPLES.get(kind, EXAMPLES["fbank"])
    return (
        f"cannot use the model {path}: {said} what it takes. Missing: {lacking}. State them in"
        f" {beside.toml_file(path)}, for example:\n\n{example}"
    )
