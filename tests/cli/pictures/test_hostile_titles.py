"""Names cannot put elements into a picture, and a picture is well-formed whatever they contain."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pgvoice.cli.pictures import timeline

EVIL = "</text><script>alert(1)</script>\x1b]0;x\x07\u202e$a_b$ & \"'{title}"


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_names_are_text(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    timeline.draw([timeline.Bar(0, 1, EVIL, 0.9), timeline.Bar(1, 2, None, 0.1)], path, EVIL, 0.5)
    written = path.read_text("utf-8")
    assert "&lt;script&gt;" in written
    assert "<script" not in written
    assert not {"\x1b", "\x07", "\u202e"} & set(written)
    picture = written[written.index("<svg") : written.index("</svg>") + len("</svg>")]
    root = ET.fromstring(picture)
    assert not [each for each in root.iter() if each.tag.endswith("script")]
