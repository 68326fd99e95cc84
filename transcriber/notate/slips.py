"""Slips: a finger that lands between two keys brushes the neighbour of the key that it meant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from transcriber.performance import Note

# Of 838 notes of one performance of each training composition that are so short and so much softer than a note a
# semitone or a tone away, struck within this time, the printed scores have 105.
TOGETHER_S = 0.05
LONGEST_S = 0.06
SHARE = 0.5  # of the other note's length
SOFTER = 24  # velocities: one and a half dynamic marks
NEAR = 2  # semitones
SLIP_REASON = "brushed beside the key that was meant"


def find_slips(notes: Sequence[Note]) -> frozenset[int]:
    """Indices of the slips among `notes`, which are in (onset, pitch) order."""
    times_s = [note.onset_s for note in notes]
    return frozenset(
        index
        for index, note in enumerate(notes)
        if note.offset_s - note.onset_s < LONGEST_S
        and any(
            _beside(note, other)
            for other in notes[
                bisect_left(times_s, note.onset_s - TOGETHER_S) : bisect_right(times_s, note.onset_s + TOGETHER_S)
            ]
        )
    )


def _beside(note: Note, other: Note) -> bool:
    return (
        1 <= abs(note.pitch - other.pitch) <= NEAR
        and other.velocity - note.velocity >= SOFTER
        and note.offset_s - note.onset_s < SHARE * (other.offset_s - other.onset_s)
    )
