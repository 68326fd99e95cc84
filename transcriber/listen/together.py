"""One network on one device for several recordings at a time: what waits while it works goes through it together.

    thread A  ──pictures──▶ ┐                ┌──▶ curves of A
    thread B  ──pictures──▶ ├─ one batch ────┼──▶ curves of B     while A and B are answered,
    thread C  ──pictures──▶ ┘                └──▶ curves of C     D and E wait and become the next batch

Alone, a recording goes through without delay; the more wait, the larger the batches, up to `most` chunks, which bounds
the device's memory. There is no thread of its own: whoever's turn comes first takes the others along.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

import torch
from torch import Tensor

from transcriber.listen.context import Reader
from transcriber.listen.network import Curves


class Network(Protocol):
    @property
    def reader(self) -> Reader | None: ...
    def __call__(self, pictures: Tensor) -> Curves: ...


MOST_CHUNKS = 64  # 15 s each: some 6 GB of a GPU's memory with the default network


class Request:
    """`curves` or `failure` is there once it was `settled`."""

    def __init__(self, pictures: Tensor) -> None:
        self.pictures = pictures
        self.settled = False
        self.curves: Curves | None = None
        self.failure: Exception | None = None


class Together:
    """Callable from any thread as the network itself: pictures (batch, CHANNELS, frames, BINS) to Curves."""

    def __init__(self, network: Network, most: int = MOST_CHUNKS) -> None:
        self._network = network
        self.reader = network.reader
        self._most = most
        self._waiting: deque[Request] = deque()
        self._turn = threading.Lock()

    def __call__(self, pictures: Tensor) -> Curves:
        """Raises what the network raised for the batch that these pictures were in."""
        mine = Request(pictures)
        self._waiting.append(mine)
        while not mine.settled:
            with self._turn:
                if not mine.settled:
                    self._answer(self._next_batch())
        if mine.failure is not None:
            raise mine.failure
        assert mine.curves is not None
        return mine.curves

    def _next_batch(self) -> list[Request]:
        """Whoever has waited longest, and those behind whose pictures have the same length, as far as there is room."""
        first = self._waiting.popleft()
        batch, room = [first], self._most - len(first.pictures)
        for request in list(self._waiting):
            if request.pictures.shape[1:] == first.pictures.shape[1:] and len(request.pictures) <= room:
                self._waiting.remove(request)
                batch.append(request)
                room -= len(request.pictures)
        return batch

    def _answer(self, batch: list[Request]) -> None:
        try:
            answered = self._network(torch.cat([request.pictures for request in batch]))
        except Exception as failure:  # noqa: BLE001, whoever asked raises it
            for request in batch:
                request.failure = failure
        else:
            counts = [len(request.pictures) for request in batch]
            parts = zip(*(torch.split(curves, counts) for curves in answered), strict=True)
            for request, part in zip(batch, parts, strict=True):
                request.curves = Curves(*part)
        for request in batch:
            request.settled = True
