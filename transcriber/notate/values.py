"""From stretches of time to written values: which single notes, tied notes, rests and tuplets fill them.

The rule of engraving behind it: a reader must see the beats. A value may cover a metrical boundary only if it starts or
ends on one at least as strong, or if it is a plain syncopation (short-long-short within one step of the hierarchy).
Positions and lengths are ticks from where the full bar would start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from transcriber.notate.timeline import TICKS, in_ticks
from transcriber.score import VALUE_QUARTERS, NoteValue, TimeSignature, Tuplet

COMPOUND_PULSE = 3 * TICKS // 2
SHORTEST = TICKS // 8  # a 32nd: positions on multiples of it need no tuplet
VALUES = {
    in_ticks(value.quarters): value
    for value in (NoteValue(name, dots) for name in VALUE_QUARTERS for dots in (0, 1))
    if value != NoteValue("breve", 1)
}
# From a beat on, a value with two dots reads more easily than one tied to a dotted one.
DOUBLE_DOTTED = {in_ticks(value.quarters): value for value in (NoteValue("quarter", 2), NoteValue("eighth", 2))}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch that is written as one value."""

    start: int
    end: int
    value: NoteValue


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch under one tuplet bracket."""

    start: int
    end: int
    tuplet: Tuplet


def note_parts(start: int, end: int, time: TimeSignature) -> tuple[Part, ...]:
    """The values, to be tied, of a note from `start` to `end` outside any tuplet."""
    if end - start in DOUBLE_DOTTED and not time.compound and start % in_ticks(time.beat_q) == 0:
        levels = _levels(time)
        inner = _strongest_inside(start, end, levels)
        if inner is not None and _depth(start, levels) <= inner:
            return (Part(start, end, DOUBLE_DOTTED[end - start]),)
    return _split(start, end, time, False)


def rest_parts(start: int, end: int, time: TimeSignature) -> tuple[Part, ...]:
    """The rests from `start` to `end` outside any tuplet: they show the beats more strictly than notes do."""
    return _split(start, end, time, True)


def tuplet_parts(start: int, end: int, zone: Zone) -> tuple[Part, ...]:
    """The values of a note or rest within `zone`; their lengths count before the tuplet's ratio shortens them."""
    ratio = zone.tuplet
    written = (end - start) * ratio.actual // ratio.normal
    if written in VALUES:
        return (Part(start, end, VALUES[written]),)
    longest = max(value for value in VALUES if value < written and VALUES[value].dots == 0)
    middle = start + longest * ratio.normal // ratio.actual
    return tuplet_parts(start, middle, zone) + tuplet_parts(middle, end, zone)


def zones_of(boundaries: Sequence[int], start: int, length: int) -> list[Zone]:
    """The tuplets that a pulse of `length` ticks from `start` on needs for events that start or end at `boundaries`."""
    inside = sorted({tick - start for tick in boundaries if start < tick < start + length})
    quarter, half = length // 4, length // 2
    if length == COMPOUND_PULSE:
        if all(tick % quarter == 0 for tick in inside) and any(tick % half != 0 for tick in inside):
            return [Zone(start, start + length, Tuplet(4, 3))]
        return _zones_within(inside, start, length, 3)
    if all(tick % SHORTEST == 0 for tick in inside):
        return []
    if length % 3 == 0 and length < TICKS and length % half == 0 and all(tick % quarter == 0 for tick in inside):
        return [Zone(start, start + length, Tuplet(4, 3))]
    if length == TICKS and all(tick * 5 % length == 0 for tick in inside):
        return [Zone(start, start + length, Tuplet(5, 4))]
    if half not in inside and all(tick * 12 % length == 0 for tick in inside):
        return [Zone(start, start + length, Tuplet(3, 2))]
    if length < TICKS or inside == [part * length // 6 for part in range(1, 6)]:
        return [Zone(start, start + length, Tuplet(6, 4))]
    return _zones_within(inside, start, length, 2)


def _zones_within(inside: Sequence[int], start: int, length: int, parts: int) -> list[Zone]:
    """Each part of a pulse on its own."""
    step = length // parts
    return [
        zone for part in range(parts) for zone in zones_of([tick + start for tick in inside], start + part * step, step)
    ]


@lru_cache(maxsize=65536)
def _split(start: int, end: int, time: TimeSignature, rest: bool) -> tuple[Part, ...]:
    levels = _levels(time)
    inner = _strongest_inside(start, end, levels)
    length = end - start
    if length in VALUES and (
        inner is None or (_rest_shows_beats if rest else _note_shows_beats)(start, end, inner, levels, time)
    ):
        return (Part(start, end, VALUES[length]),)
    if inner is None:  # shorter than every level: only a tuplet could write it exactly
        raise ValueError(f"a stretch of {length} ticks at {start} has no written value in {time}")
    unit = levels[inner]
    cuts = range((start // unit + 1) * unit, end, unit)
    ways = [_split(start, cut, time, rest) + _split(cut, end, time, rest) for cut in {cuts[0], cuts[-1]}]
    return min(ways, key=lambda parts: (len(parts), parts[0].end))


@lru_cache(maxsize=256)
def _levels(time: TimeSignature) -> tuple[int, ...]:
    """Units of the metrical hierarchy in ticks, from the bar down to the 128th."""
    bar, beat = in_ticks(time.measure_q), in_ticks(time.beat_q)
    levels = [bar]
    if time.beat_count == 4:
        levels.append(bar // 2)
    levels.append(beat)
    unit = beat
    if time.compound:
        unit = beat // 3
        levels.append(unit)
    while unit % 2 == 0:
        unit //= 2
        levels.append(unit)
    return tuple(dict.fromkeys(levels))


def _strongest_inside(start: int, end: int, levels: Sequence[int]) -> int | None:
    for depth, unit in enumerate(levels):
        if (start // unit + 1) * unit < end:
            return depth
    return None


def _depth(tick: int, levels: Sequence[int]) -> int:
    return next((depth for depth, unit in enumerate(levels) if tick % unit == 0), len(levels))


def _note_shows_beats(start: int, end: int, inner: int, levels: Sequence[int], time: TimeSignature) -> bool:
    first, last = _depth(start, levels), _depth(end, levels)
    if time.compound and levels[inner] >= in_ticks(time.beat_q):
        beat_depth = levels.index(in_ticks(time.beat_q))
        return max(first, last) <= beat_depth and min(first, last) <= inner
    if min(first, last) <= inner:
        return True
    unit = levels[inner]
    one_boundary = (start // unit + 2) * unit >= end
    return first == last == inner + 1 and one_boundary and VALUES[end - start].dots == 0


def _rest_shows_beats(start: int, end: int, inner: int, levels: Sequence[int], time: TimeSignature) -> bool:
    length = end - start
    beat = in_ticks(time.beat_q)
    if length >= beat:
        return length in levels and start % length == 0
    if time.compound and length == 2 * beat // 3:
        return start % beat == 0
    return VALUES[length].dots == 0 and start % length == 0
