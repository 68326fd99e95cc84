"""Marks of expression: dynamics by phrase, accents, pedal and tempo, few enough to be read."""

from __future__ import annotations

import bisect
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

from transcriber.notate.hairpins import Hairpin, find_hairpins, wedges
from transcriber.notate.measures import BarSpan
from transcriber.notate.pedalling import pedal_steps
from transcriber.notate.rhythm import Placed
from transcriber.notate.tempi import tempo_marks
from transcriber.notate.timeline import Timeline
from transcriber.performance import Pedal
from transcriber.score import Direction, Dynamic, DynamicMark, Measure, PedalMark

# MIDI velocities that notation programs play for each mark; a phrase gets the nearest.
VELOCITIES: dict[DynamicMark, int] = {"ppp": 16, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 126}
VELOCITY_SCALE = 8.0  # half the distance between two marks: a bar that far off costs 1
NEW_MARK = 4.0  # cost of a new mark: a phrase of four bars must be a whole mark away
ACCENT = 24  # velocities above the chords around it: one and a half marks
ACCENT_CONTEXT = 8  # chords on each side
MOST_ACCENTS = 0.05  # of a hand's chords; where there are more, they are the style and not marked


def with_expression(
    measures: Sequence[Measure],
    spans: Sequence[BarSpan],
    placed: Sequence[Placed],
    pedals: Sequence[Pedal],
    timeline: Timeline,
) -> tuple[Measure, ...]:
    """The measures with dynamics, tempo and pedal marks added to their directions."""
    pins = find_hairpins(spans, placed)
    added: list[tuple[int, Direction]] = [
        *tempo_marks(spans, timeline),
        *_dynamics(spans, placed, pins),
        *wedges(spans, pins),
    ]
    starts = [span.start for span in spans]
    for step in pedal_steps(pedals, timeline, spans[0].start, spans[-1].end):
        place = max(0, (bisect.bisect_left if step.kind == "stop" else bisect.bisect_right)(starts, step.tick) - 1)
        added.append((place, PedalMark(spans[place].position_q(step.tick), step.kind)))
    return with_directions(measures, added)


def with_directions(measures: Sequence[Measure], added: Iterable[tuple[int, Direction]]) -> tuple[Measure, ...]:
    """The measures with more directions, each given with the position of its measure."""
    by_place: dict[int, list[Direction]] = defaultdict(list)
    for place, mark in added:
        by_place[place].append(mark)
    return tuple(
        replace(measure, directions=(*measure.directions, *by_place[place])) for place, measure in enumerate(measures)
    )


def find_accents(placed: Sequence[Placed]) -> frozenset[int]:
    """Sources of the notes that stand out from the chords around them on their staff."""
    accents: set[int] = set()
    for staff in {note.attack.staff for note in placed}:
        chords: dict[int, list[Placed]] = defaultdict(list)
        for note in placed:
            if note.attack.staff == staff:
                chords[note.onset].append(note)
        loudest = [max(chord, key=lambda note: note.attack.velocity) for _, chord in sorted(chords.items())]
        velocities = [note.attack.velocity for note in loudest]
        found = []
        for place, note in enumerate(loudest):
            around = velocities[max(0, place - ACCENT_CONTEXT) : place + ACCENT_CONTEXT + 1]
            if len(around) > ACCENT_CONTEXT and note.attack.velocity >= statistics.median(around) + ACCENT:
                found.append(note.attack.source)
        if len(found) <= MOST_ACCENTS * len(loudest):
            accents.update(found)
    return frozenset(accents)


def _dynamics(spans: Sequence[BarSpan], placed: Sequence[Placed], pins: Sequence[Hairpin]) -> list[tuple[int, Dynamic]]:
    """The dynamic marks with the position of their bar: none within a hairpin, none that repeats the one before."""
    starts = [span.start for span in spans]
    onsets = sorted({note.onset for note in placed})
    found: list[tuple[int, Dynamic]] = []
    for tick, mark in sorted(_beside_hairpins(_phrase_marks(starts, placed), pins).items()):
        struck = bisect.bisect_left(onsets, tick)
        if struck < len(onsets) and (not found or found[-1][1].mark != mark):
            bar = bisect.bisect_right(starts, onsets[struck]) - 1
            found.append((bar, Dynamic(spans[bar].position_q(onsets[struck]), mark)))
    return found


def _beside_hairpins(marks: Sequence[tuple[int, DynamicMark]], pins: Sequence[Hairpin]) -> dict[int, DynamicMark]:
    """The marks by tick. One that falls within a hairpin stands at its end if it leads there, else at its start."""
    levels = list(VELOCITIES)
    beside: dict[int, DynamicMark] = {}
    before: DynamicMark | None = None
    for (tick, mark), following in zip_longest(marks, marks[1:]):
        pin = next((pin for pin in pins if pin.start < tick < pin.end), None)
        if pin is None:
            beside[tick] = mark
        elif following is not None and following[0] < pin.end:
            continue
        else:
            louder = before is not None and levels.index(mark) > levels.index(before)
            beside[pin.end if before is not None and louder == (pin.change > 0) else pin.start] = mark
        before = mark
    return beside


def _phrase_marks(starts: Sequence[int], placed: Sequence[Placed]) -> list[tuple[int, DynamicMark]]:
    """A mark for each phrase at its first note, by Viterbi over the bars; bars without notes keep the mark before."""
    by_bar: dict[int, list[Placed]] = defaultdict(list)
    for note in placed:
        by_bar[bisect.bisect_right(starts, note.onset) - 1].append(note)
    marks = list(VELOCITIES)
    costs = [0.0] * len(marks)
    back: list[list[int]] = []
    bars = sorted(by_bar)
    for bar in bars:
        velocity = statistics.fmean(note.attack.velocity for note in by_bar[bar])
        stay = min(range(len(marks)), key=costs.__getitem__)
        links = [number if costs[number] <= costs[stay] + NEW_MARK else stay for number in range(len(marks))]
        costs = [
            min(costs[number], costs[stay] + NEW_MARK) + abs(velocity - VELOCITIES[mark]) / VELOCITY_SCALE
            for number, mark in enumerate(marks)
        ]
        back.append(links)
    state = min(range(len(marks)), key=costs.__getitem__)
    chosen = []
    for links in reversed(back):
        chosen.append(marks[state])
        state = links[state]
    found: list[tuple[int, DynamicMark]] = []
    for bar, mark in zip(bars, reversed(chosen), strict=True):
        if not found or mark != found[-1][1]:
            found.append((min(note.onset for note in by_bar[bar]), mark))
    return found
