"""Crescendo and diminuendo: where the loudness of a phrase moves steadily by a whole dynamic mark."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.measures import BarSpan
from transcriber.notate.rhythm import Placed
from transcriber.notate.timeline import in_ticks
from transcriber.score import Wedge

# A hairpin moves by at least one and a half dynamic marks (16 velocities each) over at most four bars and explains
# the loudness of its beats well: on 25 performances that leaves one hairpin in ten bars (a whole mark from four beats
# on, over six bars: one in five, which is more than a reader can follow). A line explains 0.77 of a sudden step.
LEAST_CHANGE = 24.0
LEAST_FIT = 0.8
FEWEST_BEATS = 5
LONGEST_BARS = 4
LEAST_SPREAD = 1e-6  # velocities are whole numbers: less is the rounding of sums

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hairpin:
    """From tick `start` to tick `end`; `change` in velocities, negative for a diminuendo."""

    start: int
    end: int
    change: float


def wedges(spans: Sequence[BarSpan], pins: Sequence[Hairpin]) -> list[tuple[int, Wedge]]:
    """Starts and stops of hairpins with the position of their bar among the printed ones."""
    marks: list[tuple[int, Wedge]] = []
    for pin in pins:
        kind: Literal["crescendo", "diminuendo"] = "crescendo" if pin.change > 0 else "diminuendo"
        first = _bar_of(spans, pin.start)
        last = _bar_of(spans, pin.end - 1)
        marks.append((first, Wedge(spans[first].position_q(pin.start), kind)))
        marks.append((last, Wedge(spans[last].position_q(pin.end), "stop")))
    return marks


def find_hairpins(spans: Sequence[BarSpan], placed: Sequence[Placed]) -> list[Hairpin]:
    """The clearest hairpins that do not overlap, in order. A good fit counts more than a long one that ends flat."""
    loudest: dict[int, int] = {}
    starts = [span.start for span in spans]
    for note in placed:
        span = spans[bisect.bisect_right(starts, note.onset) - 1]
        beat = in_ticks(span.time.beat_q)
        tick = span.start + (note.onset - span.start) // beat * beat
        loudest[tick] = max(loudest.get(tick, 0), note.attack.velocity)
    beats = sorted(loudest)
    bars = [bisect.bisect_right(starts, beat) - 1 for beat in beats]
    place = np.array(beats, dtype=np.float64)
    level = np.array([loudest[beat] for beat in beats], dtype=np.float64)
    first = np.arange(len(beats))
    stop = np.searchsorted(bars, np.array(bars) + LONGEST_BARS)
    last = first[:, None] + np.arange(int((stop - first).max()))
    within = np.minimum(last, len(beats) - 1)
    changes, fits = _lines(place[within] - place[:, None], level[within])
    clear = (np.abs(changes) >= LEAST_CHANGE) & (fits >= LEAST_FIT)
    long_enough = (last < stop[:, None]) & (last - first[:, None] + 1 >= FEWEST_BEATS)
    possible = []
    for row, column in np.argwhere(clear & long_enough).tolist():
        change, fit = float(changes[row, column]), float(fits[row, column])
        end = beats[row + column] + in_ticks(spans[bars[row + column]].time.beat_q)
        possible.append((abs(change) * fit**4, Hairpin(beats[row], end, change)))
    found: list[Hairpin] = []
    for _, pin in sorted(possible, key=lambda item: -item[0]):
        if all(pin.end <= other.start or other.end <= pin.start for other in found):
            found.append(pin)
    return sorted(found, key=lambda pin: pin.start)


def _lines(place: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For the first, the first two, the first three places of a row and so on, the rise of the best straight line from
    the first to the last of them, and the share of variance it explains; 0 where either cannot be said.

    Shape: (rows, places) all of them.
    """
    count = np.arange(1.0, place.shape[1] + 1.0)
    xs, ys = np.cumsum(place, axis=1), np.cumsum(level, axis=1)
    xx = np.cumsum(place * place, axis=1) - xs * xs / count
    yy = np.cumsum(level * level, axis=1) - ys * ys / count
    xy = np.cumsum(place * level, axis=1) - xs * ys / count
    slope = np.divide(xy, xx, out=np.zeros_like(xy), where=xx > 0)
    fit = np.divide(slope * xy, yy, out=np.zeros_like(xy), where=yy > LEAST_SPREAD)
    return slope * place, fit


def _bar_of(spans: Sequence[BarSpan], tick: int) -> int:
    return max(index for index, span in enumerate(spans) if span.start <= tick)
