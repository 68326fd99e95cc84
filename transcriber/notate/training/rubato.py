"""Scores played by a plain model of a pianist: tempo that drifts and slows at phrase ends, loose chords, uneven touch.

It gives the beat network compositions of which no performance exists. The figures are broad on purpose: what is learned
should be the music, not the player.
"""

from __future__ import annotations

import numpy as np

from transcriber.notate.onsets import Floats, NoteTable
from transcriber.notate.training.corpus import BEAT, DOWNBEAT, BeatTrack, WrittenPiece

ONSETS_PER_S = (1.5, 9.0)  # 5th to 95th percentile over the performed training pieces
BEAT_S = (0.22, 1.9)  # likewise, length of the annotated beat


def play(piece: WrittenPiece, rng: np.random.Generator) -> tuple[NoteTable, BeatTrack]:
    """Perform the score once. The same generator state gives the same performance."""
    at_s = _beat_times(piece, rng)
    onset_s = _seconds(piece.onset_q, piece.beat_q, at_s)
    end_s = _seconds(piece.onset_q + piece.duration_q, piece.beat_q, at_s)

    loose_s = rng.uniform(0.003, 0.014)
    _, chord = np.unique(piece.onset_q, return_inverse=True)
    together = rng.normal(0, rng.uniform(0.003, 0.02), chord.max() + 1)[chord]
    lead_s = np.where(piece.upper, -rng.uniform(0, 0.012), 0.0)  # melody lead (Goebl 2001: about 20 to 30 ms at most)
    touched_s = np.maximum(onset_s + together + lead_s + rng.normal(0, loose_s, len(onset_s)), 0)

    held = rng.uniform(0.4, 1.05) * np.exp(rng.normal(0, 0.2, len(onset_s)))
    offset_s = touched_s + np.maximum((end_s - onset_s) * held, 0.04)

    base, slope = rng.normal(62, 14), rng.normal(0.15, 0.15)
    accent = rng.uniform(-1, 6) * np.isin(piece.onset_q, piece.beat_q[piece.downbeat])
    swell = 8 * np.sin(onset_s / rng.uniform(4, 12) + rng.uniform(0, 7))
    loud = base + slope * (piece.pitch - 60) + accent + swell + rng.uniform(0, 10) * piece.upper
    velocity = np.clip(loud + rng.normal(0, 5, len(onset_s)), 5, 127)

    order = np.lexsort((piece.pitch, touched_s))
    notes = NoteTable(
        touched_s[order], offset_s[order], piece.pitch[order], velocity[order], np.zeros(0, dtype=np.float64)
    )
    kind = np.where(piece.downbeat, DOWNBEAT, BEAT).astype(np.int64)
    return notes, BeatTrack(at_s, kind, piece.beats, piece.beat_type)


def _beat_times(piece: WrittenPiece, rng: np.random.Generator) -> Floats:
    """A tempo for the piece, wandering from beat to beat; each beat lasts in proportion to its quarters."""
    length_q = np.diff(piece.beat_q, append=piece.beat_q[-1] + 1)
    length_q[-1] = length_q[-2] if len(length_q) > 1 else 1.0
    usual_q = float(np.median(length_q))
    onsets_per_beat = len(np.unique(piece.onset_q)) / len(piece.beat_q)
    shortest = max(BEAT_S[0], onsets_per_beat / ONSETS_PER_S[1])
    longest = max(shortest * 1.2, min(BEAT_S[1], onsets_per_beat / ONSETS_PER_S[0]))
    usual_s = np.exp(rng.uniform(np.log(shortest), np.log(longest)))

    count = len(length_q)
    drift = np.zeros(count)
    steps = rng.normal(0, rng.uniform(0.01, 0.05), count)
    for beat in range(1, count):
        drift[beat] = 0.9 * drift[beat - 1] + steps[beat]
    phrase = rng.choice([4, 8, 16]) * rng.uniform(0.9, 1.1)
    arch = rng.uniform(0, 0.08) * np.cos(2 * np.pi * np.arange(count) / phrase)
    slowing = rng.uniform(0, 0.5) * np.exp((np.arange(count) - count) / rng.uniform(1, 4))
    uneven = rng.normal(0, rng.uniform(0, 0.03), count)
    length_s = usual_s * length_q / usual_q * np.exp(drift + arch + slowing + uneven)
    return np.asarray(rng.uniform(0.1, 2) + np.concatenate([[0], np.cumsum(length_s)[:-1]]))


def _seconds(place_q: Floats, beat_q: Floats, beat_s: Floats) -> Floats:
    """Score positions in performed time, straight between beats and running on at the outermost beats' tempo."""
    ahead = (beat_s[-1] - beat_s[-2]) / (beat_q[-1] - beat_q[-2])
    behind = (beat_s[1] - beat_s[0]) / (beat_q[1] - beat_q[0])
    inside = np.interp(place_q, beat_q, beat_s)
    after = beat_s[-1] + (place_q - beat_q[-1]) * ahead
    before = beat_s[0] + (place_q - beat_q[0]) * behind
    return np.asarray(np.where(place_q > beat_q[-1], after, np.where(place_q < beat_q[0], before, inside)))
