"""The key signatures: that of the piece by the key model, others where the music settles in another key.

How well sounding pitch classes fit a key is measured by the profiles of J. Albrecht and D. Shanahan, "The Use of Large
Corpora to Train a New Type of Key-Finding Algorithm", Music Perception 31 (2013): the shares of each pitch class above
the tonic in 490 pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from transcriber.notate.keymodel import LONGEST_Q, STRUCK_Q, key_scores, key_views
from transcriber.notate.rhythm import Placed
from transcriber.notate.timeline import TICKS, Timeline
from transcriber.score import KeySignature

FloatArray = npt.NDArray[np.float64]

PROFILES: dict[Literal["major", "minor"], tuple[float, ...]] = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
# The model and the correlations together err less than each alone: on development compositions 99.6, 94.3 and 99.6 %
# of the signatures are right in human performances by the model, the correlations and both, in CPM 88.4, 89.3 and 95.5.
FIT_WEIGHT = 4.0  # nats for a correlation
OPENING_WEIGHT, CLOSING_WEIGHT = 0.5, 0.2  # beside the whole piece
LAST_BASS_WEIGHT = 0.1  # correlation; for the keys whose tonic is the lowest note of the last chord

# A change of signature where the music settles elsewhere. Evidence counts by the second, so that it stays the same
# however beats and bars are counted. From a sweep over whole performances of 174 compositions, right signature for
# 92.8 % of the notes in the printed bars (89.8 % with one signature a piece); 93.2 and 95.9 % of those whose bars were
# joined in pairs or halved. 29 of them get a change, 52 are printed with one.
CHANGE_COST = 9.0  # nats
NOTES = 0.55  # independent notes that a second of sound weighs as much as
AWAY_COST = 0.035  # nats for each second away from the signature of the piece
STRANGE = 0.1  # share of notes that belong to no key
HOME_BONUS = 0.05  # correlation; of two modes with one signature, the one of the whole piece


@dataclass(frozen=True, slots=True)
class KeyRegion:
    """`key` holds from bar `first` on."""

    first: int
    key: KeySignature


def find_keys(notes: Sequence[Placed], timeline: Timeline) -> tuple[KeyRegion, ...]:
    """The key signatures of the piece, in order; the first holds from the first bar on."""
    weights = bar_weights(notes, timeline)
    filled = np.flatnonzero(weights.sum(axis=1))
    first, last = int(filled[0]), int(filled[-1])
    weights = weights[first : last + 1]
    starts_s = np.array([timeline.seconds_at(tick) for tick in timeline.bar_starts[first : last + 2]])
    regions = key_regions(weights, starts_s, _home_key(notes, timeline))
    return tuple(KeyRegion(bar + first if bar else 0, signature(key)) for bar, key in regions)


def _home_key(notes: Sequence[Placed], timeline: Timeline) -> int:
    """The key of the piece as a whole: the likeliest signature, and of its two keys the one that fits better."""
    in_time = sorted(notes, key=lambda note: (note.onset, note.attack.pitch))
    onset = np.array([note.onset for note in in_time], np.float64)
    held = np.array([note.held for note in in_time], np.float64)
    bar = np.array([timeline.bar_index_at(note.onset) for note in in_time])
    pitch = np.array([note.attack.pitch for note in in_time])
    views = key_views(onset / TICKS, (held - onset) / TICKS, pitch, bar - bar[0])
    whole, opening, closing = (key_fits(view**2) for view in views[:3].astype(np.float64))
    fits = whole + OPENING_WEIGHT * opening + CLOSING_WEIGHT * closing
    last_bass = int(pitch[onset == onset[-1]].min()) % 12
    fits[[last_bass, 12 + last_bass]] += LAST_BASS_WEIGHT
    scores = key_scores(views)
    fifths = key_fifths()
    same = fifths[:, None] == fifths
    likely = np.array([np.logaddexp.reduce(scores[keys]) + FIT_WEIGHT * fits[keys].max() for keys in same])
    return max(range(24), key=lambda key: (likely[key], fits[key]))


def key_regions(weights: FloatArray, starts_s: FloatArray, home: int) -> list[tuple[int, int]]:
    """(first bar, key) of each stretch with a signature of its own, by Viterbi over the bars.

    weights: (bars, 12); starts_s: (bars + 1,), where the bars start and the last one ends.
    """
    shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    likely = np.log((1 - STRANGE) * _rows() + STRANGE / 12)
    fifths = key_fifths()
    away = fifths != fifths[home]
    costs = np.diff(starts_s)[:, None] * (AWAY_COST * away - NOTES * shares @ likely.T)  # nats for each bar and key
    moving = np.where(fifths[:, None] == fifths[None, :], 0.0, CHANGE_COST)
    cost = np.where(away, CHANGE_COST / 2, 0.0)
    back = []
    for bar in range(len(weights)):
        total = cost[:, None] + moving
        back.append(np.argmin(total, axis=0))
        cost = total.min(axis=0) + costs[bar]
    key = int(np.argmin(cost))
    path = []
    for source in reversed(back):
        path.append(fifths[key])
        key = int(source[key])
    path.reverse()
    starts = [bar for bar in range(len(path)) if bar == 0 or path[bar] != path[bar - 1]]
    regions = []
    for start, end in zip(starts, [*starts[1:], len(path)], strict=True):
        fits = key_fits(weights[start:end].sum(axis=0))
        fits[home] += HOME_BONUS
        fits[fifths != path[start]] = -np.inf
        regions.append((start, int(np.argmax(fits))))
    return regions


def bar_weights(notes: Sequence[Placed], timeline: Timeline) -> FloatArray:
    """How long each pitch class sounds in each bar, in ticks. Shape: (bars, 12)."""
    weights = np.zeros((len(timeline.bars), 12))
    for note in notes:
        bar = timeline.bar_index_at(note.onset)
        length_q = min((note.held - note.onset) / TICKS, LONGEST_Q)
        weights[bar, note.attack.pitch % 12] += (length_q + STRUCK_Q) * TICKS
    return weights


def key_fits(weights: FloatArray) -> FloatArray:
    """Correlation of pitch-class weights with each key's profile. Shape: (12,) -> (24,), the majors from C on first."""
    centred = weights - weights.mean()
    fits: FloatArray = _profiles() @ centred / max(float(np.linalg.norm(centred)), 1e-9)
    return fits


def signature(key: int) -> KeySignature:
    """The signature of key number `key`: 0..11 major, 12..23 minor, by semitones of the tonic above C."""
    mode: Literal["major", "minor"] = "major" if key < 12 else "minor"
    major_tonic = key % 12 if key < 12 else (key + 3) % 12
    return KeySignature((major_tonic * 7 + 6) % 12 - 6, mode)  # -6..5: six flats rather than six sharps


def key_fifths() -> npt.NDArray[np.int64]:
    """Sharps, or flats below 0, of each key's signature. Shape: (24,)."""
    return np.array([signature(key).fifths for key in range(24)])


def _rows() -> FloatArray:
    return np.array([np.roll(PROFILES[mode], tonic) for mode in ("major", "minor") for tonic in range(12)])


def _profiles() -> FloatArray:
    rows = _rows()
    centred = rows - rows.mean(axis=1, keepdims=True)
    unit: FloatArray = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return unit
