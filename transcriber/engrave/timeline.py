"""When written positions were performed: beats in quarters against seconds, straight lines between them."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from transcriber.score import Measure, Score

DEFAULT_QUARTER_S = 0.5  # 120 quarters a minute, MIDI's default, where a score says nothing of its times


@dataclass(frozen=True, slots=True)
class Timeline:
    """`starts_q` holds the start of every measure and the end of the last, in quarters from the start of the score.

    `positions_q` and `times_s` run together: the beats of the score and its end, in strictly rising positions.
    """

    starts_q: tuple[Fraction, ...]
    positions_q: tuple[Fraction, ...]
    times_s: tuple[float, ...]

    def second(self, position_q: Fraction) -> float:
        """The performed second of a position counted from the start of the score."""
        if len(self.positions_q) < 2:
            return self.times_s[0] + DEFAULT_QUARTER_S * float(position_q - self.positions_q[0])
        right = min(max(1, bisect.bisect_right(self.positions_q, position_q)), len(self.positions_q) - 1)
        left = right - 1
        span_q = self.positions_q[right] - self.positions_q[left]
        share = float((position_q - self.positions_q[left]) / span_q)
        return self.times_s[left] + share * (self.times_s[right] - self.times_s[left])


def timeline(score: Score) -> Timeline:
    """The timeline of a score; bars without beat times lie evenly between those that have them."""
    starts_q = tuple(accumulate((measure.length_q for measure in score.measures), initial=Fraction(0)))
    points: dict[Fraction, float] = {}
    for start_q, measure in zip(starts_q, score.measures, strict=False):
        for beat_q, second in zip(beat_positions(measure), measure.beat_times_s, strict=False):
            points[start_q + beat_q] = second
    points[starts_q[-1]] = max([score.end_s, *points.values()])
    if len(points) == 1:
        points = {Fraction(0): 0.0, starts_q[-1]: DEFAULT_QUARTER_S * float(starts_q[-1])}
    positions_q = sorted(points)
    return Timeline(starts_q, tuple(positions_q), tuple(points[position_q] for position_q in positions_q))


def beat_positions(measure: Measure) -> Sequence[Fraction]:
    """Where the beats of a measure lie: its start, then every felt beat of the metre as counted from its end."""
    beat_q = measure.time.beat_q
    first_q = measure.length_q % beat_q
    inner = [first_q + beat_q * index for index in range(int(measure.length_q // beat_q))]
    return inner if first_q == 0 else [Fraction(0), *inner]
