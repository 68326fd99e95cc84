"""MusicXML of everything that is not a note: dynamics, hairpins, tempo, words, pedal, ottava lines, chord symbols."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from transcriber.engrave.xmltree import child, text
from transcriber.score import (
    LOWER,
    UPPER,
    ChordSymbol,
    Direction,
    Dynamic,
    NoteValue,
    Ottava,
    PedalMark,
    Step,
    TempoMark,
    Wedge,
    Words,
)

# A change is written as a release and a new press: verovio draws nothing after MusicXML's own "change".
PEDAL_STEPS = {"start": ("start",), "change": ("stop", "start"), "stop": ("stop",)}
OTTAVA_SIZES = {1: "8", 2: "15"}

# What is printed after the root for the commoner MusicXML kinds (the others print their own name).
CHORD_NAMES = {
    "major": "",
    "minor": "m",
    "augmented": "+",
    "diminished": "dim",
    "dominant": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "diminished-seventh": "dim7",
    "augmented-seventh": "+7",
    "half-diminished": "m7♭5",
    "major-minor": "m(maj7)",
    "major-sixth": "6",
    "minor-sixth": "m6",
    "dominant-ninth": "9",
    "major-ninth": "maj9",
    "minor-ninth": "m9",
    "suspended-second": "sus2",
    "suspended-fourth": "sus4",
    "power": "5",
}


def direction_staff(mark: Direction) -> int:
    """The staff that a mark is written with: dynamics and hairpins go between the staves, pedal below both."""
    if isinstance(mark, Words | Ottava):
        return mark.staff
    return LOWER if isinstance(mark, PedalMark) else UPPER


def direction_elements(mark: Direction, offset: int) -> list[Element]:
    """The elements of one mark, `offset` divisions after the place in the bar where they are written."""
    if isinstance(mark, ChordSymbol):
        return [_harmony(mark, offset)]
    if isinstance(mark, Dynamic):
        element, kind = _direction("below")
        child(child(kind, "dynamics"), mark.mark)
    elif isinstance(mark, Wedge):
        element, kind = _direction("below")
        child(kind, "wedge", type=mark.kind, number="1")
    elif isinstance(mark, Words):
        element, kind = _direction("above")
        text(kind, "words", mark.text, font_style="italic")
    elif isinstance(mark, PedalMark):
        return [_closed(_pedal(step), mark, offset) for step in PEDAL_STEPS[mark.kind]]
    elif isinstance(mark, Ottava):
        element, kind = _direction("above" if mark.octaves > 0 else "below")
        start = "down" if mark.octaves > 0 else "up"  # how far the written notes lie from the sounding ones
        shift = start if mark.kind == "start" else "stop"
        child(kind, "octave-shift", type=shift, size=OTTAVA_SIZES[abs(mark.octaves)], number="1")
    else:
        return [_tempo(mark, offset)]
    return [_closed(element, mark, offset)]


def _pedal(step: str) -> Element:
    element, kind = _direction("below")
    child(kind, "pedal", type=step, line="yes", sign="no")
    return element


def _direction(placement: str) -> tuple[Element, Element]:
    element = Element("direction", placement=placement)
    return element, child(element, "direction-type")


def _closed(element: Element, mark: Direction, offset: int) -> Element:
    if offset:
        text(element, "offset", offset)
    text(element, "staff", direction_staff(mark) + 1)
    return element


def _tempo(mark: TempoMark, offset: int) -> Element:
    """A tempo as it is printed and heard; one that shows nothing is a hidden direction, so that it is still heard."""
    element = Element("direction", placement="above")
    if mark.words:
        words = f"{mark.words} " if mark.show_metronome else mark.words
        text(child(element, "direction-type"), "words", words, font_weight="bold")
    if mark.show_metronome:
        metronome = child(child(element, "direction-type"), "metronome")
        _beat_unit(metronome, mark.beat)
        text(metronome, "per-minute", round(mark.per_minute))
    if not mark.words and not mark.show_metronome:
        text(child(element, "direction-type"), "other-direction", "tempo", print_object="no")
    _closed(element, mark, offset)
    child(element, "sound", tempo=f"{mark.per_minute * float(mark.beat.quarters):.2f}")
    return element


def _beat_unit(metronome: Element, beat: NoteValue) -> None:
    text(metronome, "beat-unit", beat.type)
    for _ in range(beat.dots):
        child(metronome, "beat-unit-dot")


def _harmony(mark: ChordSymbol, offset: int) -> Element:
    element = Element("harmony", placement="above")
    _pitch_class(element, "root", mark.root)
    kind = text(element, "kind", mark.kind)
    if mark.kind in CHORD_NAMES:
        kind.set("text", CHORD_NAMES[mark.kind])
    if mark.bass is not None:
        _pitch_class(element, "bass", mark.bass)
    return _closed(element, mark, offset)


def _pitch_class(harmony: Element, tag: str, pitch_class: tuple[Step, int]) -> None:
    step, alter = pitch_class
    parent = child(harmony, tag)
    text(parent, f"{tag}-step", step)
    if alter:
        text(parent, f"{tag}-alter", alter)
