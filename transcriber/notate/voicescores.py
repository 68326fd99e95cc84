"""Which notes of a staff an engraver would give to a lower voice: what a small network says of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transcriber.notate.learned import learned_weights
from transcriber.notate.linenetwork import FEATURES, FloatArray, LineInput, line_input, line_scores
from transcriber.notate.rhythm import Placed
from transcriber.notate.threads import one_thread
from transcriber.notate.timeline import TICKS, Timeline
from transcriber.score import UPPER

QUARTER_S = 0.5  # written positions are read as if played at this pace
PLACES = 3  # on the bar line, on a beat, in the middle of one
VOICE_FEATURES = FEATURES + PLACES + 1

Quarters = npt.NDArray[np.float64]


def voice_input(
    onset_q: Quarters, held_q: Quarters, pitch: npt.NDArray[np.float64], place: FloatArray, staff: int
) -> LineInput:
    """Notes of one staff in (onset, pitch) order; `held_q` is where each key is released.

    Shape: (notes,) each, of place (notes, PLACES).
    """
    seen = line_input(onset_q * QUARTER_S, held_q * QUARTER_S, pitch)
    side = np.full((len(pitch), 1), 1.0 if staff == UPPER else -1.0, np.float32)
    return LineInput(np.concatenate([seen.features, place, side], axis=1).astype(np.float32), seen.neighbours)


def places(in_bar_q: Quarters, in_beat_q: Quarters, beat_q: Quarters) -> FloatArray:
    """Where in its bar and beat each note begins. Shape: (notes,) each -> (notes, PLACES)."""
    near = 0.02
    columns = [in_bar_q < near, in_beat_q < near, np.abs(in_beat_q - beat_q / 2) < near]
    return np.stack(columns, axis=1).astype(np.float32)


def lower_voice_scores(notes: Sequence[Placed], timeline: Timeline) -> dict[int, float]:
    """Log odds, by source, that a note is printed in the lower of two voices; `notes` are those of one staff."""
    if not notes:
        return {}
    in_time = sorted(notes, key=lambda note: (note.onset, note.attack.pitch))
    pulses = [timeline.pulse_at(note.onset) for note in in_time]
    in_bar = [note.onset - timeline.bar_starts[timeline.bar_index_at(note.onset)] for note in in_time]
    place = places(
        np.array(in_bar) / TICKS,
        np.array([note.onset - pulse.start for note, pulse in zip(in_time, pulses, strict=True)]) / TICKS,
        np.array([pulse.length for pulse in pulses]) / TICKS,
    )
    seen = voice_input(
        np.array([note.onset / TICKS for note in in_time]),
        np.array([note.held / TICKS for note in in_time]),
        np.array([note.attack.pitch for note in in_time], np.float64),
        place,
        in_time[0].attack.staff,
    )
    with one_thread():
        scores = line_scores(seen, learned_weights("voices.safetensors"))
    return {note.attack.source: score for note, score in zip(in_time, scores.tolist(), strict=True)}
