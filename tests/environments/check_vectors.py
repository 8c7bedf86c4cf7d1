"""Prints the vectors of both encoders for a second of sound, as JSON; ECAPA with seeded weights."""

from __future__ import annotations

import json

import torch

from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.hooks.rehearsal import generated_sound

SOUNDS = [generated_sound(16_000), generated_sound(16_000)[:9_600]]


def vectors() -> dict[str, list[list[float]]]:
    """By encoder."""
    torch.manual_seed(0)
    untrained = EcapaEncoder(device="cpu").untrained()
    return {
        "ecapa": untrained.encode(SOUNDS).tolist(),
        "campplus": CampplusEncoder("cpu").encode(SOUNDS).tolist(),
    }


if __name__ == "__main__":
    print(json.dumps(vectors()))
