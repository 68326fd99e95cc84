"""What the beat network says of a piece: the language between the network and the decoders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PERIOD_BINS = 64
PERIOD_BINS_PER_OCTAVE = 12
SHORTEST_BEAT_S = 0.125  # the shortest annotated beat in the training data is 0.13 s, the longest 4.4 s
SHORTEST_BAR_S = 0.35
METRES = ((2, 4), (4, 4), (2, 2), (3, 4), (3, 8), (6, 8), (9, 8), (12, 8), (5, 4))


@dataclass(frozen=True, slots=True)
class BeatScores:
    """What the network says of every onset: logarithms of probabilities.

    beat, downbeat: (onsets,), logits; period and bar: (onsets, PERIOD_BINS), length of the beat and of the bar around
    the onset, bins of a twelfth of an octave from SHORTEST_BEAT_S and SHORTEST_BAR_S; metre: (onsets, METRES).
    """

    beat: NDArray[np.float64]
    downbeat: NDArray[np.float64]
    period: NDArray[np.float64]
    bar: NDArray[np.float64]
    metre: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OnsetScores:
    """The part of BeatScores that bars are made from, once there are beats."""

    beat: NDArray[np.float64]
    downbeat: NDArray[np.float64]
    metre: NDArray[np.float64]
