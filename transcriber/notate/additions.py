"""Notes that a musician adds because the recording was not heard right: numbered after those that were."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median

from transcriber.errors import EditError
from transcriber.performance import HIGHEST_PITCH, LOWEST_PITCH, Note, Performance

LONGEST_ID = 64  # characters
AROUND_S = 2.0  # notes so near say how loud one among them is played
USUAL_VELOCITY = 64  # MIDI's own default
SURE = 1.0  # somebody heard it


@dataclass(frozen=True, slots=True)
class AddNote:
    """A note of `pitch`, in seconds of the recording; without a velocity it is as loud as the notes around it.

    `id` is the musician's own name for it: the note's number changes when one that was added before is taken back.
    """

    id: str
    onset_s: float
    offset_s: float
    pitch: int
    velocity: int | None = None


def check_addition(edit: AddNote, performance: Performance) -> None:
    """Raises EditError where no such note can be played in this recording."""
    end_s = max([performance.duration_s, *(note.offset_s for note in performance.notes[-1:])])
    if not 0 < len(edit.id) <= LONGEST_ID:
        raise EditError(f"An added note needs an id of 1 to {LONGEST_ID} characters; this one has {len(edit.id)}.")
    if not (math.isfinite(edit.offset_s) and 0 <= edit.onset_s < min(end_s, edit.offset_s)):
        raise EditError(
            f"A note from {edit.onset_s:g} s to {edit.offset_s:g} s cannot be added; it must begin within the"
            f" recording, which lasts {end_s:.1f} s, and end later than it begins."
        )
    if not LOWEST_PITCH <= edit.pitch <= HIGHEST_PITCH:
        raise EditError(f"The piano has no key {edit.pitch}; give {LOWEST_PITCH} to {HIGHEST_PITCH}.")
    if edit.velocity is not None and not 1 <= edit.velocity <= 127:
        raise EditError(f"A velocity of {edit.velocity} cannot be played; give 1 to 127.")


def with_added(performance: Performance, edits: Iterable[object]) -> Performance:
    """The performance with the added notes after all others, in the order of their edits, so that no number changes.

    Its notes are no longer in order of time. Raises EditError as `check_addition`, and where two have the same id.
    """
    additions = [edit for edit in edits if isinstance(edit, AddNote)]
    if not additions:
        return performance
    seen: set[str] = set()
    for edit in additions:
        check_addition(edit, performance)
        if edit.id in seen:
            raise EditError(f'Two added notes are called "{edit.id}"; give each its own id.')
        seen.add(edit.id)
    added = (
        Note(edit.onset_s, edit.offset_s, edit.pitch, edit.velocity or _loudness(edit.onset_s, performance), SURE)
        for edit in additions
    )
    return replace(performance, notes=(*performance.notes, *added))


def _loudness(onset_s: float, performance: Performance) -> int:
    around = [note.velocity for note in performance.notes if abs(note.onset_s - onset_s) <= AROUND_S]
    return round(median(around)) if around else USUAL_VELOCITY
