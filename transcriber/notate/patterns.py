"""What a grid of beats makes of the music: does it repeat from bar to bar, and how do beats divide?

The right beats make a piece look orderly: bars resemble the bars before them, basses and changes of harmony come at
one distance, onsets fall on simple parts of the beat. Beats at half or double the tempo, or counted in the wrong
metre, do not. A small model (one hidden layer) weighs some 160 such measurements of a stretch of music. Unlike the
beat network it looks at a whole grid, so that it can compare grids.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from transcriber.errors import CheckpointError
from transcriber.notate.beatscores import METRES
from transcriber.notate.onsets import Floats, NoteTable, Onsets, low_notes

CELLS = 12  # parts of a beat: divides by 2, 3 and 4
LAGS = 16  # beats: two bars of 4/4 counted twice too fast
VIEWS = 4  # rhythm, pitch classes, basses, pitches
SIGNALS = 5  # newness of harmony, bass on the beat, notes on the beat, loudness, longest note
PATTERN_FEATURES = (VIEWS + SIGNALS) * LAGS + VIEWS + 3 * CELLS + 5
STRETCH_S = 40.0  # measured together: long enough for eight slow bars to repeat, short enough for one metre
FEWEST_BEATS = 6
FAR = 5.0  # standard deviations at which a measurement is cut


@dataclass(frozen=True, slots=True)
class PatternScores:
    """For each stretch: `start_s`; `metre` (stretches, METRES) log-probabilities, `fit` (stretches,) of the beats."""

    start_s: Floats
    metre: Floats
    fit: Floats


@dataclass(frozen=True, slots=True)
class PatternModel:
    """Measurements -> standardised -> hidden -> METRES logits and a fit, which only compares grids of one stretch."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    hidden_weight: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    out_weight: NDArray[np.float32]
    out_bias: NDArray[np.float32]

    def judge(self, features: Floats) -> tuple[Floats, Floats]:
        """features: (grids, PATTERN_FEATURES) -> metre log-probabilities (grids, METRES) and fit (grids,)."""
        standard = np.clip((features - self.mean) / self.scale, -FAR, FAR)
        hidden = np.tanh(standard @ self.hidden_weight.T + self.hidden_bias)
        out = hidden @ self.out_weight.T + self.out_bias
        logits = out[:, : len(METRES)]
        logits = logits - logits.max(axis=1, keepdims=True)
        metre = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return metre.astype(np.float64), out[:, len(METRES)].astype(np.float64)


def load_pattern_model(path: Path) -> PatternModel:
    """Raises CheckpointError where the file is missing, damaged or another's."""
    try:
        weights = load_file(path)
        model = PatternModel(**weights)
        model.judge(np.zeros((1, PATTERN_FEATURES)))
    except (OSError, SafetensorError, TypeError, ValueError, IndexError) as cause:
        raise CheckpointError(f"The metre model {path} cannot be read; install the package again.") from cause
    return model


@lru_cache(maxsize=1)
def shipped_pattern_model() -> PatternModel:
    """The model that comes with the package."""
    with resources.as_file(resources.files("transcriber.notate") / "weights" / "metre.safetensors") as path:
        return load_pattern_model(path)


def judge_grid(notes: NoteTable, onsets: Onsets, beat_s: Floats, model: PatternModel) -> PatternScores:
    """Judge a grid stretch by stretch. Stretches that hold too little music say nothing: even metres, no fit."""
    count = max(1, round((onsets.time_s[-1] - onsets.time_s[0]) / STRETCH_S))
    bounds = np.linspace(onsets.time_s[0], onsets.time_s[-1], count + 1)
    low_note = low_notes(notes, onsets)
    metre = np.full((count, len(METRES)), -np.log(len(METRES)))
    fit = np.zeros(count)
    told = []
    rows = []
    for index in range(count):
        first, last = np.searchsorted(beat_s, [bounds[index] - 1e-6, bounds[index + 1] + 1e-6])
        beats = beat_s[max(first - 1, 0) : last + 1]
        if len(beats) > FEWEST_BEATS:
            told.append(index)
            rows.append(pattern_features(notes, onsets, low_note, beats))
    if rows:
        metre[told], fit[told] = model.judge(np.stack(rows))
    return PatternScores(bounds[:-1], metre, fit)


