"""The same music in another key: every name moves by one interval, so that what was a leading note stays one.

Names are places on the line of fifths (F -1, C 0, G 1, ...). Semitones leave a choice of intervals twelve fifths apart;
the one is taken that leaves few sharps or flats, and where the music changes key far enough, another for that bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from transcriber.notate.spelling import LINE, pitch_at
from transcriber.score import Chord, ChordSymbol, Direction, Event, Measure, NoteHead, Step, Voice

FIFTHS_IN_OCTAVE = 12
MOST_FIFTHS = 6  # of a main key's signature; a key of seven has a simpler name
WRITABLE_FIFTHS = 7  # of any signature


def transposed(measures: Sequence[Measure], semitones: int) -> tuple[Measure, ...]:
    """The measures so many semitones higher; clefs and octave lines are left for later."""
    if semitones == 0 or not measures:
        return tuple(measures)
    main = Counter(measure.key.fifths for measure in measures).most_common(1)[0][0]
    fifths = _nearest(main, 7 * semitones, MOST_FIFTHS)
    return tuple(_moved(measure, semitones, fifths) for measure in measures)


def _nearest(signature: int, fifths: int, most: int) -> int:
    """The interval `fifths`, or an enharmonic one, that leaves at most `most` sharps or flats."""
    fifths = (fifths + FIFTHS_IN_OCTAVE // 2) % FIFTHS_IN_OCTAVE - FIFTHS_IN_OCTAVE // 2
    while signature + fifths > most:
        fifths -= FIFTHS_IN_OCTAVE
    while signature + fifths < -most:
        fifths += FIFTHS_IN_OCTAVE
    return fifths


def _moved(measure: Measure, semitones: int, fifths: int) -> Measure:
    fifths = _nearest_to(measure.key.fifths, fifths)
    upper, lower = (tuple(_voice(voice, semitones, fifths) for voice in voices) for voices in measure.staves)
    return replace(
        measure,
        key=replace(measure.key, fifths=measure.key.fifths + fifths),
        upper=upper,
        lower=lower,
        directions=tuple(_direction(mark, fifths) for mark in measure.directions),
    )


def _nearest_to(signature: int, fifths: int) -> int:
    """The piece's interval where this bar's signature can be written with it."""
    return fifths if abs(signature + fifths) <= WRITABLE_FIFTHS else _nearest(signature, fifths, MOST_FIFTHS)


def _voice(voice: Voice, semitones: int, fifths: int) -> Voice:
    return replace(voice, events=tuple(_event(event, semitones, fifths) for event in voice.events))


def _event(event: Event, semitones: int, fifths: int) -> Event:
    if not isinstance(event, Chord):
        return event

    def moved(heads: tuple[NoteHead, ...]) -> tuple[NoteHead, ...]:
        return tuple(
            replace(head, pitch=pitch_at(pitch.midi + semitones, _place(pitch.step, pitch.alter) + fifths))
            for head in heads
            for pitch in (head.pitch,)
        )

    graces = tuple(replace(grace, heads=moved(grace.heads)) for grace in event.graces)
    return replace(event, heads=moved(event.heads), graces=graces)


def _direction(mark: Direction, fifths: int) -> Direction:
    if not isinstance(mark, ChordSymbol):
        return mark
    return replace(mark, root=_name(mark.root, fifths), bass=mark.bass and _name(mark.bass, fifths))


def _name(name: tuple[Step, int], fifths: int) -> tuple[Step, int]:
    """Chord symbols are read at a glance: no double sharps or flats."""
    place = _place(*name) + fifths
    while place > 12:  # beyond E sharp, B sharp
        place -= FIFTHS_IN_OCTAVE
    while place < -8:  # beyond C flat, F flat
        place += FIFTHS_IN_OCTAVE
    alter, index = divmod(place + 1, len(LINE))
    return LINE[index], alter


def _place(step: Step, alter: int) -> int:
    return LINE.index(step) - 1 + len(LINE) * alter
