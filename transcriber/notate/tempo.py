"""Beats without a tempo given: the best path over onsets, where each beat follows the last at about its distance.

A path is a chain of onsets that carry a beat. Between two of them lie n equal beats, n - 1 of them with nothing struck.
The state is (onset, length of the last beat in bins of a twelfth of an octave), so that the tempo may wander freely but
not jump. Three things are weighed: whether the network hears a beat at the onset, whether it hears beats of that length
around it, and the change of length from beat to beat. Evidence on the length counts once for each onset passed, so that
paths at half or double the tempo compete on equal terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.beatscores import PERIOD_BINS, PERIOD_BINS_PER_OCTAVE, SHORTEST_BEAT_S, BeatScores
from transcriber.notate.onsets import Floats, Ints

BREAK_S = 8.0  # a silence this long ends a section; the longest annotated beat in the training data lasts 4.4 s
UNHEARD = -4.0  # onsets with a lower beat logit (2 %) are never beats, unless nothing else is near
REACH = 64  # candidate onsets looked back over
FEW_BEATS = 8  # in one step
MANY_BEATS = 32  # in one step that passes over no candidate: a rest of 8 s at the beat of a fast piece
BLOCK = 256  # candidates whose steps are worked out together: bounds the memory of doing so
FLOOR = -5.0  # log-likelihood ratio below which a beat length is simply unlikely
NOWHERE = np.full(PERIOD_BINS, -np.inf)


@dataclass(frozen=True, slots=True)
class PathWeights:
    """Chosen by a sweep over 50 training and 39 development performances (first 90 s, a third with errors)."""

    period: float = 0.05  # of the evidence on beat length, for each onset
    change: float = 0.05  # cost of a change of length by one bin, times the bins squared
    steepest: float = 6.0  # no change costs more
    silent: float = 0.4  # cost of a beat at which nothing is struck


WEIGHTS = PathWeights()


@dataclass(frozen=True, slots=True)
class BeatPath:
    """`time_s` (beats,) strictly increasing; `onset` (beats,) the onset on each beat, -1 where nothing is struck."""

    time_s: Floats
    onset: Ints
    score: float


class Section:
    """Onsets without a break among them, and every way to step from one to another: the same at all tempo levels."""

    def __init__(self, time_s: Floats, scores: BeatScores) -> None:
        """time_s: (onsets,) increasing."""
        self.time_s, self.scores = time_s, scores
        self.candidate = _candidates(time_s, scores.beat)
        at_s = time_s[self.candidate]
        self.blocks = tuple(
            _Steps.into(at_s, first, min(first + BLOCK, len(at_s))) for first in range(0, len(at_s), BLOCK)
        )


def beat_path(section: Section, length_bias: Floats, weights: PathWeights = WEIGHTS) -> BeatPath:
    """The best path over the onsets of a section.

    length_bias: (onsets, PERIOD_BINS), added to the evidence on beat length; -inf forbids. Fewer than two beats come
    back only where no two onsets are a beat apart.
    """
    candidate, scores = section.candidate, section.scores
    allowed = np.isfinite(length_bias)
    evidence = np.maximum(scores.period - scores.period.max(axis=1, keepdims=True), FLOOR)
    evidence = weights.period * (evidence + np.where(allowed, length_bias, 0.0))
    table = _Table(
        section.time_s[candidate],
        scores.beat[candidate],
        np.concatenate([np.zeros((1, PERIOD_BINS)), np.cumsum(evidence, axis=0)])[candidate],
        allowed[candidate],
        weights,
    )
    blocks = [steps.within(table.allowed) for steps in section.blocks]
    best = _forward(table, blocks)
    return _trace(table, blocks, best, candidate)


@dataclass(frozen=True, slots=True)
class _Table:
    """The candidate onsets: their times, beat logits, evidence on beat length summed up to each, lengths allowed."""

    at_s: Floats
    heard: Floats
    passed: Floats
    allowed: NDArray[np.bool_]
    weights: PathWeights

    def start(self, here: int) -> Floats:
        """What a path is worth that begins here, for each length of its beats to come."""
        begins = self.at_s[here] - self.at_s[0] < BREAK_S
        return np.where(self.allowed[here], self.heard[here] + self.passed[here], -np.inf) if begins else NOWHERE

    def change(self) -> Floats:
        """Gain (negative) of a change of beat length. Shape: (new, old)."""
        bins = np.arange(PERIOD_BINS)
        return np.asarray(-np.minimum(self.weights.change * (bins[:, None] - bins) ** 2, self.weights.steepest))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Ways to reach some candidates: from `back` to `here` in `beats` beats of length `bin`; sorted by here and bin."""

    here: NDArray[np.int32]
    back: NDArray[np.int32]
    beats: NDArray[np.int32]
    bin: NDArray[np.int32]

    @classmethod
    def into(cls, at_s: Floats, first: int, last: int) -> _Steps:
        """All steps into the candidates first <= here < last, which lie at `at_s`."""
        here = np.arange(first, last)[:, None, None]
        blocks = []
        for reach, beats in ((REACH, np.arange(1, FEW_BEATS + 1)), (1, np.arange(FEW_BEATS + 1, MANY_BEATS + 1))):
            back = here - np.arange(1, reach + 1)[:, None]
            distance = at_s[here] - at_s[np.maximum(back, 0)]
            length = np.where((back >= 0) & (distance < BREAK_S), distance, 0.0) / beats
            place = np.log2(np.maximum(length, 1e-9) / SHORTEST_BEAT_S) * PERIOD_BINS_PER_OCTAVE
            bin_ = np.rint(place).astype(np.int64)
            legal = (bin_ >= 0) & (bin_ < PERIOD_BINS)
            row, column, number = np.nonzero(legal)
            blocks.append((row + first, row + first - column - 1, beats[number], bin_[legal]))
        columns = [np.concatenate(column) for column in zip(*blocks, strict=True)]
        order = np.argsort(columns[0] * PERIOD_BINS + columns[3], kind="stable")
        return cls(*(column[order].astype(np.int32) for column in columns))

    def within(self, allowed: NDArray[np.bool_]) -> _Steps:
        """Those with a beat length that is allowed where they lead to: (candidates, PERIOD_BINS)."""
        return self._taken(allowed[self.here, self.bin])

    def to(self, here: int, bin_: int) -> _Steps:
        """Those into one candidate with beats of one length."""
        first, last = np.searchsorted(self.here, [here, here + 1])
        return self._taken(slice(*(first + np.searchsorted(self.bin[first:last], [bin_, bin_ + 1]))))

    def _taken(self, which: NDArray[np.bool_] | slice) -> _Steps:
        return _Steps(self.here[which], self.back[which], self.beats[which], self.bin[which])

    def gain(self, table: _Table) -> Floats:
        """What each step adds to its path."""
        passed = table.passed[self.here, self.bin] - table.passed[self.back, self.bin]
        return np.asarray(passed - table.weights.silent * (self.beats - 1) + table.heard[self.here])


