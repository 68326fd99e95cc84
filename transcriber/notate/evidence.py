"""What is known of the beats of a performance before any correction, kept so that no network runs again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.beats import BeatGrid
from transcriber.notate.beatscores import OnsetScores
from transcriber.notate.patterns import PatternScores

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class BeatEvidence:
    """The network's scores of each onset, and the grids of beats to choose from, each with what it makes of the music.

    Two of them are equal only where they are one: comparing arrays would cost what keeping them saves.
    """

    scores: OnsetScores
    grids: tuple[tuple[BeatGrid, PatternScores], ...]


def encode_evidence(evidence: BeatEvidence) -> bytes:
    """As a compressed NumPy archive, every number exact; some 100 bytes for each onset."""
    arrays: dict[str, NDArray[Any]] = {
        "version": np.array(VERSION),
        "beat": evidence.scores.beat,
        "downbeat": evidence.scores.downbeat,
        "metre": evidence.scores.metre,
    }
    for place, (grid, patterns) in enumerate(evidence.grids):
        arrays |= {
            f"time_s.{place}": grid.time_s,
            f"onset.{place}": grid.onset,
            f"score.{place}": np.array(grid.score),
            f"start_s.{place}": patterns.start_s,
            f"metre.{place}": patterns.metre,
            f"fit.{place}": patterns.fit,
        }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


@lru_cache(maxsize=4)  # that of a piece which is being corrected is asked for again and again
def decode_evidence(data: bytes) -> BeatEvidence:
    """The inverse of `encode_evidence`. Raises ValueError or KeyError on anything else."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        if int(arrays["version"]) != VERSION:
            raise ValueError(f"evidence of version {arrays['version']}")
        count = sum(name.startswith("time_s.") for name in arrays.files)
        grids = tuple(
            (
                BeatGrid(arrays[f"time_s.{place}"], arrays[f"onset.{place}"], float(arrays[f"score.{place}"])),
                PatternScores(arrays[f"start_s.{place}"], arrays[f"metre.{place}"], arrays[f"fit.{place}"]),
            )
            for place in range(count)
        )
        return BeatEvidence(OnsetScores(arrays["beat"], arrays["downbeat"], arrays["metre"]), grids)
