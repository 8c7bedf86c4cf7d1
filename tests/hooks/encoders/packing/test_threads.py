from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident

import pytest
import torch

from pgvoice.hooks.encoders.packing.threads import side_by_side


@pytest.fixture(autouse=True)
def four() -> Iterator[None]:
    """PyTorch may use four threads for an operation."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_results_are_in_the_order_of_the_items() -> None:
    assert side_by_side(lambda item: item * item, range(100)) == [n * n for n in range(100)]
    assert side_by_side(lambda item: item, []) == []


@pytest.mark.parametrize(("items", "each"), [(8, 1), (4, 1), (3, 1), (2, 2)])
def test_threads_share_what_pytorch_may_use(items: int, each: int) -> None:
    everyone = Barrier(min(items, 4), timeout=60)

    def run(_: int) -> tuple[int, int]:
        everyone.wait()
        return get_ident(), torch.get_num_threads()

    found = side_by_side(run, range(items))
    assert len({thread for thread, _ in found}) == min(items, 4)
    assert {threads for _, threads in found} == {each}


def test_one_item_is_run_by_the_caller_with_all_threads() -> None:
    assert side_by_side(lambda _: (get_ident(), torch.get_num_threads()), [0]) == [(get_ident(), 4)]


def test_the_process_s_number_stays() -> None:
    side_by_side(lambda item: torch.ones(item).sum(), range(8))
    assert torch.get_num_threads() == 4
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == 4


def test_an_error_is_the_caller_s() -> None:
    def run(item: int) -> int:
        return 1 // (item - 5)

    with pytest.raises(ZeroDivisionError):
        side_by_side(run, range(8))
    assert torch.get_num_threads() == 4
