"""How a pulse may be divided, and how often music does so: counts over printed scores, shipped as a small table.

A grid of n divides its pulse into n equal parts; *slots* 0..n-1 are where notes may start. The table holds, for each
kind of pulse, how often one grid follows another and which slot a note starts on after the one before it, so that the
cost of a rhythm is the number of nats by which it surprises a reader of scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from transcriber.notate.learned import learned_file
from transcriber.notate.timeline import TICKS

PulseKind = Literal["simple", "compound", "short", "tiny"]
FloatArray = npt.NDArray[np.float64]

# Nothing shorter than a 32nd (or a triplet of 32nds) in any of them.
GRIDS: dict[PulseKind, tuple[int, ...]] = {
    "simple": (1, 2, 3, 4, 5, 6, 8, 12),
    "compound": (1, 2, 3, 4, 6, 12),
    "short": (1, 2, 3, 4),
    "tiny": (1, 2),
}
SMOOTHING = 0.5  # added to every count (Jeffreys)
# Nats against grids that unsteady playing resembles more often than it means them: of 30 beats that were written as
# quintuplets five are printed so. Where the music goes on in them, a share of it. Chosen among ten sets on 53 training
# and development performances.
DOUBTS: dict[PulseKind, dict[int, float]] = {"simple": {5: 6.0, 12: 2.0}, "compound": {2: 6.0, 4: 6.0, 12: 2.0}}
GOING_ON = 1 / 6


@dataclass(frozen=True)
class GridCosts:
    """Costs in nats, for the grids of one kind of pulse in the order of GRIDS.

    follow[a, b]: grid b after grid a, with the doubt of b.
    first[g][s]: first note on slot s; s = n: no note starts in the pulse.
    jump[g][s, t]: the next note on slot t after one on slot s; t = n: none in this pulse.
    """

    grids: tuple[int, ...]
    follow: FloatArray
    first: tuple[FloatArray, ...]
    jump: tuple[FloatArray, ...]


def pulse_kind(length: int) -> PulseKind:
    """The kind of a pulse of `length` ticks: a quarter, a dotted quarter, an eighth (dotted or not), or less."""
    if length >= TICKS:
        return "compound" if length == 3 * TICKS // 2 else "simple"
    return "short" if length >= TICKS // 2 else "tiny"


@cache
def grid_costs(kind: PulseKind) -> GridCosts:
    return costs_of(kind, learned_rhythms()[kind])


@cache
def learned_rhythms() -> Mapping[PulseKind, Any]:
    """Counts as `notate.training.rhythms` writes them, by kind of pulse."""
    with learned_file("rhythms.json") as path:
        counts: Mapping[PulseKind, Any] = json.loads(path.read_text(encoding="ascii"))
    return counts


def costs_of(kind: PulseKind, counts: Mapping[str, Any]) -> GridCosts:
    """Costs from counts as `notate.training.rhythms` writes them."""
    grids = GRIDS[kind]
    follow = np.array(counts["follow"], np.float64) + SMOOTHING
    first, jump = [], []
    for grid in grids:
        starts = np.array(counts["first"][str(grid)], np.float64) + SMOOTHING
        moves = np.array(counts["jump"][str(grid)], np.float64) + SMOOTHING
        moves[np.arange(grid)[:, None] >= np.arange(grid + 1)[None, :]] = 0.0
        with np.errstate(divide="ignore"):
            first.append(-np.log(starts / starts.sum()))
            jump.append(-np.log(moves / moves.sum(axis=1, keepdims=True)))
    doubts = np.array([DOUBTS.get(kind, {}).get(grid, 0.0) for grid in grids])
    doubt = np.where(np.eye(len(grids), dtype=np.bool_), GOING_ON * doubts, doubts)
    return GridCosts(grids, doubt - np.log(follow / follow.sum(axis=1, keepdims=True)), tuple(first), tuple(jump))
