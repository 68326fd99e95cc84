"""What is printed for one reader and not for another: fingers, note names, pedal, size."""

from __future__ import annotations

from dataclasses import replace

from transcriber.notate.fingering import with_fingering
from transcriber.options import View
from transcriber.score import LARGE_STAFF_MM, LARGEST_STAFF_MM, STAFF_MM, PedalMark, Score

STAVES_MM = {"normal": STAFF_MM, "large": LARGE_STAFF_MM, "largest": LARGEST_STAFF_MM}


def with_aids(score: Score, view: View) -> Score:
    """The score as this reader wants it; level, chords and key are settled when it is written down."""
    if view.fingering:
        score = with_fingering(score)
    if not view.pedal:
        score = without_pedal(score)
    return replace(score, note_names=view.note_names, staff_mm=STAVES_MM[view.size])


def without_pedal(score: Score) -> Score:
    measures = tuple(
        replace(measure, directions=tuple(mark for mark in measure.directions if not isinstance(mark, PedalMark)))
        for measure in score.measures
    )
    return replace(score, measures=measures)
