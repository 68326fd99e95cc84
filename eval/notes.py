"""How well notes were heard, by mir_eval's definitions.

An estimated note counts as right if it can be paired, one to one, with a reference note such that

| metric                   | pitch | onset within 50 ms | end within 50 ms or 20 % of the length | velocity within 0.1 |
|--------------------------|-------|--------------------|----------------------------------------|---------------------|
| note                     | same  | yes                |                                        |                     |
| note + offset            | same  | yes                | yes, whichever is more                 |                     |
| note + velocity          | same  | yes                |                                        | yes                 |
| note + offset + velocity | same  | yes                | yes, whichever is more                 | yes                 |

Velocities are compared after a least-squares fit of all of them, as shares of the loudest.
Ends are those of the sound: released keys that the pedal holds on sound until the pedal lifts or the key is struck
again. Values are precision, recall and F1 in 0..1; empty against empty counts as 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mir_eval import transcription, transcription_velocity
from mir_eval.util import midi_to_hz
from numpy.typing import NDArray

Table = NDArray[np.float64]
"""(notes, 4): onset s, end of sounding s, MIDI pitch, velocity."""

ONSET_TOLERANCE_S = 0.05
SHORTEST_S = 0.01  # mir_eval wants intervals of positive length


@dataclass(frozen=True)
class Score:
    precision: float
    recall: float
    f1: float


METRICS = ("note", "note + offset", "note + velocity", "note + offset + velocity")


def note_scores(reference: Table, estimated: Table) -> dict[str, Score]:
    """Every metric of the module's table, by name."""
    if not len(reference) or not len(estimated):
        value = float(len(reference) == len(estimated))
        return {name: Score(value, value, value) for name in METRICS}
    reference_times, estimated_times = _intervals(reference), _intervals(estimated)
    reference_hz, estimated_hz = midi_to_hz(reference[:, 2]), midi_to_hz(estimated[:, 2])
    scores = {}
    for name, offset_ratio in (("note", None), ("note + offset", 0.2)):
        found = transcription.precision_recall_f1_overlap(
            reference_times,
            reference_hz,
            estimated_times,
            estimated_hz,
            onset_tolerance=ONSET_TOLERANCE_S,
            offset_ratio=offset_ratio,
        )
        scores[name] = Score(*(float(value) for value in found[:3]))
    for name, offset_ratio in (("note + velocity", None), ("note + offset + velocity", 0.2)):
        found = transcription_velocity.precision_recall_f1_overlap(
            reference_times,
            reference_hz,
            reference[:, 3],
            estimated_times,
            estimated_hz,
            estimated[:, 3],
            onset_tolerance=ONSET_TOLERANCE_S,
            offset_ratio=offset_ratio,
        )
        scores[name] = Score(*(float(value) for value in found[:3]))
    return scores


def mean(scores: Sequence[dict[str, Score]]) -> dict[str, Score]:
    """Mean over files of each metric's precision, recall and F1."""
    return {
        name: Score(
            float(np.mean([score[name].precision for score in scores])),
            float(np.mean([score[name].recall for score in scores])),
            float(np.mean([score[name].f1 for score in scores])),
        )
        for name in METRICS
    }


def _intervals(notes: Table) -> NDArray[np.float64]:
    return np.stack([notes[:, 0], np.maximum(notes[:, 1], notes[:, 0] + SHORTEST_S)], axis=1)
