"""Which notes a beam joins, and how: by the beats of the metre.

A beam never crosses the start of a group (a beat, or a half bar of plain eighths) nor a rest. Inside it, beams of the
second and higher levels break at every eighth where 32nds are written and at the edge of a tuplet, so that each part of
the beat can be seen (Gould, Behind Bars, "Beaming according to the metre").
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import accumulate, pairwise
from typing import Literal

from transcriber.score import Chord, Event, Grace, Measure, NoteValue, TimeSignature, Voice

Beam = Literal["begin", "continue", "end", "forward hook", "backward hook"]

LEVELS: dict[str, int] = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}
EIGHTH, EIGHTH_Q = NoteValue("eighth"), Fraction(1, 2)

# How many of the lower figure each group of an irregular metre holds, as commonly printed.
IRREGULAR: dict[int, tuple[int, ...]] = {
    5: (3, 2),
    7: (2, 2, 3),
    8: (3, 3, 2),
    10: (3, 3, 2, 2),
    11: (3, 3, 3, 2),
}


def beam_voice(measure: Measure, voice: Voice) -> tuple[tuple[Beam, ...], ...]:
    """The beams of each event of a voice, level 1 first; empty for rests, long values and flagged notes."""
    events = voice.events
    pickup_q = measure.time.measure_q - measure.length_q
    places_q = [event.onset_q + pickup_q if pickup_q else event.onset_q for event in events]  # in a full bar
    beams: list[tuple[Beam, ...]] = [()] * len(events)
    for group in _groups(events, measure.time, places_q):
        joined = _join([events[index] for index in group], [places_q[index] for index in group])
        for index, states in zip(group, joined, strict=True):
            beams[index] = states
    return tuple(beams)


def beam_graces(graces: Sequence[Grace]) -> tuple[tuple[Beam, ...], ...]:
    """The beams of the grace notes before one chord: all of them together, where there are two or more."""
    levels = [beam_levels(grace.value) for grace in graces]
    if len(graces) < 2 or 0 in levels:
        return ((),) * len(graces)
    return _states(levels, [min(pair) for pair in pairwise(levels)], lambda _: True)


def beam_levels(value: NoteValue) -> int:
    """How many beams or flags a value has."""
    return LEVELS.get(value.type, 0)


@cache
def beat_starts(time: TimeSignature) -> tuple[Fraction, ...]:
    """Where beam groups start in a bar of shorter values than plain eighths, in quarters."""
    unit_q = Fraction(4, time.beat_type)
    if time.compound or time.beat_type == 4:
        sizes = [time.beat_q] * time.beat_count
    elif time.beat_type < 4:
        sizes = [Fraction(1)] * int(time.measure_q)
    elif time.beats in IRREGULAR:
        sizes = [size * unit_q for size in IRREGULAR[time.beats]]
    elif time.beats <= 3:
        sizes = [time.measure_q]
    else:
        sizes = [2 * unit_q] * (time.beats // 2) + [unit_q] * (time.beats % 2)
    return tuple(accumulate(sizes[:-1], initial=Fraction(0)))


@cache
def eighth_starts(time: TimeSignature) -> tuple[Fraction, ...]:
    """Where groups start if they hold plain eighths only: half bars of 4/4 and 2/2, whole bars of 2/4 and 3/4."""
    if time.beat_type > 4 or time.compound:
        return beat_starts(time)
    span_q = time.measure_q if time.measure_q <= 3 else Fraction(2)
    return tuple(span_q * index for index in range(-(-time.measure_q // span_q)))


def _groups(events: Sequence[Event], time: TimeSignature, places_q: Sequence[Fraction]) -> list[list[int]]:
    """Runs of two or more event indices under one beam."""
    wide, narrow = eighth_starts(time), beat_starts(time)
    spans = [bisect_right(wide, place_q) for place_q in places_q]
    mixed = {span for span, event in zip(spans, events, strict=True) if not _plain_eighth(event)}
    parts = [
        (span, bisect_right(narrow, place_q) if span in mixed else 0)
        for span, place_q in zip(spans, places_q, strict=True)
    ]
    runs: list[list[int]] = []
    for index, event in enumerate(events):
        if not isinstance(event, Chord) or not beam_levels(event.value):
            continue
        joined = runs and runs[-1][-1] == index - 1
        if joined and (_same_tuplet(events, index) or parts[index - 1] == parts[index]):
            runs[-1].append(index)
        else:
            runs.append([index])
    return [run for run in runs if len(run) > 1]


def _plain_eighth(event: Event) -> bool:
    """Whether an event lets its span be joined as one: an eighth, or anything that breaks the beam anyway."""
    if beam_levels(event.value) == 0:
        return event.tuplet is None
    return event.value == EIGHTH and event.tuplet is None


def _same_tuplet(events: Sequence[Event], index: int) -> bool:
    tuplet = events[index].tuplet
    return tuplet is not None and events[index - 1].tuplet is not None and not tuplet.start


def _join(group: Sequence[Event], places_q: Sequence[Fraction]) -> tuple[tuple[Beam, ...], ...]:
    levels = [beam_levels(event.value) for event in group]
    shared = []
    for left, right in pairwise(range(len(group))):
        both = min(levels[left], levels[right])
        tuplet_edge = group[left].tuplet != group[right].tuplet and not _same_tuplet(group, right)
        breaks = tuplet_edge or (max(levels[left], levels[right]) > 2 and places_q[right] % EIGHTH_Q == 0)
        shared.append(1 if breaks else both)
    return _states(levels, shared, lambda index: _points_forward(group[index], group, places_q[index]))


def _points_forward(event: Event, group: Sequence[Event], position_q: Fraction) -> bool:
    """Whether a hook belongs to what follows: the note starts a pair of its own value."""
    unit_q = NoteValue(event.value.type).quarters
    if event.tuplet is not None:
        first = max(
            (
                other.onset_q
                for other in group
                if other.tuplet and other.tuplet.start and other.onset_q <= event.onset_q
            ),
            default=group[0].onset_q,
        )
        position_q = event.onset_q - first
        unit_q *= Fraction(event.tuplet.normal, event.tuplet.actual)
    return (position_q / unit_q) % 2 < 1


def _states(
    levels: Sequence[int], shared: Sequence[int], points_forward: Callable[[int], bool]
) -> tuple[tuple[Beam, ...], ...]:
    """Beam states from how many beams each note has and shares with the next, and which way a hook would point."""
    states = []
    for index, count in enumerate(levels):
        before = shared[index - 1] if index else 0
        after = shared[index] if index < len(shared) else 0
        note: list[Beam] = []
        for level in range(1, count + 1):
            if level <= before:
                note.append("continue" if level <= after else "end")
            elif level <= after:
                note.append("begin")
            else:
                ahead = index == 0 or (index < len(levels) - 1 and points_forward(index))
                note.append("forward hook" if ahead else "backward hook")
        states.append(tuple(note))
    return tuple(states)