def _forward(table: _Table, blocks: Sequence[_Steps]) -> Floats:
    """Score of the best path that ends at each candidate with each length of its last beat."""
    count = len(table.at_s)
    best = np.empty((count, PERIOD_BINS))
    onward = np.empty((count, PERIOD_BINS))  # the same after a change to each length
    flat = onward.reshape(-1)
    change = table.change()
    for first, steps in zip(range(0, count, BLOCK), blocks, strict=True):
        last = min(first + BLOCK, count)
        gain, source = steps.gain(table), steps.back.astype(np.int64) * PERIOD_BINS + steps.bin
        state = steps.here.astype(np.int64) * PERIOD_BINS + steps.bin
        group = np.concatenate([[0], np.nonzero(np.diff(state))[0] + 1]) if len(state) else np.zeros(0, dtype=np.int64)
        group_bin, group_here = steps.bin[group], steps.here[group]
        ends = np.searchsorted(group_here, np.arange(first, last + 1))
        group = np.append(group, len(state))
        for here in range(first, last):
            groups = slice(ends[here - first], ends[here - first + 1])
            row = table.start(here).copy()
            if groups.stop > groups.start:
                low, high = group[groups.start], group[groups.stop]
                reached = np.maximum.reduceat(flat[source[low:high]] + gain[low:high], group[groups] - low)
                bins = group_bin[groups]
                row[bins] = np.maximum(row[bins], reached)
            best[here] = row
            (row + change).max(axis=1, out=onward[here])
    return best


def _trace(table: _Table, blocks: Sequence[_Steps], best: Floats, candidate: Ints) -> BeatPath:
    """Walk back from the best end within the last seconds."""
    at_s, change = table.at_s, table.change()
    late = int(np.searchsorted(at_s, at_s[-1] - BREAK_S / 2))
    here = late + int(best[late:].max(axis=1).argmax())
    bin_ = int(best[here].argmax())
    score = float(best[here, bin_])
    times, onsets = [float(at_s[here])], [int(candidate[here])]
    while best[here, bin_] > table.start(here)[bin_]:
        ways = blocks[here // BLOCK].to(here, bin_)
        before = best[ways.back] + change[bin_]
        way = int((before.max(axis=1) + ways.gain(table)).argmax())
        back, beats = int(ways.back[way]), int(ways.beats[way])
        step_s = (at_s[here] - at_s[back]) / beats
        times += [float(at_s[here] - step_s * silent) for silent in range(1, beats)] + [float(at_s[back])]
        onsets += [-1] * (beats - 1) + [int(candidate[back])]
        here, bin_ = back, int(before[way].argmax())
    return BeatPath(np.array(times[::-1]), np.array(onsets[::-1], dtype=np.int64), score)


def _candidates(time_s: Floats, beat: Floats) -> Ints:
    """Onsets that may carry a beat: those that are heard as one, and the likeliest wherever 1 s would hold none."""
    possible = beat > UNHEARD
    slot = np.floor(time_s).astype(np.int64)
    order = np.lexsort((beat, slot))
    last_of_slot = np.append(np.diff(slot[order]) > 0, True)
    possible[order[last_of_slot]] = True
    return np.nonzero(possible)[0]
