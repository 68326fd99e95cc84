"""Scores as a perfect network would give them for known beats."""

import numpy as np

from transcriber.notate.beatscores import (
    METRES,
    PERIOD_BINS,
    PERIOD_BINS_PER_OCTAVE,
    SHORTEST_BAR_S,
    SHORTEST_BEAT_S,
    BeatScores,
)
from transcriber.notate.patterns import PatternScores


def evidence(onset_s, beat_s, downbeat_s=(), metre=None):
    """Beats, downbeats and the local beat length are heard clearly; bars and metre only where they are given."""
    onset_s, beat_s, downbeat_s = (np.asarray(time_s, dtype=float) for time_s in (onset_s, beat_s, downbeat_s))
    steps = np.diff(beat_s)
    step_s = steps[np.clip(np.searchsorted(beat_s, onset_s, side="right") - 1, 0, len(steps) - 1)]
    bar_s = np.median(np.diff(downbeat_s)) * np.ones(len(onset_s)) if len(downbeat_s) > 1 else None
    metres = np.full((len(onset_s), len(METRES)), -np.log(len(METRES)))
    if metre is not None:
        metres[:] = np.log(0.02)
        metres[:, METRES.index(metre)] = np.log(0.84)
    return BeatScores(
        np.where(_is_near(onset_s, beat_s), 3.0, -3.0),
        np.where(_is_near(onset_s, downbeat_s), 3.0, -3.0),
        _around(step_s, SHORTEST_BEAT_S),
        _around(bar_s, SHORTEST_BAR_S) if bar_s is not None else np.zeros((len(onset_s), PERIOD_BINS)),
        metres,
    )


def no_patterns():
    """Patterns that speak for no metre."""
    return PatternScores(np.zeros(1), np.full((1, len(METRES)), -np.log(len(METRES))), np.zeros(1))


def _is_near(onset_s, wanted_s):
    return (np.abs(onset_s[:, None] - wanted_s).min(axis=1, initial=np.inf)) < 1e-6


def _around(length_s, shortest_s):
    place = np.log2(length_s / shortest_s) * PERIOD_BINS_PER_OCTAVE
    return -0.5 * ((np.arange(PERIOD_BINS) - place[:, None]) / 1.5) ** 2
