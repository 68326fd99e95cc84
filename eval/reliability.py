"""What a confidence is worth: the calibration fitted to real recordings, tested on recordings that it has not seen.

`held_out` gives every candidate the confidence of a calibration that was fitted without its recording;
`calibration_error` of those is the figure to quote, and `draw` plots them: in each tenth, how many were right.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from eval.matching import Table
from transcriber.listen.calibration import Calibration
from transcriber.listen.training.judging import Judged, fit_calibration
from transcriber.listen.training.validation import Excerpt

matplotlib.rcParams["svg.hashsalt"] = "reliability"  # the same notes give the same bytes
FOLDS = 5
BINS = 10
FEWEST_DRAWN = 10  # candidates; the share of fewer says nothing


def reference(excerpt: Excerpt) -> Table:
    """Played notes with the ends of their sound; label delay removed, nothing before the labels begin."""
    notes = excerpt.recording.notes[:, [0, 2, 3, 4]].astype(np.float64)
    notes = notes[notes[:, 0] >= excerpt.labels_from_s]
    delay_s = excerpt.label_delay_s
    return np.asarray(notes + np.array([delay_s, delay_s, 0, 0]))


def folds(sets: Sequence[Judged]) -> list[Calibration]:
    """FOLDS calibrations; number `recording % FOLDS` has not seen that recording."""
    return [
        fit_calibration([_part(judged, judged.recording % FOLDS != fold) for judged in sets]) for fold in range(FOLDS)
    ]


def held_out(sets: Sequence[Judged], calibrations: Sequence[Calibration]) -> list[NDArray[np.float64]]:
    """The confidence of every candidate by that of `folds` which has not seen its recording."""
    confidence = [np.zeros(len(judged.right)) for judged in sets]
    for fold, calibration in enumerate(calibrations):
        for judged, chances in zip(sets, confidence, strict=True):
            unseen = judged.recording % FOLDS == fold
            chances[unseen] = calibration.confidence(judged.evidence[unseen])
    return confidence


def draw(sets: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]], out: Path) -> None:
    """Reliability plot of (confidence, right) by name, with the number of notes below."""
    figure = Figure(figsize=(4.6, 4.8), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    edges = np.linspace(0, 1, BINS + 1)
    above.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    for name, (confidence, right) in sets.items():
        place = np.minimum((confidence * BINS).astype(int), BINS - 1)
        drawn = [bin for bin in range(BINS) if np.count_nonzero(place == bin) >= FEWEST_DRAWN]
        chances = [float(confidence[place == bin].mean()) for bin in drawn]
        above.plot(chances, [float(right[place == bin].mean()) for bin in drawn], marker="o", markersize=4, label=name)
        below.step(edges, [0, *np.bincount(place, minlength=BINS)], where="pre", label=name)
    above.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    above.legend(loc="upper left")
    above.grid(visible=True, alpha=0.3)
    below.set(xlabel="confidence", ylabel="candidates")
    below.set_yscale("symlog", linthresh=10)
    below.set_ylim(bottom=0)
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


def _part(judged: Judged, chosen: NDArray[np.bool_]) -> Judged:
    return Judged(judged.evidence[chosen], judged.right[chosen], judged.recording[chosen])
