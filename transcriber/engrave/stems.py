"""Which way stems point where a staff has two voices: up in the first, down in the second.

Where the other voice is silent and hidden, nothing is said and the reader's own rule by pitch holds. Notes under one
beam share their stem direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from transcriber.engrave.beams import Beam
from transcriber.score import Chord, Event, Voice

Stem = Literal["up", "down"]


def stem_directions(
    voices: Sequence[Voice], beams: Sequence[Sequence[tuple[Beam, ...]]]
) -> tuple[tuple[Stem | None, ...], ...]:
    """The stem of each event of each voice; None leaves it to the reader. `beams` holds a row for each voice."""
    return tuple(
        _of_voice(voice, beams[place], [other for other in voices if other is not voice])
        for place, voice in enumerate(voices)
    )


def _of_voice(voice: Voice, beams: Sequence[tuple[Beam, ...]], others: Sequence[Voice]) -> tuple[Stem | None, ...]:
    direction: Stem = "up" if voice.number == 1 else "down"
    stems: list[Stem | None] = []
    group: list[Event] = []
    for event, states in zip(voice.events, beams, strict=True):
        group.append(event)
        if states and states[0] in ("begin", "continue"):
            continue
        end_q = event.onset_q + event.duration_q
        meets = any(_sounds(other, group[0].onset_q, end_q) for other in others)
        stems += [direction if meets and isinstance(member, Chord) else None for member in group]
        group = []
    return tuple(stems)


def _sounds(voice: Voice, start_q: Fraction, end_q: Fraction) -> bool:
    return any(
        (isinstance(event, Chord) or event.visible)
        and event.onset_q < end_q
        and event.onset_q + event.duration_q > start_q
        for event in voice.events
    )
