"""Which noteheads show an accidental, by the rules of engraving.

An accidental holds for its own staff line or space until the bar line. A tie carries it across the bar line for the
tied note alone. A courtesy accidental cancels one that the reader still has in mind: at the same place in the bar
before, or at another octave in the same bar (Gould, Behind Bars, "Cautionary accidentals").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from transcriber.score import LOWER, UPPER, Chord, KeySignature, Measure, NoteHead, Ottava, Score, Step, Voice

SHARP_ORDER: tuple[Step, ...] = ("F", "C", "G", "D", "A", "E", "B")

Place = tuple[Step, int]  # step and octave as drawn on the staff


@dataclass(frozen=True, slots=True)
class Accidental:
    """The sign printed before a head; `courtesy` where the rules alone would not ask for it."""

    alter: int
    courtesy: bool = False


def key_alters(key: KeySignature) -> dict[Step, int]:
    """The steps that a key signature alters; the others are natural."""
    if key.fifths >= 0:
        return dict.fromkeys(SHARP_ORDER[: key.fifths], 1)
    return dict.fromkeys(SHARP_ORDER[::-1][: -key.fifths], -1)


def shown_accidentals(score: Score) -> dict[str, Accidental]:
    """The accidentals of a score by `NoteHead.id`; a head that shows none is absent."""
    return {head_id: accidental for staff in (UPPER, LOWER) for head_id, accidental in _on_staff(score.measures, staff)}


def _on_staff(measures: Sequence[Measure], staff: int) -> Iterator[tuple[str, Accidental]]:
    last_heard: dict[Place, tuple[int, int]] = {}  # place -> alter and index of the bar
    key = measures[0].key if measures else KeySignature(0)
    octaves = 0  # of the ottava line in force
    for index, measure in enumerate(measures):
        if measure.key.fifths != key.fifths:
            key = measure.key
            last_heard.clear()  # the new signature itself reminds the reader
        signature = key_alters(key)
        lines = [mark for mark in measure.directions if isinstance(mark, Ottava) and mark.staff == staff]
        lines.sort(key=lambda mark: (mark.onset_q, mark.kind == "start"))
        in_force: dict[Place, int] = {}
        for chord, head in _heads_in_time(measure.staves[staff]):
            while lines and lines[0].onset_q <= chord.onset_q:
                line = lines.pop(0)
                octaves = line.octaves if line.kind == "start" else 0
            step, alter = head.pitch.step, head.pitch.alter
            place = (step, head.pitch.octave - octaves)
            if not head.tie_stop:
                if in_force.get(place, signature.get(step, 0)) != alter:
                    yield head.id, Accidental(alter)
                elif place not in in_force and _doubtful(last_heard, place, alter, index):
                    yield head.id, Accidental(alter, courtesy=True)
                in_force[place] = alter
            last_heard[place] = (alter, index)
        for line in lines:
            octaves = line.octaves if line.kind == "start" else 0


def _doubtful(last_heard: dict[Place, tuple[int, int]], place: Place, alter: int, bar: int) -> bool:
    for (step, octave), (heard, heard_bar) in last_heard.items():
        near = heard_bar == bar or (heard_bar == bar - 1 and octave == place[1])
        if step == place[0] and near and heard != alter:
            return True
    return False


def _heads_in_time(voices: Sequence[Voice]) -> Iterator[tuple[Chord, NoteHead]]:
    # Floats are compared in a tenth of the time of fractions, and tell positions in a bar apart as well.
    chords = [(float(e.onset_q), voice.number, e) for voice in voices for e in voice.events if isinstance(e, Chord)]
    chords.sort(key=itemgetter(0, 1))
    for _, struck in groupby(chords, key=itemgetter(0)):
        together = [chord for _, _, chord in struck]
        yield from ((chord, head) for chord in together for grace in chord.graces for head in grace.heads)
        yield from ((chord, head) for chord in together for head in chord.heads)
