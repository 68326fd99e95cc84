"""Which of the notes that may have been played are right: what the calibration of the confidence is fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mir_eval
import numpy as np
from mir_eval.util import midi_to_hz
from numpy.typing import NDArray

from transcriber.listen.calibration import Calibration, fit
from transcriber.listen.decode import DecoderConfig, Probabilities, find_onsets
from transcriber.listen.training.validation import Excerpt
from transcriber.performance import LOWEST_PITCH

SHORT_S = 0.1  # mir_eval wants an end for every note, and does not look at it


@dataclass(frozen=True)
class Judged:
    """The candidates of one set of recordings: `evidence` (notes, EVIDENCE), `right` and `recording` (notes,)."""

    evidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    recording: NDArray[np.intp]


def judge(excerpts: Sequence[Excerpt], curves: Sequence[Probabilities], decoder: DecoderConfig) -> Judged:
    """Every candidate where there are labels, label delays removed."""
    evidence, right, recording = [], [], []
    for index, (excerpt, curve) in enumerate(zip(excerpts, curves, strict=True)):
        onsets = find_onsets([curve], decoder)
        labelled = onsets.onset_s >= excerpt.labels_from_s
        notes = excerpt.recording.notes[excerpt.recording.notes[:, 0] >= excerpt.labels_from_s]
        correct = np.zeros(np.count_nonzero(labelled), bool)
        pairs = mir_eval.transcription.match_notes(
            _struck(notes[:, 0] + excerpt.label_delay_s),
            midi_to_hz(notes[:, 3]),
            _struck(onsets.onset_s[labelled]),
            midi_to_hz(onsets.key[labelled].astype(float) + LOWEST_PITCH),
            offset_ratio=None,
        )
        correct[[heard for _, heard in pairs]] = True
        evidence.append(onsets.evidence[labelled])
        right.append(correct)
        recording.append(np.full(len(correct), index))
    return Judged(np.concatenate(evidence), np.concatenate(right), np.concatenate(recording))


def fit_calibration(sets: Sequence[Judged]) -> Calibration:
    """Each set weighs the same, however many notes it has."""
    return fit(
        np.concatenate([judged.evidence for judged in sets]),
        np.concatenate([judged.right for judged in sets]),
        np.concatenate([np.full(len(judged.right), 1000 / len(judged.right)) for judged in sets]),
    )


def _struck(onset_s: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intervals (notes, 2) that begin at the onsets."""
    return np.stack([onset_s, onset_s + SHORT_S], axis=1).astype(np.float64)
