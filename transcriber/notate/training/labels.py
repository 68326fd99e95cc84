"""What the beat network should say of each onset, from annotated beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.beatscores import METRES, PERIOD_BINS, PERIOD_BINS_PER_OCTAVE, SHORTEST_BAR_S, SHORTEST_BEAT_S
from transcriber.notate.onsets import Floats
from transcriber.notate.training.corpus import DOWNBEAT, NO_BEAT, BeatTrack

TOLERANCE_S = 0.07  # an onset this near to a beat carries it: the window of the usual beat measure
LONGEST_BEAT_S = 5.0  # longer annotated intervals are pauses
BLUR_BINS = 1.0  # a period is known to about a semitone of tempo
SAME_METRE = {(6, 4): (6, 8), (6, 16): (6, 8), (9, 16): (9, 8), (9, 4): (9, 8), (12, 16): (12, 8), (24, 16): (12, 8)}
SAME_METRE |= {(3, 16): (3, 8), (5, 8): (5, 4), (4, 8): (4, 4)}


@dataclass(frozen=True, slots=True)
class Labels:
    """One row an onset: beat and downbeat 0 or 1, period and bar distributions over bins, metre index (-1 unknown).

    `weight` is 0 where the annotation says nothing.
    """

    beat: NDArray[np.float32]
    downbeat: NDArray[np.float32]
    period: NDArray[np.float32]
    bar: NDArray[np.float32]
    metre: NDArray[np.int64]
    weight: NDArray[np.float32]


def label_onsets(onset_s: Floats, track: BeatTrack) -> Labels:
    """Label each onset; at most one onset carries a beat, others within the tolerance get no weight."""
    count, beats = len(onset_s), len(track.time_s)
    beat, downbeat, weight = np.zeros(count), np.zeros(count), np.ones(count)
    if beats < 2:
        nothing = np.zeros((count, PERIOD_BINS), dtype=np.float32)
        metre = np.full(count, -1, dtype=np.int64)
        blank = np.zeros(count, dtype=np.float32)
        return Labels(blank, blank, nothing, nothing, metre, blank)
    interval_s = np.diff(track.time_s)
    at = np.clip(np.searchsorted(track.time_s, onset_s, side="right") - 1, 0, beats - 2)
    steps = np.concatenate([interval_s[:1], interval_s, interval_s[-1:]])
    period_s = np.exp(np.log(np.lib.stride_tricks.sliding_window_view(steps, 3)).mean(axis=1))
    weight[onset_s < track.time_s[0] - interval_s[0] / 2] = 0
    weight[onset_s > track.time_s[-1] + interval_s[-1] / 2] = 0
    weight[interval_s[at] > LONGEST_BEAT_S] = 0
    lost = track.kind == NO_BEAT
    weight[lost[at] | lost[at + 1]] = 0

    off_s = np.abs(onset_s[:, None] - track.time_s[np.stack([at, at + 1], axis=1)])
    weight[off_s.min(axis=1) < TOLERANCE_S] *= 0
    right = np.clip(np.searchsorted(onset_s, track.time_s), 1, max(count - 1, 1))
    nearest = np.where(
        np.abs(onset_s[np.minimum(right, count - 1)] - track.time_s) < np.abs(onset_s[right - 1] - track.time_s),
        np.minimum(right, count - 1),
        right - 1,
    )
    carries = (np.abs(onset_s[nearest] - track.time_s) < TOLERANCE_S) & ~lost
    beat[nearest[carries]] = 1
    weight[nearest[carries]] = 1
    downbeat[nearest[carries & (track.kind == DOWNBEAT)]] = 1

    metre_of_beat = [metre_index(*pair) for pair in zip(track.beats.tolist(), track.beat_type.tolist(), strict=True)]
    return Labels(
        beat.astype(np.float32),
        downbeat.astype(np.float32),
        _spread(period_s[at], SHORTEST_BEAT_S),
        _spread(_bar_lengths(track)[at], SHORTEST_BAR_S),
        np.where(weight > 0, np.array(metre_of_beat, dtype=np.int64)[at], -1),
        weight.astype(np.float32),
    )


def metre_index(beats: int, beat_type: int) -> int:
    signature = SAME_METRE.get((beats, beat_type), (beats, beat_type))
    return METRES.index(signature) if signature in METRES else -1


def _bar_lengths(track: BeatTrack) -> Floats:
    """Seconds of the bar around each beat, nan outside the first and last downbeat."""
    down_s = track.time_s[track.kind == DOWNBEAT]
    lengths = np.full(len(track.time_s), np.nan)
    if len(down_s) > 1:
        bar = np.searchsorted(down_s, track.time_s, side="right") - 1
        inside = (bar >= 0) & (bar < len(down_s) - 1)
        lengths[inside] = np.diff(down_s)[bar[inside]]
    return lengths


def _spread(length_s: Floats, shortest_s: float) -> NDArray[np.float32]:
    """A normal curve over the bins around each length; all 0 where unknown. Shape: (onsets, PERIOD_BINS)."""
    place = np.log2(np.maximum(length_s, 1e-3) / shortest_s) * PERIOD_BINS_PER_OCTAVE
    known = np.isfinite(place) & (place > -0.5) & (place < PERIOD_BINS - 0.5)
    curve = np.exp(-0.5 * ((np.arange(PERIOD_BINS) - np.where(known, place, 0)[:, None]) / BLUR_BINS) ** 2)
    curve = curve / curve.sum(axis=1, keepdims=True) * known[:, None]
    return np.asarray(curve, dtype=np.float32)
