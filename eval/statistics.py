"""What a set of files says of a system: mean, pooled figure, how sure the mean is, and whether two systems differ.

Files are drawn with replacement, not notes: the notes of one recording share its piano, room and player, so they are no
independent witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from eval.notes import ALL_METRICS, Counts, Score

RESAMPLES = 10_000  # the interval's ends then vary by about a fiftieth of its width from seed to seed
CONFIDENCE = 0.95
SEED = 0
FEWEST_FILES = 2  # of a single file nothing can be said about others


@dataclass(frozen=True)
class Summary:
    """One metric over all files: the mean of each figure, the interval of the mean F1, and the figures of the pool."""

    files: int
    mean: Score
    interval: tuple[float, float] | None
    micro: Score


@dataclass(frozen=True)
class Difference:
    """F1 of the second system less that of the first, file by file.

    `interval` holds the mean difference with 95 % confidence; `p` is Wilcoxon's signed-rank test, two-sided, None for
    fewer than six files (no outcome of so few can reach 5 %) or where no file differs.
    """

    files: int
    first: float
    second: float
    mean: float
    interval: tuple[float, float] | None
    better: int
    worse: int
    p: float | None


def summarise(scores: Sequence[dict[str, Counts]]) -> dict[str, Summary]:
    """By metric; a file without it does not count for it."""
    table = {}
    for name in ALL_METRICS:
        known = [score[name] for score in scores if name in score]
        if not known:
            continue
        pool = Counts(
            *(sum(column) for column in zip(*((c.right, c.estimated, c.reference) for c in known), strict=True))
        )
        table[name] = Summary(
            len(known),
            Score(*(float(np.mean([getattr(c, part) for c in known])) for part in ("precision", "recall", "f1"))),
            interval([c.f1 for c in known]),
            Score(pool.precision, pool.recall, pool.f1),
        )
    return table


def grouped(scores: Sequence[tuple[str, dict[str, Counts]]]) -> dict[str, dict[str, Summary]]:
    """Summaries of each group of files, in the order in which the groups first come."""
    groups: dict[str, list[dict[str, Counts]]] = {}
    for name, score in scores:
        groups.setdefault(name, []).append(score)
    return {name: summarise(members) for name, members in groups.items()}


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Percentile bootstrap of the mean."""
    if len(values) < FEWEST_FILES:
        return None
    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    means = np.asarray(values, np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def interval_text(ends: tuple[float, float] | None, sign: str = "") -> str:
    """As tables show it; a dash where nothing can be said. `sign` is that of a format."""
    return "–" if ends is None else f"{ends[0]:{sign}.4f} – {ends[1]:{sign}.4f}"


def difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Of F1s on the same files, in the same order."""
    change: NDArray[np.float64] = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    changed = int(np.count_nonzero(change))
    return Difference(
        len(change),
        float(np.mean(first)),
        float(np.mean(second)),
        float(change.mean()),
        interval(change.tolist()),
        int(np.count_nonzero(change > 0)),
        int(np.count_nonzero(change < 0)),
        float(wilcoxon(change).pvalue) if changed >= 6 else None,
    )
