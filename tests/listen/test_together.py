"""Recordings that share a network: each gets its own answer, and those that wait go through it as one batch."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from transcriber.listen.features import BINS, CHANNELS
from transcriber.listen.network import Curves
from transcriber.listen.together import Together
from transcriber.performance import KEYS

FRAMES = 6


class SlowNetwork:
    """Answers with the mean of what it is given; holds its first batch until it is let go."""

    reader = None

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.at_once = 0

    def __call__(self, pictures: Tensor) -> Curves:
        self.at_once += 1
        assert self.at_once == 1
        self.batches.append(len(pictures))
        self.entered.set()
        self.go_on.wait(30)
        self.at_once -= 1
        if pictures.amin() < 0:
            raise RuntimeError("out of memory")
        mean = pictures.mean(dim=(1, 2, 3))
        return Curves(
            mean[:, None, None, None].expand(-1, 5, pictures.shape[2], KEYS),
            mean[:, None].expand(-1, FRAMES),
            mean[:, None, None, None].expand(-1, 0, FRAMES, KEYS),
        )


def pictures(value: float, chunks: int = 1, frames: int = FRAMES) -> Tensor:
    return torch.full((chunks, CHANNELS, frames, BINS), value)


def until_waiting(together: Together, count: int) -> None:
    while len(together._waiting) < count:
        threading.Event().wait(0.01)


def heard(curves: Curves) -> list[float]:
    return curves.keys[:, 0, 0, 0].tolist()


def test_what_waits_becomes_one_batch_and_everyone_gets_his_own() -> None:
    network = SlowNetwork()
    together = Together(network)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(together, pictures(1.0))
        assert network.entered.wait(30)
        later = [pool.submit(together, pictures(float(value), chunks=value)) for value in (2, 3)]
        until_waiting(together, 2)
        network.go_on.set()
        assert heard(first.result(30)) == [1.0]
        assert [heard(one.result(30)) for one in later] == [[2.0] * 2, [3.0] * 3]
    assert network.batches == [1, 5]


def test_batches_hold_one_length_and_no_more_than_there_is_room_for() -> None:
    network = SlowNetwork()
    together = Together(network, most=4)
    sizes = [(3, FRAMES), (2, FRAMES), (1, FRAMES), (1, FRAMES - 1)]
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(together, pictures(9.0))
        assert network.entered.wait(30)
        later = []
        for place, (chunks, frames) in enumerate(sizes):
            later.append(pool.submit(together, pictures(float(place), chunks, frames)))
            until_waiting(together, place + 1)
        network.go_on.set()
        assert [heard(one.result(30)) for one in later] == [[0.0] * 3, [1.0] * 2, [2.0], [3.0]]
    assert first.done()
    assert network.batches == [1, 4, 2, 1]


def test_a_failure_reaches_its_batch_and_nobody_after_it() -> None:
    network = SlowNetwork()
    network.go_on.set()
    together = Together(network)
    with pytest.raises(RuntimeError, match="out of memory"):
        together(pictures(-1.0))
    assert heard(together(pictures(1.0))) == [1.0]