def pattern_features(
    notes: NoteTable, onsets: Onsets, low_note: NDArray[np.bool_], beat_s: Floats
) -> NDArray[np.float32]:
    """Measure the notes between the first and the last of at least FEWEST_BEATS beats.

    low_note: (notes,), whether each note lies in the lower part. Shape of the answer: (PATTERN_FEATURES,).
    """
    first, last = np.searchsorted(onsets.time_s, [beat_s[0] - 1e-6, beat_s[-1] - 1e-6])
    played = (onsets.of_note >= first) & (onsets.of_note < last)
    of_note, pitch = onsets.of_note[played], notes.pitch[played]
    beats = len(beat_s) - 1
    beat_of = np.clip(np.searchsorted(beat_s, onsets.time_s + 1e-6, side="right") - 1, 0, beats - 1)
    share_of = np.clip((onsets.time_s - beat_s[beat_of]) / (beat_s[beat_of + 1] - beat_s[beat_of]), 0, 0.999)
    beat, share = beat_of[of_note], share_of[of_note]
    low = low_note[played]
    on_beat = share < 1 / CELLS

    rhythms = [_cells(beat[part], share[part], beats) for part in (low, ~low)]
    views = [
        np.concatenate(rhythms, axis=1),
        np.sqrt(_counts(beat, pitch % 12, beats, 12)),
        _counts(beat[low & on_beat], pitch[low & on_beat] % 12, beats, 12),
        np.sqrt(_counts(beat, pitch, beats, 128)),
    ]
    alike = [_alike(view) for view in views]
    likeness = np.array([[_mean_at(matrix, lag) for lag in range(1, LAGS + 1)] for matrix in alike])
    level = likeness.mean(axis=1, keepdims=True)

    change = np.zeros(beats)
    change[1:] = 1 - np.diagonal(alike[1], 1)
    loud, long = notes.velocity[played], notes.offset_s[played] - notes.onset_s[played]
    signals = [
        change,
        np.bincount(beat[low & on_beat], minlength=beats) > 0,
        np.sqrt(np.bincount(beat[on_beat], minlength=beats)),
        _largest(beat[on_beat], loud[on_beat], beats),
        np.log(0.05 + _largest(beat[on_beat], long[on_beat], beats)),
    ]
    periodicity = np.array([_autocorrelation(np.asarray(signal, dtype=np.float64)) for signal in signals])

    steps = np.log(np.diff(beat_s))
    cell = np.minimum((share * CELLS + 0.5).astype(np.int64) % CELLS, CELLS - 1)
    accent = np.bincount(cell, loud - loud.mean(), CELLS) / (np.bincount(cell, minlength=CELLS) + 1) if len(loud) else 0
    features = [
        4 * (likeness - level).ravel(),
        periodicity.ravel(),
        level.ravel(),
        *(rhythm.mean(axis=0) for rhythm in rhythms),
        np.broadcast_to(accent, CELLS) / 10,
        [
            np.median(steps),
            np.log((last - first + 1) / beats),
            np.log((len(pitch) + 1) / beats),
            (views[1].sum(axis=1) == 0).mean(),
            min(np.diff(steps).std(), 1.0),
        ],
    ]
    return np.concatenate(features).astype(np.float32)


def _cells(beat: NDArray[np.int64], share: Floats, beats: int) -> Floats:
    """How far each part of each beat is struck, 0..1; an onset between two parts counts for both. (beats, CELLS)."""
    place = beat * CELLS + share * CELLS
    lower = np.floor(place).astype(np.int64)
    size = beats * CELLS + 1
    struck = np.bincount(lower, 1 - (place - lower), size) + np.bincount(lower + 1, place - lower, size)
    return np.asarray(np.minimum(struck[:-1].reshape(beats, CELLS), 1.0))


def _counts(beat: NDArray[np.int64], kind: NDArray[np.int64], beats: int, kinds: int) -> Floats:
    """How often each kind occurs in each beat. Shape: (beats, kinds)."""
    return np.bincount(beat * kinds + kind, minlength=beats * kinds).reshape(beats, kinds).astype(np.float64)


def _alike(view: Floats) -> Floats:
    """Cosine of every two rows; nan where either is empty. Shape: (beats, beats)."""
    size = np.sqrt((view**2).sum(axis=1, keepdims=True))
    unit = view / np.where(size > 0, size, 1)
    alike = unit @ unit.T
    empty = size[:, 0] == 0
    alike[empty], alike[:, empty] = np.nan, np.nan
    return np.asarray(alike)


def _mean_at(alike: Floats, lag: int) -> float:
    """Mean likeness of beats `lag` apart, 0 where there are none."""
    rows = np.diagonal(alike, lag)
    known = rows[np.isfinite(rows)]
    return float(known.mean()) if len(known) else 0.0


def _largest(beat: NDArray[np.int64], value: Floats, beats: int) -> Floats:
    largest = np.zeros(beats)
    np.maximum.at(largest, beat, value)
    return largest


def _autocorrelation(signal: Floats) -> Floats:
    """Correlation of a signal over beats with itself at lags 1 to LAGS; 0 where it does not vary or is too short."""
    signal = np.nan_to_num(signal)
    signal = signal - signal.mean()
    power = (signal**2).mean()
    if power < 1e-9:
        return np.zeros(LAGS)
    lags = range(1, LAGS + 1)
    return np.array([(signal[lag:] * signal[:-lag]).mean() / power if lag < len(signal) else 0.0 for lag in lags])
