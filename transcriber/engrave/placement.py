"""In which order the notes and marks of one bar are written: MusicXML is a single stream with steps back in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from transcriber.engrave.directions import direction_staff
from transcriber.score import LOWER, UPPER, ChordSymbol, Direction, Measure, Ottava, PedalMark, Wedge


class Slot(NamedTuple):
    """The place before an event of a voice, all by index; `event` is BAR_END behind every voice of the staff."""

    staff: int
    voice: int
    event: int


class Stream(NamedTuple):
    """One voice of a bar, by the indices of its staff and of itself."""

    staff: int
    voice: int


BAR_END = -1


def with_ends_before_bar_lines(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The same marks, but what stops at the start of a bar stops at the end of the one before.

    Else a line that ends with its bar would stretch into the next, and at worst onto the next page.
    """
    kept: list[list[Direction]] = []
    for index, measure in enumerate(measures):
        here: list[Direction] = []
        for mark in measure.directions:
            if index == 0 or mark.onset_q > 0 or not isinstance(mark, Wedge | PedalMark | Ottava):
                here.append(mark)
            elif mark.kind == "stop":
                kept[-1].append(replace(mark, onset_q=measures[index - 1].length_q))
            elif mark.kind == "change":
                kept[-1].append(PedalMark(measures[index - 1].length_q, "stop"))
                here.append(PedalMark(mark.onset_q, "start"))
            else:
                here.append(mark)
        kept.append(here)
    return tuple(replace(measure, directions=tuple(marks)) for measure, marks in zip(measures, kept, strict=True))


def slots(measure: Measure) -> dict[Slot, list[tuple[Direction, Fraction]]]:
    """The directions by the slot where they are written, each with how far after it it stands, in quarters.

    A mark is written before a note that starts with it, even among the notes of the other staff, since not every reader
    minds an offset. All hairpins of a bar, and all pedal marks, go with one voice, so that none ends before it starts.
    Octave lines are not among them: the bar is cut for those.
    """
    found: dict[Slot, list[tuple[Direction, Fraction]]] = {}
    marks = [mark for mark in reading_order(measure.directions) if not isinstance(mark, Ottava)]
    for mark in marks:
        kind = type(mark)
        together = [other for other in marks if type(other) is kind] if kind in (Wedge, PedalMark) else [mark]
        stream = _stream(measure, together)
        slot, offset_q = _slot(measure, stream, mark.onset_q)
        found.setdefault(slot, []).append((mark, offset_q))
    return found


def reading_order(marks: Iterable[Direction]) -> list[Direction]:
    """Marks by position; at the same position what ends comes before what begins."""
    return sorted(marks, key=lambda mark: (mark.onset_q, not _ends(mark)))


def cuts(measure: Measure, staff: int) -> list[Fraction]:
    """Where the clef or the octave line of a staff changes within the bar or at its ends."""
    lines = {mark.onset_q for mark in measure.directions if isinstance(mark, Ottava) and mark.staff == staff}
    clefs = {clef.onset_q for clef in measure.clefs if clef.staff == staff}
    return sorted(lines | clefs)


def chunks(measure: Measure, staff: int) -> Iterator[tuple[Fraction, list[tuple[int, Sequence[int]]]]]:
    """The order of the notes of a staff: from each cut of the bar on, runs of events as (voice index, event indices).

    Readers apply an octave line or a clef to the notes that they read after it, so the bar is cut there, and all voices
    are written as far as the cut before any goes on. The voice that was written last goes on first: verovio takes a
    note for another voice only after a step back in time. It also ends an octave line at the last note that it read,
    so that the first cut comes after the voice that moves last before it.
    """
    voices = measure.staves[staff]
    inner = [cut_q for cut_q in cuts(measure, staff) if 0 < cut_q < measure.length_q]
    order = list(range(len(voices)))
    if not inner:
        yield Fraction(0), [(place, range(len(voices[place].events))) for place in order]
        return
    order.sort(key=lambda place: max(event.onset_q for event in voices[place].events if event.onset_q < inner[0]))
    for start_q, stop_q in pairwise([Fraction(0), *inner, measure.length_q]):
        runs: list[tuple[int, Sequence[int]]] = []
        for place in order:
            events = voices[place].events
            indices = [index for index, event in enumerate(events) if start_q <= event.onset_q < stop_q]
            if indices:
                runs.append((place, indices))
        yield start_q, runs
        order.reverse()


def _ends(mark: Direction) -> bool:
    return isinstance(mark, Wedge | PedalMark | Ottava) and mark.kind == "stop"


def _stream(measure: Measure, marks: Sequence[Direction]) -> Stream:
    """The voice that has notes at the most of these marks; their own staff's first voice where none does better.

    Chord symbols stay in their own staff: verovio draws them above the staff among whose notes they are read.
    """
    own = direction_staff(marks[0])
    staves = (own,) if isinstance(marks[0], ChordSymbol) else sorted((UPPER, LOWER), key=lambda staff: staff != own)
    streams = [Stream(staff, place) for staff in staves for place in range(len(measure.staves[staff]))]
    positions = [mark.onset_q for mark in marks]
    return max(streams, key=lambda stream: sum(_slot(measure, stream, onset_q)[1] == 0 for onset_q in positions))


def _slot(measure: Measure, stream: Stream, onset_q: Fraction) -> tuple[Slot, Fraction]:
    if onset_q >= measure.length_q:
        return Slot(stream.staff, stream.voice, BAR_END), Fraction(0)
    events = measure.staves[stream.staff][stream.voice].events
    index = max(index for index, event in enumerate(events) if event.onset_q <= onset_q)
    return Slot(*stream, index), onset_q - events[index].onset_q
