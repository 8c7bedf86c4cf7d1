"""The formats that come with pgvoice."""

from __future__ import annotations

from pgvoice.hooks.formats.format import RegisterFormat
from pgvoice.hooks.formats.plain_json import JSON
from pgvoice.hooks.formats.rttm import RTTM
from pgvoice.hooks.formats.subtitle_labels import SRT, VTT
from pgvoice.hooks.formats.whisperx import WHISPERX
from pgvoice.hooks.specs import hookimpl


@hookimpl
def register_formats(register: RegisterFormat) -> None:
    for each in (JSON, WHISPERX, RTTM, SRT, VTT):
        register(each)
