"""Damage to bytes, each kind as it happens to files and protocols: seeded, so that a number names a mutant for good."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

HEAD_BYTES = 256  # half of all damage falls here, where lengths, rates and counts stand
LONGEST_BLOCK = 4096
MOST_STEPS = 8
# Where programs miscount: nothing, one, the edges of signed and unsigned numbers.
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Step = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutant(seeds: Sequence[bytes], number: int) -> tuple[int, bytes]:
    """Which seed, and what became of it; another for each number."""
    draw = random.Random(number)
    chosen = draw.randrange(len(seeds))
    data = bytearray(seeds[chosen])
    for _ in range(draw.randint(1, MOST_STEPS)):
        draw.choice(STEPS)(draw, data, seeds)
    return chosen, bytes(data)


def _place(draw: random.Random, data: bytearray) -> int:
    end = min(len(data), HEAD_BYTES) if draw.random() < 0.5 else len(data)
    return draw.randrange(end) if end else 0


def _flip(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    if data:
        data[_place(draw, data)] ^= 1 << draw.randrange(8)


def _edge(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    size = draw.choice((1, 2, 4))
    order = "little" if draw.random() < 0.5 else "big"
    value = (draw.choice(EDGES) % 256**size).to_bytes(size, order)
    place = _place(draw, data)
    data[place : place + size] = value


def _cut(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del data[_place(draw, data) :]


def _remove(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    place = _place(draw, data)
    del data[place : place + draw.randint(1, LONGEST_BLOCK)]


def _repeat(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    place = _place(draw, data)
    data[place:place] = data[place : place + draw.randint(1, LONGEST_BLOCK)] * draw.randint(1, 4)


def _insert(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    place = _place(draw, data)
    data[place:place] = draw.randbytes(draw.randint(1, 64))


def _splice(draw: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = draw.choice(seeds)
    place, start = _place(draw, data), draw.randrange(len(other))
    block = other[start : start + draw.randint(1, LONGEST_BLOCK)]
    data[place : place + len(block)] = block


STEPS: tuple[Step, ...] = (_flip, _flip, _edge, _edge, _cut, _remove, _repeat, _insert, _splice)
