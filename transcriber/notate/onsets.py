"""Notes struck together, and what the beat network is told about them.

An onset is one note or chord: the unit in which beats are counted. Times are seconds throughout; nothing here knows of
a tempo. The features come in three kinds: the chord itself (which keys, how loud, how long), the distances to its
neighbours (for all notes, and for the lower and the upper part on their own), and profiles of what lies at each
distance before and after it, on a logarithmic axis of time, so that a change of tempo only moves the profile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcriber.performance import Performance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP_S = 0.035  # widest gap between neighbours in one chord: half the 70 ms of a note at 14 a second, a fast run
SPREAD_S = 0.07  # widest chord: asynchrony of performed chords stays below it (Goebl 2001), slower rolls are split

PROFILE_NEIGHBOURS = 48  # onsets looked at on either side: 3.2 s at 15 onsets a second
PROFILE_FIRST_S = 0.1
PROFILE_BINS_PER_OCTAVE = 6
PROFILE_BINS = 34  # 0.1 s to 4.6 s
PROFILES = 3  # every onset, onsets with a low note, likeness of pitch

LONGEST_S = 10.0  # distances are cut here: beyond lies a break, not a rhythm
CHORD_FEATURES = 12 + 12 + 10
DISTANCE_FEATURES = 16
FEATURES = CHORD_FEATURES + DISTANCE_FEATURES + 2 * PROFILES * PROFILE_BINS


@dataclass(frozen=True, slots=True)
class NoteTable:
    """Notes in order of onset as arrays of one length; `pedal_s` holds the times at which the pedal went down."""

    onset_s: Floats
    offset_s: Floats
    pitch: Ints
    velocity: Floats
    pedal_s: Floats

    @classmethod
    def of(cls, performance: Performance) -> NoteTable:
        notes = performance.notes
        return cls(
            np.array([note.onset_s for note in notes], dtype=np.float64),
            np.array([note.offset_s for note in notes], dtype=np.float64),
            np.array([note.pitch for note in notes], dtype=np.int64),
            np.array([note.velocity for note in notes], dtype=np.float64),
            np.array([pedal.on_s for pedal in performance.pedals], dtype=np.float64),
        )


@dataclass(frozen=True, slots=True)
class Onsets:
    """`time_s` (onsets,): mean onset of each chord, strictly increasing; `of_note` (notes,): the onset of each note."""

    time_s: Floats
    of_note: Ints

    def __len__(self) -> int:
        return len(self.time_s)


def find_onsets(onset_s: Floats) -> Onsets:
    """Group sorted note onsets into chords: a note joins while it is near the last one and near the chord's first."""
    of_note = np.zeros(len(onset_s), dtype=np.int64)
    index, first_s, last_s = -1, -np.inf, -np.inf
    for note, time_s in enumerate(onset_s.tolist()):
        if time_s - last_s > STEP_S or time_s - first_s > SPREAD_S:
            index, first_s = index + 1, time_s
        last_s = time_s
        of_note[note] = index
    counts = np.bincount(of_note, minlength=index + 1)
    return Onsets(np.bincount(of_note, weights=onset_s, minlength=index + 1) / counts, of_note)


def onset_features(notes: NoteTable, onsets: Onsets) -> NDArray[np.float32]:
    """What the network sees. Shape: float32 (onsets, FEATURES), each column roughly within -2..2."""
    count = len(onsets)
    of_note, time_s = onsets.of_note, onsets.time_s
    chroma = np.zeros((count, 12))
    np.add.at(chroma, (of_note, notes.pitch % 12), 1.0)
    chroma = np.minimum(chroma, 1.0)
    lowest = np.full(count, 127, dtype=np.int64)
    highest = np.zeros(count, dtype=np.int64)
    np.minimum.at(lowest, of_note, notes.pitch)
    np.maximum.at(highest, of_note, notes.pitch)
    bass = np.zeros((count, 12))
    bass[np.arange(count), lowest % 12] = 1.0
    is_low = np.zeros(count, dtype=bool)
    is_high = np.zeros(count, dtype=bool)
    low_note = low_notes(notes, onsets)
    is_low[of_note[low_note]] = True
    is_high[of_note[~low_note]] = True

    size = np.bincount(of_note, minlength=count)
    loudest = np.zeros(count)
    np.maximum.at(loudest, of_note, notes.velocity)
    length_s = notes.offset_s - notes.onset_s
    longest_s = np.zeros(count)
    shortest_s = np.full(count, LONGEST_S)
    np.maximum.at(longest_s, of_note, length_s)
    np.minimum.at(shortest_s, of_note, length_s)
    gap_s = np.diff(time_s)
    chord = np.column_stack(
        [
            chroma,
            bass,
            (lowest - 55) / 20,
            (highest - 67) / 20,
            (highest - lowest) / 24,
            np.log(size),
            np.bincount(of_note, weights=notes.velocity, minlength=count) / size / 40 - 1.5,
            loudest / 40 - 1.5,
            _log(longest_s),
            _log(shortest_s),
            is_low,
            is_high,
        ]
    )
    distances = np.column_stack(
        [
            *_neighbour_distances(time_s, np.ones(count, dtype=bool)),
            *_neighbour_distances(time_s, is_low),
            *_neighbour_distances(time_s, is_high),
            _log(np.append(gap_s, LONGEST_S)) - _log(longest_s),
            _log(np.concatenate([gap_s[1:], [LONGEST_S, LONGEST_S]])[:count]),
            _log(np.concatenate([[LONGEST_S, LONGEST_S], gap_s[:-1]])[:count]),
            _since_same_pitch(notes, onsets, lowest),
            _since_same_pitch(notes, onsets, highest),
            *_pedal_distances(time_s, notes.pedal_s),
        ]
    )
    profiles = _profiles(time_s, is_low, chroma)
    return np.concatenate([chord, distances, profiles], axis=1).astype(np.float32)


