"""How a pulse ends leads on to how the next one begins: counts over printed scores, shipped with those of `grids`.

After a note on the last sixteenth of a beat a reader expects one on the next beat; a beat left empty there is a
syncopation, and rarer than the grids of the two pulses tell by themselves.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from transcriber.notate.grids import GRIDS, PulseKind, learned_rhythms

LEADS = ("silent", "on the beat", "halfway", "weak")  # where the last note of a pulse starts
SILENT = 0
PRIOR = 20.0  # counts that the beginnings of all pulses together weigh beside those after one of LEADS


def lead(slot: int, grid: int) -> int:
    """Which of LEADS a pulse is whose last note starts on `slot` of `grid`."""
    return 1 if slot == 0 else 2 if 2 * slot == grid else 3


@cache
def lead_costs(kind: PulseKind) -> tuple[npt.NDArray[np.float64], ...]:
    """Nats to be added to `grids.GridCosts.first`, for each grid of the kind. Shape of each: (LEADS, grid + 1)."""
    counts = learned_rhythms()[kind]["lead"]
    costs = []
    for grid in GRIDS[kind]:
        starts = np.array(counts[str(grid)], np.float64)
        usual = starts.sum(axis=0) + 1.0
        usual /= usual.sum()
        after = starts + PRIOR * usual
        costs.append(np.log(usual) - np.log(after / after.sum(axis=1, keepdims=True)))
    return tuple(costs)
