"""Sessions of ONNX Runtime, on the devices whose execution providers are installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pgvoice.hooks.encoders.onnx.graph_file import read_graph
from pgvoice.hooks.encoders.onnx.known_faults import check_runtime
from pgvoice.hooks.errors import EncoderUnavailable, needs_extra

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class Provider(NamedTuple):
    """An execution provider, and the options that keep its vectors close to those of a CPU."""

    name: str
    options: dict[str, str]


#: By the names of devices, the best first: what runs unless another one is named. Products in
#: TF32 would move vectors, and an exhaustive search for convolutions would start with each length.
PROVIDERS = {
    "cuda": Provider(
        "CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    ),
    "coreml": Provider("CoreMLExecutionProvider", {"ModelFormat": "MLProgram"}),
    "directml": Provider("DmlExecutionProvider", {}),
    "openvino": Provider("OpenVINOExecutionProvider", {"precision": "FP32"}),
    "cpu": Provider("CPUExecutionProvider", {}),
}


def devices(wanted: str | None = None) -> list[str]:
    """The devices to try, the best first: the one that is wanted, or all whose provider is there.

    Imports onnxruntime. Raises `EncoderUnavailable` for a device that is unknown or not there.
    """
    with needs_extra("onnx"):
        import onnxruntime
    installed = set(onnxruntime.get_available_providers())
    present = [name for name, provider in PROVIDERS.items() if provider.name in installed]
    if wanted is None:
        return [_numbered(name) for name in present]
    kind, _, card = wanted.partition(":")
    numbered = not card or (kind in ("cuda", "directml") and card.isdecimal())
    if kind in present and numbered:
        return [_numbered(wanted)]
    raise EncoderUnavailable(
        f"ONNX Runtime has no device {wanted!r} here; leave the device out, or choose one of:"
        f" {', '.join(present)}"
    )


def _numbered(device: str) -> str:
    return "cuda:0" if device == "cuda" else device


def open_session(path: Path, device: str) -> InferenceSession:
    """A session on one device; raises `EncoderUnavailable` if it cannot run the model."""
    with needs_extra("onnx"):
        import onnxruntime
    check_runtime(path, read_graph(path), onnxruntime.__version__)
    kind, _, card = device.partition(":")
    provider = PROVIDERS[kind]
    options = provider.options | ({"device_id": card} if card else {})
    providers = [Provider(provider.name, options)]
    if kind != "cpu":  # for what it cannot run
        providers.append(PROVIDERS["cpu"])
    try:
        session = onnxruntime.InferenceSession(path, _options(onnxruntime), providers)
    except Exception as error:  # its errors have no base of their own
        raise EncoderUnavailable(f"ONNX Runtime cannot load {path}: {reason(error)}") from error
    if session.get_providers()[0] != provider.name:
        raise EncoderUnavailable(
            f"ONNX Runtime has no working {device}: its own messages say what it lacks"
        )
    return session


def _options(onnxruntime: Any) -> Any:
    """Threads as for torch, and nothing that depends on the lengths before."""
    options = onnxruntime.SessionOptions()
    # Its builds know nothing of OpenMP; workers of a pool are told so how many threads are theirs.
    options.intra_op_num_threads = threads()
    options.use_deterministic_compute = True
    # Patterns of memory are kept per length, and segments have all lengths; DirectML needs it so.
    options.enable_mem_pattern = False
    options.log_severity_level = 4  # errors are raised
    return options


def reason(error: Exception) -> str:
    """The first line of an error, without the codes before the message."""
    return str(error).strip().partition("\n")[0].rpartition("Status Message: ")[2]


def threads() -> int:
    """``OMP_NUM_THREADS``, else the number of CPUs that the process may use."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    if stated.isdecimal() and int(stated):
        return int(stated)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
