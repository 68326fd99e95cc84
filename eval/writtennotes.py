"""The notes of a written score, each once: grace notes as they lead on, tied heads as one note."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from transcriber.score import Score, SpelledPitch


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """Where the first head of a note stands and how long its tied heads are together, in quarters; a grace has none."""

    measure: int
    staff: int
    voice: int
    onset_q: Fraction  # in the measure
    length_q: Fraction
    pitch: SpelledPitch
    grace: bool = False


def written_notes(score: Score) -> dict[int, WrittenNote]:
    """Every written note by its source, in reading order."""
    found: dict[int, WrittenNote] = {}
    for index, staff, voice, chord in score.chords():
        for grace in chord.graces:
            for head in grace.heads:
                found[head.source] = WrittenNote(index, staff, voice, chord.onset_q, Fraction(0), head.pitch, True)
        for head in chord.heads:
            before = found.get(head.source) if head.tie_stop else None
            found[head.source] = (
                WrittenNote(index, staff, voice, chord.onset_q, chord.duration_q, head.pitch)
                if before is None
                else replace(before, length_q=before.length_q + chord.duration_q)
            )
    return found