def _log(seconds: Floats) -> Floats:
    """Logarithm of a time, 0 at 0.3 s (about the median distance of onsets), cut at 20 ms and LONGEST_S."""
    return np.asarray(np.log(np.clip(seconds, 0.02, LONGEST_S) / 0.3))


def low_notes(notes: NoteTable, onsets: Onsets) -> NDArray[np.bool_]:
    """Whether each note lies below the middle of the lowest and the highest note nearby: roughly the left hand."""
    count, reach = len(onsets), 12  # onsets on either side: one or two bars
    lowest = np.full(count + 2 * reach, 127.0)
    highest = np.zeros(count + 2 * reach)
    np.minimum.at(lowest, onsets.of_note + reach, notes.pitch)
    np.maximum.at(highest, onsets.of_note + reach, notes.pitch)
    window = np.lib.stride_tricks.sliding_window_view
    middle = (window(lowest, 2 * reach + 1).min(axis=1) + window(highest, 2 * reach + 1).max(axis=1)) / 2
    return np.asarray(notes.pitch < middle[onsets.of_note])


def _neighbour_distances(time_s: Floats, member: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Log distance to the last and the next onset among the members, and for members the ratio of the two."""
    member_s = time_s[member]
    if not len(member_s):
        far = _log(np.full(len(time_s), LONGEST_S))
        return far, far, np.zeros(len(time_s))
    before = np.searchsorted(member_s, time_s, side="left") - 1
    after = np.searchsorted(member_s, time_s, side="right")
    since = np.where(before >= 0, time_s - member_s[np.maximum(before, 0)], LONGEST_S)
    until = np.where(after < len(member_s), member_s[np.minimum(after, len(member_s) - 1)] - time_s, LONGEST_S)
    since, until = _log(since), _log(until)
    return since, until, np.where(member, until - since, 0.0)


def _since_same_pitch(notes: NoteTable, onsets: Onsets, pitch: Ints) -> Floats:
    """Log time since each onset's given key was last struck."""
    last_s: dict[int, float] = {}
    since = np.full(len(onsets), LONGEST_S)
    start = np.searchsorted(onsets.of_note, np.arange(len(onsets) + 1))
    pitches, wanted = notes.pitch.tolist(), pitch.tolist()
    for onset, time_s in enumerate(onsets.time_s.tolist()):
        since[onset] = time_s - last_s.get(wanted[onset], -np.inf)
        for note in range(start[onset], start[onset + 1]):
            last_s[pitches[note]] = time_s
    return _log(since)


def _pedal_distances(time_s: Floats, pedal_s: Floats) -> tuple[Floats, Floats]:
    """Nearness (1 at 0 s, 0 from 0.5 s on) of the pedal press before and after; all 0 where there is no pedal."""
    if not len(pedal_s):
        return np.zeros(len(time_s)), np.zeros(len(time_s))
    after = np.searchsorted(pedal_s, time_s)
    until = np.where(after < len(pedal_s), pedal_s[np.minimum(after, len(pedal_s) - 1)] - time_s, np.inf)
    since = np.where(after > 0, time_s - pedal_s[np.maximum(after - 1, 0)], np.inf)
    return np.clip(1 - 2 * since, 0, 1), np.clip(1 - 2 * until, 0, 1)


def _profiles(time_s: Floats, is_low: NDArray[np.bool_], chroma: Floats) -> Floats:
    """What lies at each distance. Shape: (onsets, 2 * PROFILES * PROFILE_BINS), before then after.

    Each neighbour's weight is shared between the two nearest bins of log distance. The three weights: 1; whether it has
    a low note; the cosine of the two pitch-class sets.
    """
    count, reach = len(time_s), PROFILE_NEIGHBOURS
    neighbour = np.arange(count)[:, None] + np.arange(1, reach + 1)
    inside = neighbour < count
    neighbour = np.minimum(neighbour, count - 1)
    distance = np.maximum(time_s[neighbour] - time_s[:, None], 1e-3)
    place = np.log2(distance / PROFILE_FIRST_S) * PROFILE_BINS_PER_OCTAVE
    inside &= (place >= 0) & (place < PROFILE_BINS - 1)
    first, second = np.nonzero(inside)
    place = place[inside]
    second = neighbour[first, second]
    unit = chroma / np.sqrt(np.maximum(chroma.sum(axis=1, keepdims=True), 1))
    likeness = np.einsum("ij,ij->i", unit[first], unit[second])
    lower = place.astype(np.int64)
    share = place - lower
    profiles = []
    for centre, other in ((second, first), (first, second)):
        cell = centre * PROFILE_BINS + lower
        for weight in (np.ones(len(first)), is_low[other].astype(np.float64), likeness):
            size = count * PROFILE_BINS
            total = np.bincount(cell, weight * (1 - share), size) + np.bincount(cell + 1, weight * share, size)
            profiles.append(total.reshape(count, PROFILE_BINS))
    return np.concatenate(profiles, axis=1)
