from __future__ import annotations

import numpy as np
import pytest

from pgvoice.hooks.encoders.waveforms import check_waveforms, unit_rows


def test_waveforms_are_checked_by_place() -> None:
    good = np.zeros(10, np.float32)
    check_waveforms([good, good], 10)
    with pytest.raises(ValueError, match="waveform 1 has 9 samples; at least 10"):
        check_waveforms([good, good[1:]], 10)
    with pytest.raises(ValueError, match=r"waveform 0 is float32 of shape \(1, 10\)"):
        check_waveforms([good[None]], 10)


def test_rows_are_of_unit_length_or_nan() -> None:
    rows = unit_rows(np.array([[3, 4], [0, 0], [np.inf, 1], [1e30, 0]], np.float32))
    np.testing.assert_allclose(rows[[0, 3]], np.array([[0.6, 0.8], [1, 0]], np.float32))
    assert np.isnan(rows[1:3]).all()
    assert rows.dtype == np.float32
