"""Which hand plays each note: a small network over the notes gives a score, a Viterbi search gives playable hands.

The network (`linenetwork.py`) reads the notes in time. The search then divides every chord at one pitch (left hand
below, right hand above), and weighs the network's score against hands that would stretch too wide, leap too fast or
pass through each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transcriber.notate.learned import learned_weights
from transcriber.notate.linenetwork import TOGETHER_S, line_input, line_scores
from transcriber.notate.threads import one_thread
from transcriber.performance import Note
from transcriber.score import LOWER, UPPER

FloatArray = npt.NDArray[np.float32]

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


def hand_scores(notes: Sequence[Note]) -> FloatArray:
    """Log odds of the right hand for each note. Shape: (notes,)."""
    onset = np.array([note.onset_s for note in notes], np.float64)
    pitch = np.array([note.pitch for note in notes], np.float64)
    order = np.lexsort((pitch, onset))
    offset = np.array([note.offset_s for note in notes], np.float64)
    scores = np.empty(len(notes), np.float32)
    with one_thread():
        scores[order] = line_scores(
            line_input(onset[order], offset[order], pitch[order]), learned_weights("hands.safetensors")
        )
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
