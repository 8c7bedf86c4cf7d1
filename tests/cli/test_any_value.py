"""Whatever value an argument or an option has, the answer is a result or one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from pgvoice_testkit.commands import leaf, leaves
from pgvoice_testkit.stores.filled import X, Y, put

from pgvoice.store import VoiceStore

VALUES = (
    *("9" * 400, "9" * 5000, "99999999999", "-1", "1e400", "nan", "-inf", "\udcff", "x" * 600),
    *("0-99999", "9999-12-31", "0001-01-01", "", "%s{0}", "a=b", "m.jsonl"),
)
#: Watch, start processes, serve, or hand over to another program.
LEFT_OUT = ("--workers", "--ray", "--metrics", "--url", "--watch")
COMMANDS = [path for path in leaves() if path not in (("demo",), ("db", "shell"))]


def _calls(path: tuple[str, ...]) -> Iterator[list[str]]:
    parameters = leaf(path).params
    arguments = [each for each in parameters if isinstance(each, click.Argument)]
    for value in VALUES:
        if arguments:
            yield [*path, "--", *([value] * len(arguments))]
        for option in parameters:
            if isinstance(option, click.Option) and not option.is_flag:
                name = option.opts[0]
                if name not in LEFT_OUT:
                    yield [*path, f"{name}={value}", "--", *(["v"] * len(arguments))]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_no_traceback(
    store: VoiceStore,
    pgvoice: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: tuple[str, ...],
) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    monkeypatch.chdir(tmp_path)
    Path("v").write_text("[[0, 1]]")
    Path("m.jsonl").write_text('{"video": "v", "segments": [[0, 1]]}\n')
    for call in _calls(path):
        done = pgvoice(*call, stdin="")
        assert done.exception is None or isinstance(done.exception, SystemExit), call
        assert done.exit_code in (0, 1, 2), call
        assert "Traceback" not in done.output
        assert done.exit_code == 0 or done.output.strip()
