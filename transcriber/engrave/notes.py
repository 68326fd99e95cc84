"""MusicXML of notes and rests, with everything that hangs on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.etree.ElementTree import Element

from transcriber.engrave.accidentals import Accidental
from transcriber.engrave.beams import Beam, beam_graces, beam_levels
from transcriber.engrave.stems import Stem
from transcriber.engrave.tuplets import Kind, kind_of, tuplet_span
from transcriber.engrave.xmltree import child, only, text
from transcriber.score import UPPER, VALUE_QUARTERS, Chord, Event, Grace, NoteHead, NoteValue, Rest

VOICES_PER_STAFF = 4  # numbers kept for a staff, so that the lower staff starts at voice 5
ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
STEMLESS = ("breve", "whole")
TREMOLO_STROKES = 3  # strokes, beams and flags together that mean "unmeasured"
ARTICULATIONS = ("accent", "staccato", "tenuto")


@dataclass(frozen=True, slots=True)
class Page:
    """What holds all through a score: divisions of a quarter, and by the head's id its accidental and its name."""

    divisions: int
    accidentals: Mapping[str, Accidental]
    names: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """A voice within one bar as it is written out; `beams` and `stems` hold one entry for each event.

    `full` says whether the bar is as long as its time signature asks for; a pickup is not. Beamed tuplets of the kinds
    that are `understood` show no number.
    """

    full: bool
    staff: int
    number: int
    events: Sequence[Event]
    beams: Sequence[tuple[Beam, ...]]
    stems: Sequence[Stem | None]
    understood: Collection[Kind]
    page: Page


def note_elements(line: Line, index: int) -> Iterator[Element]:
    """The `<note>` elements of one event: its grace notes, then its heads from the lowest up, or its rest."""
    event = line.events[index]
    if isinstance(event, Rest):
        yield from _rests(line, index, event)
        return
    for grace, beams in zip(event.graces, beam_graces(event.graces), strict=True):
        yield from _grace(line, index, grace, beams)
    yield from _chord(line, index, event)


def _chord(line: Line, index: int, chord: Chord) -> Iterator[Element]:
    for place, head in enumerate(chord.heads):
        note = _head(line, head, place, chord.value, chord.duration_q)
        _time_modification(note, line, index)
        if line.stems[index] and chord.value.type not in STEMLESS:
            text(note, "stem", line.stems[index])
        text(note, "staff", line.staff + 1)
        if place == 0:
            _beams(note, line.beams[index])
        _tied(note, head)
        if place == 0:
            _tuplet(note, line, index)
            _signs(note, chord)
        if chord.arpeggio:
            child(only(note, "notations"), "arpeggiate")
        if head.finger is not None:
            above = "above" if line.staff == UPPER else "below"
            text(child(only(note, "notations"), "technical"), "fingering", head.finger, placement=above)
        if place == 0:
            _names(note, line, chord)
        yield note


def _names(note: Element, line: Line, chord: Chord) -> None:
    """All of a chord with its first note: readers look for words nowhere else."""
    for number, name in sorted(line.page.names[head.id] for head in chord.heads if head.id in line.page.names):
        lyric = child(note, "lyric", number=str(number))
        text(lyric, "syllabic", "single")
        text(lyric, "text", name)


def _grace(line: Line, index: int, grace: Grace, beams: tuple[Beam, ...]) -> Iterator[Element]:
    for place, head in enumerate(grace.heads):
        note = _head(line, head, place, grace.value, None)
        note.insert(0, Element("grace", slash="yes" if grace.slash and not beams else "no"))
        if line.stems[index]:
            text(note, "stem", line.stems[index])
        text(note, "staff", line.staff + 1)
        if place == 0:
            _beams(note, beams)
        _tied(note, head)
        yield note


