from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
from onnx import helper
from pgvoice_testkit.encoders import onnx_graphs as graphs

from pgvoice.hooks import EncoderUnavailable
from pgvoice.hooks.encoders.onnx.graph_file import read_graph
from pgvoice.hooks.encoders.onnx.known_faults import check_runtime
from pgvoice.hooks.encoders.onnx.sessions import open_session

#: Rounds the number of means up, as an export of CAM++ does.
RAGGED = {"ceil_mode": 1, "count_include_pad": 1}


def _with_a_pool(folder: Path, opset: int, **stated: Any) -> Path:
    pool = helper.make_node("AveragePool", ["bent"], ["pooled"], kernel_shape=[2], **stated)
    model = graphs.of_waveforms(pool=pool)
    model.opset_import[0].version = opset
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def test_a_release_that_computes_means_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _with_a_pool(tmp_path, 13, **RAGGED)
    open_session(path, "cpu")
    monkeypatch.setattr(onnxruntime, "__version__", "1.28.2")
    with pytest.raises(
        EncoderUnavailable, match=r'onnxruntime 1\.28\.2 .* pip install "onnxruntime>=1\.29"'
    ):
        open_session(path, "cpu")


@pytest.mark.parametrize(
    ("opset", "stated"),
    [
        (19, RAGGED),
        (13, {"ceil_mode": 1}),
        (13, {"count_include_pad": 1}),
        (13, {"ceil_mode": 0, "count_include_pad": 1}),
    ],
)
def test_means_that_all_releases_compute(
    tmp_path: Path, opset: int, stated: dict[str, int]
) -> None:
    path = _with_a_pool(tmp_path, opset, **stated)
    check_runtime(path, read_graph(path), "1.23.0")
