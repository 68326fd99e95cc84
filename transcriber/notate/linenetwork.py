"""A small network over notes in time that also follows the lines that they form.

It reads the notes in (onset, pitch) order, and each note is told of the notes just before and after it that lie next to
it, above and below. Its weights are numpy arrays, so that notation does not need torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

TOGETHER_S = 0.035  # notes struck within this time count as one chord (95 % of written chords in the aligned scores)
HELD_S = 0.03  # a key released later than this after another is struck is held on
NEIGHBOURHOOD_S = 1.0  # how far around a note its surroundings are measured
REACH = 40  # notes on either side among which a note's neighbours are looked for
FAR_S = 3.0  # neighbours in the line are at most this far away
LINE_COST = 15.0  # semitones that a second of distance weighs, where the nearest neighbour is chosen
IN_LINE = 2  # neighbours in each of the four directions: before or after, above (or level) or below
NEIGHBOURS = 4 * IN_LINE + 2  # and the next notes of its chord, above and below
KERNEL = 5
CHANNELS = 48
DILATIONS = (1, 2, 4, 8, 16, 1)
FEATURES = 10 + 4 * IN_LINE * 4 + 2 * 3


@dataclass(frozen=True)
class LineInput:
    """What a network is told. `neighbours` holds indices of notes, -1 where there is none.

    Shape: (notes, FEATURES or more), (notes, NEIGHBOURS).
    """

    features: FloatArray
    neighbours: Indices


def line_input(onset_s: Times, offset_s: Times, pitch: Times) -> LineInput:
    """Shape: (notes,) each, in (onset, pitch) order."""
    count = len(onset_s)
    gap = np.diff(onset_s, prepend=onset_s[:1] - 2.0, append=onset_s[-1:] + 2.0)
    far_away = np.full(REACH, -1e9)
    window = np.lib.stride_tricks.sliding_window_view
    after_s = window(np.concatenate([far_away, onset_s, far_away]), 2 * REACH + 1) - onset_s[:, None]
    higher = window(np.pad(pitch, REACH), 2 * REACH + 1) - pitch[:, None]
    together = np.abs(after_s) <= TOGETHER_S
    around = np.abs(after_s) <= NEIGHBOURHOOD_S
    within = np.where(around, higher, 0.0)
    number = np.count_nonzero(around, axis=1)
    columns = [
        (pitch - 60.0) / 24.0,
        np.log10(np.clip(gap[:-1], 0.01, 2.0)) + 1.0,
        np.log10(np.clip(gap[1:], 0.01, 2.0)) + 1.0,
        np.log10(np.clip(offset_s - onset_s, 0.02, 4.0)) + 0.5,
        np.minimum(np.count_nonzero(together & (higher < 0), axis=1), 5) / 3.0,
        np.minimum(np.count_nonzero(together & (higher > 0), axis=1), 5) / 3.0,
        -within.sum(axis=1) / number / 24.0,
        -within.min(axis=1) / 24.0,
        within.max(axis=1) / 24.0,
        number / 30.0,
    ]
    neighbours = _neighbours(after_s, higher, together)
    for place, index in enumerate(neighbours.T):
        known = index >= 0
        other = np.maximum(index, 0)
        distance_s = np.where(known, np.abs(onset_s[other] - onset_s), FAR_S)
        columns += [
            np.log10(np.clip(distance_s, 0.02, FAR_S)) + 0.7,
            np.where(known, pitch[other] - pitch, 0.0) / 12.0,
            known.astype(np.float64),
        ]
        if place < 4 * IN_LINE:  # whether the earlier of the two is still held when the later one is struck
            before = place < 2 * IN_LINE
            held = offset_s[other] > onset_s + HELD_S if before else offset_s > onset_s[other] + HELD_S
            columns.append((known & held).astype(np.float64))
    assert neighbours.shape == (count, NEIGHBOURS)
    return LineInput(np.stack(columns, axis=1).astype(np.float32), neighbours)


def _neighbours(after_s: Times, higher: Times, together: npt.NDArray[np.bool_]) -> Indices:
    """The nearest notes in each direction, then those of the chord. Shape: (notes, window) -> (notes, NEIGHBOURS)."""
    rows = np.arange(len(after_s))
    apart = np.abs(higher) + LINE_COST * np.abs(after_s)
    in_line = (np.abs(after_s) <= FAR_S) & ~together
    found = []
    for time in (in_line & (after_s < 0), in_line & (after_s > 0)):
        for side in (higher >= 0, higher < 0):
            cost = np.where(time & side, apart, np.inf)
            for _ in range(IN_LINE):
                nearest = cost.argmin(axis=1)
                found.append(np.where(np.isfinite(cost[rows, nearest]), rows + nearest - REACH, -1))
                cost[rows, nearest] = np.inf
    for side in (higher > 0, higher < 0):
        cost = np.where(together & side, np.abs(higher), np.inf)
        nearest = cost.argmin(axis=1)
        found.append(np.where(np.isfinite(cost[rows, nearest]), rows + nearest - REACH, -1))
    return np.stack(found, axis=1)


def line_scores(seen: LineInput, weights: Mapping[str, FloatArray]) -> FloatArray:
    """Residual blocks, each a dilated convolution over the notes and a sum over their neighbours. Shape: (notes,)."""
    state = np.maximum(seen.features @ weights["enter.weight"].T + weights["enter.bias"], 0.0)
    count = len(state)
    for block, dilation in enumerate(DILATIONS):
        reach = dilation * (KERNEL // 2)
        padded = np.pad(state, ((reach, reach), (0, 0)))
        taps = [padded[tap * dilation : tap * dilation + count] for tap in range(KERNEL)]
        # Row -1 of the lengthened state is silent: the neighbour that does not exist.
        lines = np.pad(state, ((0, 1), (0, 0)))[seen.neighbours].reshape(count, NEIGHBOURS * CHANNELS)
        mixed = np.concatenate([*taps, lines], axis=1) @ weights[f"blocks.{block}.weight"].T
        state = state + np.maximum(mixed + weights[f"blocks.{block}.bias"], 0.0)
    scores: FloatArray = (state @ weights["leave.weight"].T + weights["leave.bias"])[:, 0]
    return scores
