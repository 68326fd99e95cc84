"""How hard each key was struck: what the network heard of a note, weighed against how pianists play.

The network judges every note by itself, and errs by note, by key (a room or a microphone makes one key louder than the
next, all through a recording) and by chord. Pianists play chords evenly, phrases in one dynamic, and a register, which
is a melody or its accompaniment, louder or softer than the others. Both are covariances of Gaussians, so the likeliest
velocities are a linear function of those heard: the mean of the posterior (Rasmussen and Williams, "Gaussian Processes
for Machine Learning", 2006, equation 2.25, with the mean of equation 2.41).

On eight recordings at a piano that raised note + velocity F1 from 0.625 to 0.670.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from transcriber.performance import Note

Floats = NDArray[np.float64]

# How velocities of one performance go together: least squares on 285,000 pairs of notes from 400 half minutes of 858
# performances at Disklaviers, as shares of their variance within a minute.
CHORD, CHORD_S = 0.30, 0.02  # struck at once
LINE, LINE_S, LINE_SEMITONES = 0.22, 3.0, 8.0  # near in time and pitch
PHRASE, PHRASE_S = 0.175, 3.0  # near in time
REGISTER, REGISTER_SEMITONES = 0.30, 12.0  # near in pitch
OWN = 0.22  # of each note alone
VARIANCE = 180.0  # of velocities within half a minute, the mean of these performances
VARIANCE_NOTES = 30  # so many notes of a recording say as much about its variance

# How the network errs, in squared velocities: covariances of its errors on the eight recordings.
ERROR_OF_NOTE, ERROR_OF_KEY, ERROR_OF_CHORD = 13.0, 5.0, 3.0
ERROR_OF_NEAR_KEYS, NEAR_SEMITONES = 3.0, 3.0
ERROR = ERROR_OF_NOTE + ERROR_OF_KEY + ERROR_OF_CHORD + ERROR_OF_NEAR_KEYS
LEAST_VARIANCE = ERROR  # even where every note was heard equally loud

WINDOW = 512  # notes that are seen together, half a minute and more; half of them are answers


def weighed(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The same notes, which are in order of their onsets, each with its likeliest velocity."""
    if len(notes) < 2:
        return tuple(notes)
    columns = np.array([(note.onset_s, note.pitch, note.velocity) for note in notes], np.float64)
    likeliest = np.clip(np.rint(likeliest_velocities(*columns.T)), 1, 127).astype(int)
    return tuple(replace(note, velocity=velocity) for note, velocity in zip(notes, likeliest.tolist(), strict=True))


def likeliest_velocities(onset_s: Floats, pitch: Floats, heard: Floats) -> Floats:
    """Velocities (notes,) from those that the network heard (notes,)."""
    count = len(heard)
    known = (count * heard.var() + VARIANCE_NOTES * (VARIANCE + ERROR)) / (count + VARIANCE_NOTES)
    variance = max(known - ERROR, LEAST_VARIANCE)
    found = np.empty(count)
    for seen, kept in _windows(count):
        found[kept] = _posterior_mean(onset_s[seen], pitch[seen], heard[seen], variance)[
            kept.start - seen.start : kept.stop - seen.start
        ]
    return found


def _windows(count: int) -> Iterator[tuple[slice, slice]]:
    """Notes that are seen together, and those in their middle that are answered; each note is answered once."""
    if count <= WINDOW:
        yield slice(0, count), slice(0, count)
        return
    step = WINDOW // 2
    for start in range(0, count, step):
        first = min(max(0, start - step // 2), count - WINDOW)
        yield slice(first, first + WINDOW), slice(start, min(start + step, count))


def _posterior_mean(onset_s: Floats, pitch: Floats, heard: Floats, variance: float) -> Floats:
    apart_s = np.abs(onset_s[:, None] - onset_s)
    semitones = np.abs(pitch[:, None] - pitch)
    same_note = np.eye(len(heard))
    at_once = _bell(apart_s, CHORD_S)
    played = variance * (
        CHORD * at_once
        + LINE * np.exp(-apart_s / LINE_S) * _bell(semitones, LINE_SEMITONES)
        + PHRASE * np.exp(-apart_s / PHRASE_S)
        + REGISTER * _bell(semitones, REGISTER_SEMITONES)
        + OWN * same_note
    )
    errors = (
        ERROR_OF_NOTE * same_note
        + ERROR_OF_KEY * (semitones == 0)
        + ERROR_OF_NEAR_KEYS * _bell(semitones, NEAR_SEMITONES)
        + ERROR_OF_CHORD * at_once
    )
    ones = np.ones(len(heard))
    from_heard, from_ones = np.linalg.solve(played + errors, np.column_stack((heard, ones))).T
    mean = from_heard.sum() / from_ones.sum()
    likeliest: Floats = mean + played @ (from_heard - mean * from_ones)
    return likeliest


def _bell(distance: Floats, width: float) -> Floats:
    value: Floats = np.exp(-0.5 * (distance / width) ** 2)
    return value
