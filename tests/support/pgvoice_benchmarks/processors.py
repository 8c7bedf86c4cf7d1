"""The processor of this machine: its name, its microarchitecture and its instruction sets."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

#: Models of Intel's family 6: Linux, arch/x86/include/asm/intel-family.h.
INTEL = {
    0x3F: "Haswell",
    0x4F: "Broadwell",
    0x55: "Skylake, Cascade Lake or Cooper Lake",
    0x6A: "Ice Lake",
    0x6C: "Ice Lake",
    0x8F: "Sapphire Rapids",
    0xAD: "Granite Rapids",
    0xAE: "Granite Rapids",
    0xAF: "Sierra Forest",
    0xCF: "Emerald Rapids",
}
#: By AMD's family, the first and the last model: Linux, arch/x86/kernel/cpu/amd.c.
ZEN: dict[int, dict[str, tuple[tuple[int, int], ...]]] = {
    0x17: {
        "Zen 1": ((0x00, 0x2F), (0x50, 0x5F)),
        "Zen 2": ((0x30, 0x4F), (0x60, 0x7F), (0x90, 0x91), (0xA0, 0xAF)),
    },
    0x19: {"Zen 3": ((0x00, 0x0F), (0x20, 0x5F)), "Zen 4": ((0x10, 0x1F), (0x60, 0xAF))},
    0x1A: {"Zen 5": ((0x00, 0x2F), (0x40, 0x4F), (0x60, 0x7F))},
}
#: As Linux calls what tells models apart.
NUMBERS = ("cpu family", "model", "stepping")
#: What decides how fast products are, by the names of Linux.
INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_fp16": "AVX-512 FP16",
    "amx_bf16": "AMX BF16",
    "asimd": "NEON",
    "sve": "SVE",
    "bf16": "BF16",
    "i8mm": "I8MM",
}


def processor() -> str:
    """All that is known; virtual machines often hide the model's name."""
    information = Path("/proc/cpuinfo")
    facts = read(information.read_text()) if information.exists() else {}
    return described(facts) or platform.processor() or platform.machine()


def read(information: str) -> dict[str, str]:
    """The facts on the first processor in the text of ``/proc/cpuinfo``."""
    lines = information.strip().partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def described(facts: Mapping[str, str]) -> str:
    """Name, microarchitecture, numbers, and instruction sets; empty if nothing is known."""
    numbers = ", ".join(
        f"{name.removeprefix('cpu ')} {facts[name]}" for name in NUMBERS if name in facts
    )
    flags = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    sets = ", ".join(shown for flag, shown in INSTRUCTIONS.items() if flag in flags)
    about = "; ".join(filter(None, [microarchitecture(facts), numbers, sets]))
    name = facts.get("model name", "")
    return f"{name} ({about})".strip() if about else name


def microarchitecture(facts: Mapping[str, str]) -> str:
    """What the vendor calls it; empty if this table lacks it."""
    if "model" not in facts:
        return ""
    family, model = int(facts["cpu family"]), int(facts["model"])
    if facts.get("vendor_id") == "GenuineIntel":
        return INTEL.get(model, "") if family == 6 else ""
    for name, ranges in ZEN.get(family, {}).items():
        if any(first <= model <= last for first, last in ranges):
            return name
    return ""
