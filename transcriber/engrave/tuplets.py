"""Which tuplets need no number: music that goes on in triplets is read by its beams once two bars have shown it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from transcriber.score import Chord, Event, Measure, NoteValue, Tuplet

Kind = tuple[int, int, NoteValue]  # so many notes, in the time of so many, of this value

NUMBERED_BARS = 2  # before a kind of tuplet is understood
SHARE = Fraction(1, 2)  # of a bar in a kind of tuplet, in one voice after another, for the music to be going on in it


def understood_tuplets(measures: Sequence[Measure]) -> list[frozenset[Kind]]:
    """For each bar the kinds that it goes on in, as the numbered bars before it did."""
    kinds = [_kinds(measure) for measure in measures]
    found = []
    for index, measure in enumerate(measures):
        before = range(max(0, index - NUMBERED_BARS), index)
        settled = len(before) == NUMBERED_BARS and all(measures[bar].time == measure.time for bar in before)
        found.append(kinds[index].intersection(*(kinds[bar] for bar in before)) if settled else frozenset())
    return found


def kind_of(events: Sequence[Event]) -> Kind | None:
    """The kind of a tuplet of equal notes; None for any other."""
    tuplet, value = events[0].tuplet, events[0].value
    if tuplet is None or len(events) != tuplet.actual:
        return None
    alike = all(isinstance(event, Chord) and event.value == value for event in events)
    return (tuplet.actual, tuplet.normal, value) if alike else None


def tuplet_span(events: Sequence[Event], index: int) -> tuple[int, int]:
    """Indices of the first and last event of the tuplet that holds `events[index]`."""

    def flagged(place: int, flag: str) -> bool:
        tuplet: Tuplet | None = events[place].tuplet
        return tuplet is None or bool(getattr(tuplet, flag))

    first = last = index
    while first > 0 and not flagged(first, "start"):
        first -= 1
    while last < len(events) - 1 and not flagged(last, "stop"):
        last += 1
    return first, last


def _kinds(measure: Measure) -> frozenset[Kind]:
    """Kinds that fill at least their share of a bar."""
    lengths_q: dict[Kind, Fraction] = {}
    for voice in (voice for voices in measure.staves for voice in voices):
        for events in _tuplets(voice.events):
            kind = kind_of(events)
            if kind is not None:
                length_q = sum((event.duration_q for event in events), Fraction(0))
                lengths_q[kind] = lengths_q.get(kind, Fraction(0)) + length_q
    return frozenset(kind for kind, length_q in lengths_q.items() if length_q >= SHARE * measure.length_q)


def _tuplets(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for index, event in enumerate(events):
        if event.tuplet is not None and event.tuplet.start:
            first, last = tuplet_span(events, index)
            yield events[first : last + 1]
