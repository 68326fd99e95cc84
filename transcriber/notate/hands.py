"""Which hand plays each note: a small convolution over the notes gives a score, a Viterbi search gives playable hands.

The network reads the notes in (onset, pitch) order; its weights are numpy arrays, so that notation does not need torch.
The search then divides every chord at one pitch (left hand below, right hand above), and weighs the network's score
against hands that would stretch too wide, leap too fast or pass through each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from transcriber.performance import Note
from transcriber.score import LOWER, UPPER

FloatArray = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]

TOGETHER_S = 0.035  # notes struck within this time count as one chord (95 % of written chords in the aligned scores)
NEIGHBOURHOOD_S = 1.0  # how far around a note its surroundings are measured
KERNEL = 5
CHANNELS = 48
DILATIONS = (1, 2, 4, 8, 16, 32, 1)
FEATURES = 10

COMFORTABLE_SPAN = 14  # semitones: a ninth lies under most hands
STRETCH_COST = 0.6  # for each semitone beyond it, in nats
CROSSING_COST = 0.1  # for each semitone that a hand passes beyond where the other has just been
LEAP_COST = 0.05  # for each semitone beyond an octave that one hand leaps within LEAP_S
LEAP_S = 0.25
HEARD_S = 0.7  # a hand's last place is remembered this long
CERTAIN = 60.0  # score of a note whose hand the user has set
PLAUSIBLE = 15.0  # divisions this many nats behind the best of their chord are not followed


def find_hands(notes: Sequence[Note], fixed: Mapping[int, int] | None = None) -> list[int]:
    """The staff (UPPER for the right hand, LOWER for the left) of each of `notes`, which are in (onset, pitch) order.

    `fixed` gives the hands that are already known, by index.
    """
    if not notes:
        return []
    known = dict(fixed or {})
    scores = hand_scores(notes).astype(float).tolist()
    for index, staff in known.items():
        scores[index] = CERTAIN if staff == UPPER else -CERTAIN
    hands = _playable(notes, scores)
    for index, staff in known.items():
        hands[index] = staff
    return hands


def hand_features(onset_s: Times, offset_s: Times, pitch: Times) -> FloatArray:
    """What the network sees of each note. Shape: (notes,) each -> (notes, FEATURES)."""
    count = len(onset_s)
    onset = onset_s
    gap = np.diff(onset, prepend=onset[:1] - 2.0, append=onset[-1:] + 2.0)
    near_from = np.searchsorted(onset, onset - TOGETHER_S)
    near_to = np.searchsorted(onset, onset + TOGETHER_S, side="right")
    far_from = np.searchsorted(onset, onset - NEIGHBOURHOOD_S)
    far_to = np.searchsorted(onset, onset + NEIGHBOURHOOD_S, side="right")
    below, above = np.zeros(count), np.zeros(count)
    low, high = np.empty(count), np.empty(count)
    for index in range(count):
        chord = pitch[near_from[index] : near_to[index]]
        below[index] = np.count_nonzero(chord < pitch[index])
        above[index] = np.count_nonzero(chord > pitch[index])
        around = pitch[far_from[index] : far_to[index]]
        low[index], high[index] = around.min(), around.max()
    total = np.concatenate([[0.0], np.cumsum(pitch, dtype=np.float64)])
    mean = (total[far_to] - total[far_from]) / (far_to - far_from)
    columns = [
        (pitch - 60.0) / 24.0,
        np.log10(np.clip(gap[:-1], 0.01, 2.0)) + 1.0,
        np.log10(np.clip(gap[1:], 0.01, 2.0)) + 1.0,
        np.log10(np.clip(offset_s - onset_s, 0.02, 4.0)) + 0.5,
        np.minimum(below, 5) / 3.0,
        np.minimum(above, 5) / 3.0,
        (pitch - mean) / 24.0,
        (pitch - low) / 24.0,
        (high - pitch) / 24.0,
        (far_to - far_from) / 30.0,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def hand_scores(notes: Sequence[Note]) -> FloatArray:
    """Log odds of the right hand for each note. Shape: (notes,)."""
    onset = np.array([note.onset_s for note in notes], np.float64)
    pitch = np.array([note.pitch for note in notes], np.float64)
    order = np.lexsort((pitch, onset))
    features = hand_features(
        onset[order],
        np.array([note.offset_s for note in notes], np.float64)[order],
        pitch[order],
    )
    scores = np.empty(len(notes), np.float32)
    scores[order] = _network(features, _weights())
    return scores


@cache
def _weights() -> dict[str, FloatArray]:
    return load(files("transcriber.notate").joinpath("weights/hands.safetensors").read_bytes())


def _network(features: FloatArray, weights: Mapping[str, FloatArray]) -> FloatArray:
    """Residual dilated convolutions over the notes. Shape: (notes, FEATURES) -> (notes,)."""
    state = np.maximum(features @ weights["enter.weight"].T + weights["enter.bias"], 0.0)
    for block, dilation in enumerate(DILATIONS):
        kernel = weights[f"blocks.{block}.weight"]  # (out, in, KERNEL), as torch stores it
        reach = dilation * (KERNEL // 2)
        padded = np.pad(state, ((reach, reach), (0, 0)))
        taps = [padded[tap * dilation : tap * dilation + len(state)] for tap in range(KERNEL)]
        mixed = np.concatenate(taps, axis=1) @ kernel.transpose(2, 1, 0).reshape(KERNEL * CHANNELS, CHANNELS)
        state = state + np.maximum(mixed + weights[f"blocks.{block}.bias"], 0.0)
    scores: FloatArray = (state @ weights["leave.weight"].T + weights["leave.bias"])[:, 0]
    return scores


def _playable(notes: Sequence[Note], scores: Sequence[float]) -> list[int]:
    """Viterbi over the chords; a chord of m notes can be divided in m + 1 ways."""
    chords = _chords(notes)
    best: list[tuple[int, float]] = []  # (notes in the left hand, cost) of the divisions of the last chord
    back: list[list[tuple[int, int]]] = []  # for each chord: (notes in the left hand, index of the division before it)
    previous: list[int] = []
    for chord in chords:
        divisions = _divisions(notes, scores, chord)
        entries, links = [], []
        for left, own_cost in divisions:
            arrivals = [cost + _moving_cost(notes, previous, before, chord, left) for before, cost in best] or [0.0]
            source = min(range(len(arrivals)), key=arrivals.__getitem__)
            entries.append((left, arrivals[source] + own_cost))
            links.append((left, source))
        floor = min(cost for _, cost in entries)
        best = [(left, cost - floor) for left, cost in entries]
        back.append(links)
        previous = chord
    hands = [UPPER] * len(notes)
    state = min(range(len(best)), key=lambda index: best[index][1])
    for chord, links in zip(reversed(chords), reversed(back), strict=True):
        left, state = links[state]
        for index in chord[:left]:
            hands[index] = LOWER
    return hands


def _chords(notes: Sequence[Note]) -> list[list[int]]:
    """Indices of the notes that are struck together, each chord from its lowest note up."""
    chords: list[list[int]] = []
    start_s = -math.inf
    for index in sorted(range(len(notes)), key=lambda index: notes[index].onset_s):
        if notes[index].onset_s - start_s > TOGETHER_S:
            chords.append([])
            start_s = notes[index].onset_s
        chords[-1].append(index)
    return [sorted(chord, key=lambda index: notes[index].pitch) for chord in chords]


def _divisions(notes: Sequence[Note], scores: Sequence[float], chord: Sequence[int]) -> list[tuple[int, float]]:
    """Each way to divide a chord as (notes in the left hand, cost), the implausible ones left out."""
    cost = sum(_softplus(-scores[index]) for index in chord)  # all in the right hand
    divisions = []
    for left in range(len(chord) + 1):
        if left:
            cost += scores[chord[left - 1]]  # softplus(s) - softplus(-s) = s
        stretch = 0.0
        for hand in (chord[:left], chord[left:]):
            if hand:
                stretch += max(0, notes[hand[-1]].pitch - notes[hand[0]].pitch - COMFORTABLE_SPAN)
        divisions.append((left, cost + STRETCH_COST * stretch))
    floor = min(cost for _, cost in divisions)
    return [(left, cost) for left, cost in divisions if cost <= floor + PLAUSIBLE]


def _moving_cost(
    notes: Sequence[Note], before: Sequence[int], left_before: int, now: Sequence[int], left: int
) -> float:
    """What it costs the two hands to get from one chord to the next."""
    passed_s = notes[now[0]].onset_s - notes[before[0]].onset_s
    if passed_s > HEARD_S:
        return 0.0
    cost = 0.0
    if left and left_before < len(before):
        cost += CROSSING_COST * max(0, notes[now[left - 1]].pitch - notes[before[left_before]].pitch)
    if left < len(now) and left_before:
        cost += CROSSING_COST * max(0, notes[before[left_before - 1]].pitch - notes[now[left]].pitch)
    if passed_s < LEAP_S:
        for old, new in ((before[:left_before], now[:left]), (before[left_before:], now[left:])):
            if old and new:
                leap = max(notes[new[0]].pitch - notes[old[-1]].pitch, notes[old[0]].pitch - notes[new[-1]].pitch)
                cost += LEAP_COST * max(0, leap - 12)
    return cost


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))
