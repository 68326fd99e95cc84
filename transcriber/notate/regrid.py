"""A grid of beats counted differently: at another tempo level, or moved by a part of a beat."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.beats import BeatGrid
from transcriber.notate.onsets import Floats, Ints

SNAP = 0.2  # of a beat: an onset this near to where a new beat should fall carries it; a triplet's notes are 0.33 apart


def relevel(grid: BeatGrid, level: Fraction, phase: int, onset_s: Floats) -> BeatGrid:
    """`level` beats for each beat of the grid, counting from its beat `phase` / level.numerator."""
    step = level.denominator / level.numerator
    return _sample(grid, phase / level.numerator, step, 0, onset_s)


def relevel_part(grid: BeatGrid, level: Fraction, first: int, end: int, onset_s: Floats) -> BeatGrid:
    """`level` beats for each beat from beat `first` to beat `end`; both stay beats."""
    parts = np.arange(0, (end - first) * level.numerator, level.denominator)  # of a beat, level.numerator to each
    beat, part = first + parts // level.numerator, parts % level.numerator
    time_s = np.interp(beat + part / level.numerator, np.arange(len(grid.time_s)), grid.time_s)
    near, nearest = snapped(time_s, onset_s)
    new_s = np.where(near & (part > 0), onset_s[nearest], time_s)
    new_onset = np.where(part > 0, np.where(near, nearest, -1), grid.onset[beat])
    times, onsets = ((old[:first], new, old[end:]) for old, new in ((grid.time_s, new_s), (grid.onset, new_onset)))
    return BeatGrid(np.concatenate(times), np.concatenate(onsets), grid.score)


def shift(grid: BeatGrid, by_beats: float, onset_s: Floats, *, beats_after: int = 0) -> BeatGrid:
    """The grid moved by a part of a beat, with at least `beats_after` beats after the first onset's."""
    return _sample(grid, by_beats, 1.0, beats_after, onset_s)


def _sample(grid: BeatGrid, first: float, step: float, beats_after: int, onset_s: Floats) -> BeatGrid:
    """Beats at first, first + step, ... on the axis of the grid's beats, drawn to the nearest onset.

    They reach from the first onset to beyond the last, and number three at least.
    """
    axis = np.arange(len(grid.time_s), dtype=np.float64)
    onset_place = np.interp(onset_s[[0, -1]], grid.time_s, axis)
    while first > onset_place[0] + 1e-9:
        first -= step
    while first + step <= onset_place[0] + 1e-9:
        first += step
    count = max(3, beats_after + 2, int(np.floor((onset_place[1] - first) / step + 1e-9)) + 2)
    place = first + step * np.arange(count)
    before = grid.time_s[0] + place * (grid.time_s[1] - grid.time_s[0])
    after = grid.time_s[-1] + (place - axis[-1]) * (grid.time_s[-1] - grid.time_s[-2])
    inside = np.interp(place, axis, grid.time_s)
    time_s = np.where(place < 0, before, np.where(place > axis[-1], after, inside))
    near, nearest = snapped(time_s, onset_s)
    return BeatGrid(np.where(near, onset_s[nearest], time_s), np.where(near, nearest, -1), grid.score)


def snapped(time_s: Floats, onset_s: Floats) -> tuple[NDArray[np.bool_], Ints]:
    """Whether an onset lies within SNAP of the way from each beat to its neighbours, and which; it carries one only."""
    room_s = SNAP * np.minimum(np.diff(time_s, prepend=-np.inf), np.diff(time_s, append=np.inf))
    right = np.clip(np.searchsorted(onset_s, time_s), 0, len(onset_s) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(onset_s[left] - time_s) <= np.abs(onset_s[right] - time_s), left, right)
    return np.abs(onset_s[nearest] - time_s) <= room_s, nearest
