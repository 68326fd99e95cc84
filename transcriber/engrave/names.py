"""The names of the notes as they are printed below each staff for whoever learns to read."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from transcriber.score import Chord, NoteHead, Score, SpelledPitch

SIGNS = {-2: "♭♭", -1: "♭", 0: "", 1: "♯", 2: "𝄪"}


def printed_name(pitch: SpelledPitch) -> str:
    return pitch.step + SIGNS[pitch.alter]


def name_lines(score: Score) -> Mapping[str, tuple[int, str]]:
    """For every struck head its name and the line below the staff on which it stands, 1 the topmost, by the head's id.

    Of notes struck together on a staff, in whichever voice, the highest stands on the first line; grace notes have no
    names, and what one voice doubles of the other has it once.
    """
    lines: dict[str, tuple[int, str]] = {}
    for measure in score.measures:
        for voices in measure.staves:
            struck: dict[Fraction, list[NoteHead]] = {}
            for voice in voices:
                for event in voice.events:
                    if isinstance(event, Chord):
                        struck.setdefault(event.onset_q, []).extend(head for head in event.heads if not head.tie_stop)
            for heads in struck.values():
                by_pitch = {head.pitch.midi: head for head in reversed(heads)}
                for line, midi in enumerate(sorted(by_pitch, reverse=True), start=1):
                    lines[by_pitch[midi].id] = (line, printed_name(by_pitch[midi].pitch))
    return lines
