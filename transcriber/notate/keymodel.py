"""The key model: a small network that looks at a piece from each of the twelve tonics.

    views of the pitch classes (VIEWS, 12) -> turned so that each tonic comes first (12, VIEWS * 12) -> `enter`
    -> scores of its major and its minor key (12, 2)

What it knows of one tonic it knows of all of them. Its training twin is `notate/training/keys.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.learned import learned_weights
from transcriber.notate.onsets import Floats, Ints
from transcriber.notate.patternmodel import gelu
from transcriber.notate.threads import one_thread

VIEWS = 8
LONGEST_Q = 2.0  # longer notes say no more about the key
STRUCK_Q = 0.1  # even the shortest note says something
OPENING_SHARE, OPENING_BARS = 0.12, 4  # the first eighth of the piece, but four bars at least
CLOSING_SHARE, CLOSING_BARS = 0.1, 3
HIGHEST_BASS = 61
LAST_CHORD_Q = 0.25  # what begins so near to the last onset belongs to the last chord


def key_views(onset_q: Floats, length_q: Floats, pitch: Ints, bar: Ints) -> NDArray[np.float32]:
    """What the model sees of notes in order of onset, `bar` counted from 0. Shape: (VIEWS, 12), pitch classes from C.

    Weight of each pitch class in the whole piece, its opening and its closing bars, among the basses of the piece and
    of the opening; in how many bars it sounds; then the lowest note of the last chord, and that chord.
    """
    bars = int(bar[-1]) + 1
    opening = bar < max(OPENING_BARS, round(OPENING_SHARE * bars))
    closing = bar >= bars - max(CLOSING_BARS, round(CLOSING_SHARE * bars))
    bass = _lowest(onset_q, pitch) & (pitch <= HIGHEST_BASS)
    last = onset_q >= onset_q[-1] - LAST_CHORD_Q
    weight, name = np.clip(length_q, 0, LONGEST_Q) + STRUCK_Q, pitch % 12
    heard = [
        np.bincount(name[part], weight[part], 12)
        for part in (np.ones(len(name), bool), opening, closing, bass, bass & opening)
    ]
    sounding = np.zeros((bars, 12))
    sounding[bar, name] = 1
    final_bass, final_chord = np.zeros(12), np.zeros(12)
    final_bass[pitch[last].min() % 12] = 1
    final_chord[name[last]] = 1
    shares = [
        np.sqrt(view / view.sum()) if view.any() else np.full(12, 1 / 12**0.5) for view in (*heard, sounding.sum(0))
    ]
    return np.array([*shares, final_bass, final_chord / final_chord.sum()], np.float32)


def _lowest(onset_q: Floats, pitch: Ints) -> NDArray[np.bool_]:
    """Whether each note is the lowest of those that begin with it."""
    _, chord = np.unique(onset_q, return_inverse=True)
    lowest = np.full(chord.max() + 1, 128)
    np.minimum.at(lowest, chord, pitch)
    return np.asarray(pitch == lowest[chord])


def turned(views: NDArray[np.float32]) -> NDArray[np.float32]:
    """The views from each tonic, C first. Shape: (VIEWS, 12) -> (12, VIEWS * 12)."""
    above = (np.arange(12)[:, None] + np.arange(12)) % 12
    return views[:, above].transpose(1, 0, 2).reshape(12, -1)


def key_scores(views: NDArray[np.float32]) -> Floats:
    """Of each key, only to be compared with the others. Shape: (24,), the majors from C on first."""
    weights = learned_weights("keys.safetensors")
    with one_thread():
        active = gelu(turned(views) @ weights["enter.weight"].T + weights["enter.bias"])
        found = active @ weights["leave.weight"].T + weights["leave.bias"]
    return np.asarray(found.T.ravel(), np.float64)
