"""A description of this machine, printed with the figures."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version

import torch

from pgvoice_benchmarks.processors import processor

#: In the description of PyTorch's build, its libraries of products and what follows their names.
LIBRARIES = {
    "MKL": r"Math Kernel Library Version ([\w.]+)",
    "oneDNN": r"MKL-DNN v([\w.]+)",
    "Arm Compute Library": r"Arm Compute Library v?([\w.]+)",
    "OpenBLAS": r"OpenBLAS ([\w.]+)",
}
#: Variables that keep these libraries from what the processor can do.
LIMITS = ("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA")


def describe() -> str:
    """Processor, cores, system, and the versions that matter for speed."""
    limits = "".join(f", {name}={os.environ[name]}" for name in LIMITS if name in os.environ)
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__} "
        f"with {torch.get_num_threads()} threads, {math_libraries()}{limits}"
    )


def math_libraries() -> str:
    """The libraries that torch multiplies with, and the instructions of its own kernels."""
    build = torch.__config__.show()
    found = {name: re.search(pattern, build) for name, pattern in LIBRARIES.items()}
    named = [
        f"{name} {match[1].removesuffix('-Product')}" for name, match in found.items() if match
    ]
    return ", ".join([*named, f"kernels for {torch.backends.cpu.get_cpu_capability()}"])


def versions(*packages: str) -> str:
    """The installed versions of other systems, and which are missing and so not measured."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed, not measured")
    return "; ".join(found)
