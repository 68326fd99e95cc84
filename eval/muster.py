"""MUSTER: what share of a score's notes an editor would have to mend, by kind of mistake.

After Nakamura, Benetos, Yoshii and Dixon, Towards complete polyphonic music transcription (ICASSP 2018), as the
authors' program of 2022 counts (amtevaluation.github.io). Error rates within 0..1, lower is better:

- pitch: notes paired with a printed note of another pitch; missing: printed notes without a pair; of printed notes
- extra: written notes without a pair, of written notes
- onset: of pairs, the least number of changes that turn the written rhythm into the printed one, where one change moves
  all that follows or counts it at another speed. Half of all values costs one change, not one for each note.
- offset: of pairs, those whose written end is another once the onsets are mended: an end at the next onset must still
  be there, an end between two onsets is carried along with them

Their mean is `mean`. Unlike the program, which pairs notes by a hidden Markov model, this takes the pairs as known.
Ends between onsets are compared exactly, where the program rounds down to its ticks.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction

import numpy as np

# Whole notes to 32nds in 96ths of a quarter: plain, dotted, doubly dotted and in triplets.
LENGTHS = tuple(longest >> halvings for longest in (384, 576, 672, 256) for halvings in range(6))
SPEEDS = tuple(dict.fromkeys(Fraction(one, other) for one in LENGTHS for other in LENGTHS))  # 1 comes first


@dataclass(frozen=True)
class QuarterNote:
    """A note with its ties joined, in quarters from the start of the score; a grace note ends where it begins."""

    onset_q: Fraction
    offset_q: Fraction
    pitch: int


@dataclass(frozen=True)
class Muster:
    pitch: float
    missing: float
    extra: float
    onset: float
    offset: float

    @property
    def mean(self) -> float:
        return float(sum(astuple(self)) / 5)


def muster(printed: Sequence[QuarterNote], written: Sequence[QuarterNote], pairs: Sequence[tuple[int, int]]) -> Muster:
    """`pairs`: indices of a printed and a written note that stand for the same played note, each at most once.

    Printed notes after the last paired one do not count, since nobody knows whether they were played. Of printed notes
    that share pitch and onset, as two voices may, one counts: the paired one.
    """
    pairs = sorted(pairs, key=lambda pair: (printed[pair[0]].onset_q, printed[pair[0]].pitch))
    extra = len(written) - len(pairs)
    if not pairs:
        return Muster(0.0, 1.0, 1.0, 0.0, 0.0)
    last_q = printed[pairs[-1][0]].onset_q
    paired = {(printed[place].onset_q, printed[place].pitch) for place, _ in pairs}
    missing = {(note.onset_q, note.pitch) for note in printed if note.onset_q <= last_q} - paired
    count = len(pairs) + len(missing)
    truth, given = [printed[place] for place, _ in pairs], [written[place] for _, place in pairs]
    changes, speed = rhythm_changes([note.onset_q for note in truth], [note.onset_q for note in given])
    return Muster(
        sum(one.pitch != other.pitch for one, other in zip(truth, given, strict=True)) / count,
        len(missing) / count,
        extra / len(written),
        changes / len(pairs),
        _wrong_ends(truth, given, speed) / len(pairs),
    )


def rhythm_changes(wanted_q: Sequence[Fraction], given_q: Sequence[Fraction]) -> tuple[int, Fraction]:
    """The least number of shifts and changes of speed that turn one row of onsets into another, and the last speed."""
    per_quarter = math.lcm(*(onset_q.denominator for onset_q in (*wanted_q, *given_q)))
    wanted, given = (np.diff([int(onset_q * per_quarter) for onset_q in row]) for row in (wanted_q, given_q))
    up, down = (np.array([getattr(speed, name) for speed in SPEEDS]) for name in ("numerator", "denominator"))
    costs = np.ones(len(SPEEDS), np.int64)
    costs[0] = 0
    for index, (step, given_step) in enumerate(zip(wanted, given, strict=True)):
        if index:
            costs = np.minimum(costs, costs.min() + 1)
        costs = costs + (step * down != given_step * up)
    return int(costs.min()), SPEEDS[int(costs.argmin())]


def _wrong_ends(truth: Sequence[QuarterNote], given: Sequence[QuarterNote], last_speed: Fraction) -> int:
    onsets_q = sorted({note.onset_q for note in given})
    at: dict[Fraction, list[int]] = defaultdict(list)
    for index, note in enumerate(given):
        at[note.onset_q].append(index)

    def nearest(onset_q: Fraction, pitch: int) -> int:
        return min(at[onset_q], key=lambda index: abs(given[index].pitch - pitch))

    wrong = 0
    for one, other in zip(truth, given, strict=True):
        length_q = other.offset_q - other.onset_q
        following = bisect_left(onsets_q, other.offset_q)
        if following == len(onsets_q):
            mended_q = one.onset_q + length_q * last_speed
        elif onsets_q[following] == other.offset_q:
            mended_q = truth[nearest(other.offset_q, other.pitch)].onset_q
        else:
            before = nearest(onsets_q[bisect_right(onsets_q, other.offset_q) - 1], other.pitch)
            after = nearest(onsets_q[following], other.pitch)
            step_q = given[after].onset_q - given[before].onset_q
            mended_q = _carried(truth[before].onset_q, truth[after].onset_q, length_q / step_q)
        wrong += mended_q != one.offset_q
    return wrong


def _carried(before_q: Fraction, after_q: Fraction, share: Fraction) -> Fraction:
    """The end of a note that ends between two onsets, which stand now at `before_q` and `after_q`.

    `share`: the note's length in steps between them; not the part of it that lies there, but so the program counts.
    """
    return after_q if before_q == after_q else before_q + abs(after_q - before_q) * share
