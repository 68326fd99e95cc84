"""What a grid of beats makes of the music: does it repeat from bar to bar, and how do beats divide?

The right beats make a piece look orderly: bars resemble the bars before them, basses and changes of harmony come at
one distance, onsets fall on simple parts of the beat. Beats at half or double the tempo, or counted in the wrong
metre, do not. Every beat of a grid is measured, and the metre model judges the beats of a stretch together. Unlike the
beat network it looks at a whole grid, so that it can compare grids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.beatscores import METRES
from transcriber.notate.onsets import Floats, NoteTable, Onsets, low_notes
from transcriber.notate.patternmodel import PatternModel
from transcriber.notate.threads import one_thread

CELLS = 12  # parts of a beat: divides by 2, 3 and 4
LAGS = 16  # beats: two bars of 4/4 counted twice too fast
VIEWS = 4  # rhythm, pitch classes, basses, pitches
SINGLE_FEATURES = 11
BEAT_FEATURES = 2 * CELLS + 12 + 12 + VIEWS * LAGS + SINGLE_FEATURES
CHROMA, BASS = slice(2 * CELLS, 2 * CELLS + 12), slice(2 * CELLS + 12, 2 * CELLS + 24)  # what a transposition turns
STRETCH_S = 40.0  # judged together: long enough for eight slow bars to repeat, short enough for one metre
FEWEST_BEATS = 6
UNLIKE = 0.3  # likeness to a beat in which nothing is struck: about that of two beats chosen at random
USUAL_BEAT_S = 0.5
MIDDLE_LOW, MIDDLE_HIGH = 55, 67  # stand for the lowest and highest pitch of an empty beat


@dataclass(frozen=True, slots=True)
class PatternScores:
    """For each stretch: `start_s`; `metre` (stretches, METRES) log-probabilities, `fit` (stretches,) of the beats."""

    start_s: Floats
    metre: Floats
    fit: Floats


def judge_grid(notes: NoteTable, onsets: Onsets, beat_s: Floats, model: PatternModel) -> PatternScores:
    """Judge a grid stretch by stretch. Stretches that hold too little music say nothing: even metres, no fit."""
    count = max(1, round((onsets.time_s[-1] - onsets.time_s[0]) / STRETCH_S))
    bounds = np.linspace(onsets.time_s[0], onsets.time_s[-1], count + 1)
    low_note = low_notes(notes, onsets)
    metre = np.full((count, len(METRES)), -np.log(len(METRES)))
    fit = np.zeros(count)
    with one_thread():
        for index in range(count):
            first, last = np.searchsorted(beat_s, [bounds[index] - 1e-6, bounds[index + 1] + 1e-6])
            beats = beat_s[max(first - 1, 0) : last + 1]
            if len(beats) > FEWEST_BEATS:
                metre[index], fit[index] = model.judge(beat_features(notes, onsets, low_note, beats))
    return PatternScores(bounds[:-1], metre, fit)


def beat_features(notes: NoteTable, onsets: Onsets, low_note: NDArray[np.bool_], beat_s: Floats) -> NDArray[np.float32]:
    """Measure every beat but the last, which closes the grid. Shape: (beats - 1, BEAT_FEATURES).

    low_note: (notes,), whether each note lies in the lower part. The columns: where in the beat the lower and the upper
    part are struck; pitch classes; those of the basses on the beat; likeness to each of the LAGS beats before in four
    views; loudness on the beat and in it; longest note of either part, in beats; number of notes in the beat, on it,
    and of low ones on it; lowest and highest pitch; length of the beat and its change.
    """
    first, last = np.searchsorted(onsets.time_s, [beat_s[0] - 1e-6, beat_s[-1] - 1e-6])
    played = (onsets.of_note >= first) & (onsets.of_note < last)
    of_note, pitch = onsets.of_note[played], notes.pitch[played]
    step_s = np.diff(beat_s)
    beats = len(step_s)
    beat_of = np.clip(np.searchsorted(beat_s, onsets.time_s + 1e-6, side="right") - 1, 0, beats - 1)
    share_of = np.clip((onsets.time_s - beat_s[beat_of]) / step_s[beat_of], 0, 0.999)
    beat, share = beat_of[of_note], share_of[of_note]
    low, on_beat = low_note[played], share < 1 / CELLS
    bass = low & on_beat

    rhythms = [_cells(beat[part], share[part], beats) for part in (low, ~low)]
    chroma, basses = (_counts(beat[part], pitch[part] % 12, beats, 12) for part in (pitch >= 0, bass))
    views = (np.concatenate(rhythms, axis=1), np.sqrt(chroma), basses, np.sqrt(_counts(beat, pitch, beats, 128)))

    loud, long_s = notes.velocity[played], notes.offset_s[played] - notes.onset_s[played]
    usual_loud = loud.mean() if len(loud) else 0.0
    lowest = -_largest(beat, -pitch, beats, -MIDDLE_LOW)
    highest = _largest(beat, pitch, beats, MIDDLE_HIGH)
    columns = [
        *rhythms,
        np.minimum(chroma, 3) / 1.5,
        np.minimum(basses, 1),
        *(_likeness_before(view) for view in views),
        (_largest(beat[on_beat], loud[on_beat], beats, usual_loud - 30) - usual_loud) / 20,
        (_largest(beat, loud, beats, usual_loud - 30) - usual_loud) / 20,
        *(np.log(0.05 + _largest(beat[part], long_s[part], beats, 0.0) / step_s) for part in (bass, ~low & on_beat)),
        *(np.log1p(np.bincount(beat[part], minlength=beats)) for part in (pitch >= 0, on_beat, bass)),
        (lowest - MIDDLE_LOW) / 15,
        (highest - MIDDLE_HIGH) / 15,
        np.log(step_s / USUAL_BEAT_S),
        3 * np.clip(np.diff(np.log(step_s), prepend=np.log(step_s[0])), -1, 1),
    ]
    return np.column_stack(columns).astype(np.float32)


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


def _likeness_before(view: Floats) -> Floats:
    """Cosine of each beat with the LAGS before it: UNLIKE where one is empty, 0 before the first. (beats, LAGS)."""
    size = np.sqrt((view**2).sum(axis=1, keepdims=True))
    unit = view / np.where(size > 0, size, 1)
    alike = unit @ unit.T
    empty = size[:, 0] == 0
    alike[empty], alike[:, empty] = UNLIKE, UNLIKE
    before = np.zeros((len(view), LAGS))
    for lag in range(1, min(LAGS, len(view) - 1) + 1):
        before[lag:, lag - 1] = np.diagonal(alike, -lag)
    return before


def _largest(
    beat: NDArray[np.int64], value: NDArray[np.floating] | NDArray[np.integer], beats: int, none: float
) -> Floats:
    """The largest value in each beat, `none` where there is none."""
    largest = np.full(beats, -np.inf)
    np.maximum.at(largest, beat, value)
    return np.where(np.isfinite(largest), largest, none)