def _head(line: Line, head: NoteHead, place: int, value: NoteValue, duration_q: Fraction | None) -> Element:
    note = Element("note", id=head.id)
    if place:
        child(note, "chord")
    pitch = child(note, "pitch")
    text(pitch, "step", head.pitch.step)
    if head.pitch.alter:
        text(pitch, "alter", head.pitch.alter)
    text(pitch, "octave", head.pitch.octave)
    if duration_q is not None:
        text(note, "duration", duration_q.numerator * line.page.divisions // duration_q.denominator)
    for kind in _tie_kinds(head):
        child(note, "tie", type=kind)
    text(note, "voice", line.staff * VOICES_PER_STAFF + line.number)
    _value(note, value)
    shown = line.page.accidentals.get(head.id)
    if shown is not None:
        accidental = text(note, "accidental", ACCIDENTALS[shown.alter])
        if shown.courtesy:
            accidental.set("cautionary", "yes")
    return note


def _rests(line: Line, index: int, rest: Rest) -> Iterator[Element]:
    """A rest; one that fills a pickup is written out in values, for a sign of a whole bar would mean a full one."""
    if not rest.whole_measure:
        note = _rest(line, rest, rest.duration_q)
        _value(note, rest.value)
        _time_modification(note, line, index)
        text(note, "staff", line.staff + 1)
        _tuplet(note, line, index)
        yield note
        return
    values = () if line.full else rest_values(rest.duration_q)
    for value in values:
        note = _rest(line, rest, value.quarters)
        _value(note, value)
        text(note, "staff", line.staff + 1)
        yield note
    if not values:
        note = _rest(line, rest, rest.duration_q)
        note[0].set("measure", "yes")
        text(note, "staff", line.staff + 1)
        yield note


def _rest(line: Line, rest: Rest, duration_q: Fraction) -> Element:
    note = Element("note") if rest.visible else Element("note", {"print-object": "no"})
    child(note, "rest")
    text(note, "duration", int(duration_q * line.page.divisions))
    text(note, "voice", line.staff * VOICES_PER_STAFF + line.number)
    return note


def rest_values(length_q: Fraction) -> tuple[NoteValue, ...]:
    """Plain values that fill a length up to a bar line, shortest first; none where only a tuplet could."""
    values = []
    for value_type, value_q in VALUE_QUARTERS.items():
        while value_q <= length_q:
            values.append(NoteValue(value_type))
            length_q -= value_q
    return () if length_q else tuple(reversed(values))


def _value(note: Element, value: NoteValue) -> None:
    text(note, "type", value.type)
    for _ in range(value.dots):
        child(note, "dot")


def _tie_kinds(head: NoteHead) -> list[str]:
    return ["stop"] * head.tie_stop + ["start"] * head.tie_start


def _tied(note: Element, head: NoteHead) -> None:
    for kind in _tie_kinds(head):
        child(only(note, "notations"), "tied", type=kind)


def _beams(note: Element, beams: Sequence[Beam]) -> None:
    for level, state in enumerate(beams, start=1):
        text(note, "beam", state, number=str(level))


def _time_modification(note: Element, line: Line, index: int) -> None:
    tuplet = line.events[index].tuplet
    if tuplet is None:
        return
    modification = child(note, "time-modification")
    text(modification, "actual-notes", tuplet.actual)
    text(modification, "normal-notes", tuplet.normal)
    first, last = tuplet_span(line.events, index)
    span_q = sum((event.duration_q for event in line.events[first : last + 1]), Fraction(0))
    for value_type, value_q in VALUE_QUARTERS.items():
        if value_q * tuplet.normal == span_q:
            text(modification, "normal-type", value_type)


def _tuplet(note: Element, line: Line, index: int) -> None:
    tuplet = line.events[index].tuplet
    if tuplet is None or not (tuplet.start or tuplet.stop):
        return
    notations = only(note, "notations")
    if tuplet.start:
        first, last = tuplet_span(line.events, index)
        events = line.events[first : last + 1]
        silent = all(isinstance(event, Rest) and not event.visible for event in events)
        beamed = _is_beam(line.beams[first : last + 1])
        start = child(notations, "tuplet", type="start", number="1", bracket="no" if silent or beamed else "yes")
        if silent or (beamed and kind_of(events) in line.understood):
            start.set("show-number", "none")
    if tuplet.stop:
        child(notations, "tuplet", type="stop", number="1")


def _is_beam(beams: Sequence[tuple[Beam, ...]]) -> bool:
    """Whether a run of events is exactly one beam, which then says where the tuplet starts and stops."""
    if len(beams) < 2 or not all(beams):
        return False
    ends = (beams[0][0], beams[-1][0])
    return ends == ("begin", "end") and all(states[0] == "continue" for states in beams[1:-1])


def _signs(note: Element, chord: Chord) -> None:
    """Ornament, articulations and fermata of a chord, on its first note."""
    if chord.ornament is not None:
        ornaments = child(only(note, "notations"), "ornaments")
        if chord.ornament == "trill":
            child(ornaments, "trill-mark")
        else:
            strokes = max(1, TREMOLO_STROKES - beam_levels(chord.value))
            text(ornaments, "tremolo", strokes, type="single")
    present = [name for name in ARTICULATIONS if name in chord.articulations]
    if present:
        articulations = child(only(note, "notations"), "articulations")
        for name in present:
            child(articulations, name)
    if "fermata" in chord.articulations:
        child(only(note, "notations"), "fermata", type="upright")
