"""What all pictures share: matplotlib without a screen, fonts for every script, and the file."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgvoice.cli import output
from pgvoice.hooks.errors import ExtraMissing, needs_extra
from pgvoice.hooks.new_files import write_file

if TYPE_CHECKING:  # an optional extra
    from matplotlib.figure import Figure

#: The font of matplotlib, then fonts for characters that it lacks; those installed are used.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Arial Unicode MS",
)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ margin: 1em }} svg {{ max-width: 100%; height: auto }}</style>
{picture}
</html>
"""
DPI = 144


@contextmanager
def picture(path: Path, title: str, width: float, height: float) -> Iterator[Figure]:
    """Gives a white figure, in inches, to draw in, and then writes it. Raises `ExtraMissing`."""
    with needs_extra("plot", ExtraMissing):
        import matplotlib as mpl
        from matplotlib import font_manager
        from matplotlib.figure import Figure
    there = set(font_manager.get_font_names())
    settings: Any = {
        "font.family": [name for name in _FONTS if name in there] or ["sans-serif"],
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        # A name may contain dollar signs.
        "text.parse_math": False,
        # Text stays text, for which a browser has fonts.
        "svg.fonttype": "none",
        # The same picture gives the same file.
        "svg.hashsalt": "pgvoice",
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        figure.suptitle(shown(title, 110), fontsize=12)
        yield figure
        _save(figure, path, output.printable(title))


def _save(figure: Figure, path: Path, title: str) -> None:
    """Write a PNG, an SVG or a self-contained HTML page; a picture of the same name is replaced."""
    drawn = io.BytesIO()
    if path.suffix.lower() == ".png":
        figure.savefig(drawn, format="png", dpi=DPI)
    else:
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": title})
    if path.suffix.lower() == ".html":
        picture = re.sub(r"^.*?(?=<svg)", "", drawn.getvalue().decode(), count=1, flags=re.DOTALL)
        drawn = io.BytesIO(_PAGE.format(title=html.escape(title), picture=picture).encode())
    write_file(path, drawn.getvalue(), overwrite=True)


def shown(name: str, longest: int = 24) -> str:
    """A name, shortened to fit beside a picture."""
    safe = output.printable(name)
    return safe if len(safe) <= longest else safe[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
