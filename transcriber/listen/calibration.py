"""How likely a note is right, from what the curves show around its onset.

The height of the onset curve orders notes well, but is no probability: training draws onsets as triangles, so that an
onset between two frames never reaches 1 (Kong et al., 2021). A logistic regression on a few logarithmic odds ("Platt
scaling", Platt 1999) puts that right; eval/sweep.py fits it on real recordings. A note is right if mir_eval pairs it
with one that was played, of its pitch, within 50 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Number = TypeVar("Number", np.float32, np.float64)

EVIDENCE = ("peak", "sides", "frame", "octave above", "octave below", "semitones", "context")
NEAR = (-1, 0, 1)  # frames in which a note struck together with another has its peak
SOUNDING = (1, 2, 3, 4, 5)  # frames after the onset in which a note must be heard: 100 ms
REACH = max(SOUNDING)  # frames that the evidence reads to each side of an onset
NEWTON_STEPS = 25  # from zero, fewer than ten are needed
LEAST = 1e-3  # odds are limited to 1 : 1000, finer than thousands of validation notes can tell


@dataclass(frozen=True)
class Calibration:
    """`weights`: one for each kind of EVIDENCE. The default takes the height of the peak as it stands."""

    bias: float = 0.0
    weights: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Calibration:
        """The inverse of dataclasses.asdict through JSON; evidence that an older model does not know weighs nothing."""
        if not values:
            return cls()
        weights = values["weights"]
        return cls(values["bias"], (*weights, *[0.0] * (len(EVIDENCE) - len(weights))))

    def confidence(self, evidence: Values) -> Values:
        """(notes, EVIDENCE) to (notes,): the share of such notes that is right, 0..1."""
        odds: Values = self.bias + evidence @ np.array(self.weights)
        return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def evidence(
    onset: NDArray[np.floating],
    frame: NDArray[np.floating],
    context: NDArray[np.floating],
    at: NDArray[np.intp],
    keys: NDArray[np.intp],
) -> Values:
    """Log odds (notes, EVIDENCE) for onsets at frames `at` of `keys`.

    `onset`, `frame` and `context` (log odds): (frames, KEYS), with at least REACH frames to each side of every onset.
    """
    octave, key_count = 12, onset.shape[1]

    def struck(distance: int) -> Values:
        other = keys + distance
        inside = (other >= 0) & (other < key_count)
        heights = [onset[at + shift, np.clip(other, 0, key_count - 1)] for shift in NEAR]
        return np.where(inside, np.max(heights, axis=0), 0.0)

    columns = (
        onset[at, keys],
        (onset[at - 1, keys].astype(float) + onset[at + 1, keys]) / 2,
        np.mean([frame[at + shift, keys] for shift in SOUNDING], axis=0, dtype=float),
        struck(octave),
        struck(-octave),
        np.maximum(struck(1), struck(-1)),
    )
    odds = log_odds(np.stack(columns, axis=1).astype(float))
    limit = np.log(1 / LEAST)
    return np.column_stack((odds, np.clip(context[at, keys].astype(float), -limit, limit)))


def log_odds(chances: NDArray[Number]) -> NDArray[Number]:
    """Of probabilities, LEAST at least from 0 and 1."""
    limited = np.clip(chances, LEAST, 1 - LEAST)
    odds: NDArray[Number] = np.log(limited / (1 - limited))
    return odds


def fit(found: Values, right: NDArray[np.bool_], weight: Values | None = None) -> Calibration:
    """Maximum likelihood by Newton's method; `found` (notes, EVIDENCE), `right` and `weight` (notes,).

    A slight pull towards zero (a thousandth of a standard deviation's worth for each note) keeps evidence that is
    constant, or that tells right from wrong without fault, from growing without bound.
    """
    weight = np.ones(len(right)) if weight is None else weight
    mean, spread = found.mean(axis=0), found.std(axis=0) + 1e-9
    design = np.column_stack((np.ones(len(found)), (found - mean) / spread))
    pull = np.diag([1e-9, *[1e-3 * weight.sum()] * found.shape[1]])
    solution = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-design @ solution))
        slope = design.T @ (weight * (right - chance)) - pull @ solution
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design + pull
        solution = solution + np.linalg.solve(curvature, slope)
    weights = solution[1:] / spread
    return Calibration(float(solution[0] - weights @ mean), tuple(float(value) for value in weights))


def calibration_error(chance: Values, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error with bins of equal width (Guo et al., "On calibration of modern networks", 2017).

    The mean over all notes of how far, in their bin, the mean confidence is from the share that is right.
    """
    index = np.minimum((chance * bins).astype(int), bins - 1)
    gaps = [abs(float(np.sum(chance[index == bin] - right[index == bin]))) for bin in range(bins)]
    return sum(gaps) / len(chance)
