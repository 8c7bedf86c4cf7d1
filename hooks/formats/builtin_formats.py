"""The formats that come with pgvoice."""

from __future__ import annotations

from pgvoice.hooks.formats.format import RegisterFormat
from pgvoice.hooks.formats.json.json_formats import JSON, WHISPERX
from pgvoice.hooks.formats.rttm import RTTM
from pgvoice.hooks.formats.subtitles.subtitles import SRT, VTT
from pgvoice.hooks.plugins.specs import hookimpl


@hookimpl
def register_formats(register: RegisterFormat) -> None:
    for each in (JSON, WHISPERX, RTTM, SRT, VTT):
        register(each)
