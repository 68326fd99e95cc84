"""Performed seconds and written positions, two rulers side by side.

Positions inside notation are whole ticks, 480 to a quarter note, counted from the first bar line: every grid that the
quantiser knows falls on whole ticks, and integers are quicker than fractions. A *pulse* is the stretch of time that one
grid divides: a felt beat, or a quarter of a beat that is longer than that.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from transcriber.notate.meter import Bar, Meter
from transcriber.score import TimeSignature

TICKS = 480  # a quarter note; divisible by 32nds (60), triplet 32nds (40) and quintuplet 16ths (96)
SHORTEST_BEAT_S = 0.02  # keeps time running forwards whatever the metre says


@dataclass(frozen=True, slots=True)
class Pulse:
    """`start` and `length` in ticks, the performed seconds from here to the next pulse, and the metre around it."""

    start: int
    length: int
    start_s: float
    end_s: float
    time: TimeSignature

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Timeline:
    """The bars of a performance. `bar_starts` has one entry more than `bars`: where the last one ends."""

    bars: tuple[Bar, ...]
    bar_starts: tuple[int, ...]
    pulses: tuple[Pulse, ...]
    _pulse_starts_s: tuple[float, ...]
    _pulse_starts: tuple[int, ...]

    def pulse_index_at(self, seconds: float) -> int:
        return max(0, bisect.bisect_right(self._pulse_starts_s, seconds) - 1)

    def pulse_at(self, tick: int) -> Pulse:
        return self.pulses[max(0, bisect.bisect_right(self._pulse_starts, tick) - 1)]

    def pulses_between(self, start: int, end: int) -> tuple[Pulse, ...]:
        return self.pulses[bisect.bisect_left(self._pulse_starts, start) : bisect.bisect_left(self._pulse_starts, end)]

    def bar_index_at(self, tick: int) -> int:
        return min(len(self.bars) - 1, max(0, bisect.bisect_right(self.bar_starts, tick) - 1))

    def tick_at(self, seconds: float) -> float:
        """The position sounding at `seconds`, running on at the last pulse's pace beyond the end."""
        pulse = self.pulses[self.pulse_index_at(seconds)]
        return pulse.start + pulse.length * (seconds - pulse.start_s) / pulse.duration_s

    def seconds_at(self, tick: float) -> float:
        pulse = self.pulses[max(0, bisect.bisect_right(self._pulse_starts, tick) - 1)]
        return pulse.start_s + pulse.duration_s * (tick - pulse.start) / pulse.length


@lru_cache(maxsize=4096)  # most are asked for again and again
def in_quarters(ticks: int) -> Fraction:
    return Fraction(ticks, TICKS)


def in_ticks(quarters: Fraction) -> int:
    """The whole ticks in a length that is not negative."""
    return quarters.numerator * TICKS // quarters.denominator


def pulse_of_beat(beat: int) -> int:
    """The length of the pulses of a beat, both in ticks."""
    return TICKS if beat > TICKS and beat % TICKS == 0 else beat


def lay_out(meter: Meter, first_s: float, last_s: float) -> Timeline:
    """The timeline of `meter`, lengthened at its own pace where notes lie before its first bar or after its end."""
    bars = list(meter.bars)
    end_s = meter.end_s
    first = bars[0]
    bar_s = _bar_duration_s(bars, end_s, 0)
    # A note up to half a beat early still belongs to the first beat.
    while first_s < bars[0].beat_times_s[0] - bar_s / (2 * first.time.beat_count):
        start_s = bars[0].beat_times_s[0] - bar_s
        beats = first.time.beat_count
        bars.insert(0, Bar(first.time, tuple(start_s + bar_s * beat / beats for beat in range(beats))))
    last = bars[-1]
    bar_s = _bar_duration_s(bars, end_s, len(bars) - 1)
    while last_s >= end_s:
        beats = last.time.beat_count
        bars.append(Bar(last.time, tuple(end_s + bar_s * beat / beats for beat in range(beats))))
        end_s += bar_s
    return _timeline(bars, end_s)


def _bar_duration_s(bars: list[Bar], end_s: float, index: int) -> float:
    after_s = bars[index + 1].beat_times_s[0] if index + 1 < len(bars) else end_s
    return max(after_s - bars[index].beat_times_s[0], SHORTEST_BEAT_S * bars[index].time.beat_count)


def _timeline(bars: list[Bar], end_s: float) -> Timeline:
    starts = [0]
    beats = []
    for bar in bars:
        for number, time_s in enumerate(bar.beat_times_s):
            beat = in_ticks(bar.time.beat_q)
            parts = beat // pulse_of_beat(beat)
            beats.append((starts[-1] + number * beat, beat, parts, time_s, bar.time))
        starts.append(starts[-1] + in_ticks(bar.time.measure_q))
    times_s = [beats[0][3]]
    for _, _, _, time_s, _ in beats[1:]:
        times_s.append(max(time_s, times_s[-1] + SHORTEST_BEAT_S))
    times_s.append(max(end_s, times_s[-1] + SHORTEST_BEAT_S))
    pulses: list[Pulse] = []
    for (start, beat, parts, _, time), (from_s, to_s) in zip(beats, pairwise(times_s), strict=True):
        step_s, step = (to_s - from_s) / parts, beat // parts
        pulses.extend(
            Pulse(start + part * step, step, from_s + part * step_s, from_s + (part + 1) * step_s, time)
            for part in range(parts)
        )
    return Timeline(
        tuple(bars),
        tuple(starts),
        tuple(pulses),
        tuple(pulse.start_s for pulse in pulses),
        tuple(pulse.start for pulse in pulses),
    )
