"""Which hand plays each note: a small network over the notes gives a score, a Viterbi search gives playable hands.

The network reads the notes in (onset, pitch) order and along the lines that they form: each note is told of the notes
just before and after it that lie next to it, above and below. Its weights are numpy arrays, so that notation does not
need torch. The search then divides every chord at one pitch (left hand below, right hand above), and weighs the
network's score against hands that would stretch too wide, leap too fast or pass through each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from transcriber.notate.learned import learned_file
from transcriber.notate.threads import one_thread
from transcriber.performance import Note
from transcriber.score import LOWER, UPPER

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

COMFORTABLE_SPAN = 14  # semitones: a ninth lies under most hands
STRETCH_COST = 0.6  # for each semitone beyond it, in nats
CROSSING_COST = 0.1  # for each semitone that a hand passes beyond where the other has just been
LEAP_COST = 0.05  # for each semitone beyond an octave that one hand leaps within LEAP_S
LEAP_S = 0.25
HEARD_S = 0.7  # a hand's last place is remembered this long
CERTAIN = 60.0  # score of a note whose hand the user has set
KEPT_PIECES = 4  # corrections change a piece, but seldom its notes: their scores are kept
PLAUSIBLE = 15.0  # divisions this many nats behind the best of their chord are not followed


def find_hands(notes: Sequence[Note], fixed: Mapping[int, int] | None = None) -> list[int]:
    """The staff (UPPER for the right hand, LOWER for the left) of each of `notes`, which are in (onset, pitch) order.

    `fixed` gives the hands that are already known, by index.
    """
    if not notes:
        return []
    known = dict(fixed or {})
    scores = list(_scores(tuple(notes)))
    for index, staff in known.items():
        scores[index] = CERTAIN if staff == UPPER else -CERTAIN
    hands = _playable(notes, scores)
    for index, staff in known.items():
        hands[index] = staff
    return hands


@lru_cache(maxsize=KEPT_PIECES)
def _scores(notes: tuple[Note, ...]) -> tuple[float, ...]:
    return tuple(hand_scores(notes).astype(float).tolist())


@dataclass(frozen=True)
class HandInput:
    """What the network is told. `neighbours` holds indices of notes, -1 where there is none.

    Shape: (notes, FEATURES), (notes, NEIGHBOURS).
    """

    features: FloatArray
    neighbours: Indices


def hand_input(onset_s: Times, offset_s: Times, pitch: Times) -> HandInput:
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
    return HandInput(np.stack(columns, axis=1).astype(np.float32), neighbours)


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


def hand_scores(notes: Sequence[Note]) -> FloatArray:
    """Log odds of the right hand for each note. Shape: (notes,)."""
    onset = np.array([note.onset_s for note in notes], np.float64)
    pitch = np.array([note.pitch for note in notes], np.float64)
    order = np.lexsort((pitch, onset))
    offset = np.array([note.offset_s for note in notes], np.float64)
    scores = np.empty(len(notes), np.float32)
    with one_thread():
        scores[order] = _network(hand_input(onset[order], offset[order], pitch[order]), _weights())
    return scores


@cache
def _weights() -> dict[str, FloatArray]:
    with learned_file("hands.safetensors") as path:
        return load(path.read_bytes())


def _network(seen: HandInput, weights: Mapping[str, FloatArray]) -> FloatArray:
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
