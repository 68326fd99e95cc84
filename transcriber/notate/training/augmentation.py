"""What else could have been played or heard: other tempos, keys and touch, and the errors of a transcriber."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from transcriber.notate.onsets import Floats, NoteTable
from transcriber.notate.training.corpus import BeatTrack
from transcriber.performance import HIGHEST_PITCH, LOWEST_PITCH

STRETCH = (0.7, 1.4)
TRANSCRIBED = 0.6  # share of the examples that get a transcriber's errors
MISSING = EXTRA = 0.1  # at most this share of the notes; a good transcriber errs on about 5 %
JITTER_S = 0.02
GHOST_INTERVALS = (12, -12, 19, 24, 7)  # partials that are mistaken for notes


def augment(notes: NoteTable, track: BeatTrack, rng: np.random.Generator) -> tuple[NoteTable, BeatTrack]:
    """One random variation of a performance; beats move with the notes."""
    if not len(notes.onset_s):
        return notes, track
    notes, track = _warp(notes, track, rng)
    notes = _touch(notes, rng)
    if rng.random() < TRANSCRIBED:
        notes = mishear(notes, rng)
    return notes, track


def _warp(notes: NoteTable, track: BeatTrack, rng: np.random.Generator) -> tuple[NoteTable, BeatTrack]:
    """Stretch time by one factor and bend it a little every few seconds."""
    first_s, last_s = notes.onset_s[0], notes.offset_s.max() + 1
    knots = np.arange(first_s - 10, last_s + 10, rng.uniform(2, 6))
    speed = np.exp(rng.uniform(*np.log(STRETCH)) + rng.normal(0, rng.uniform(0, 0.08), len(knots)))
    warped = np.concatenate([[0], np.cumsum(np.diff(knots) * speed[1:])])

    def moved(time_s: Floats) -> Floats:
        return np.asarray(np.interp(time_s, knots, warped), dtype=np.float64)

    onset_s = moved(notes.onset_s)
    offset_s = np.maximum(moved(notes.offset_s), onset_s + 0.01)
    inside = (track.time_s > knots[0]) & (track.time_s < knots[-1])
    track = BeatTrack(moved(track.time_s[inside]), track.kind[inside], track.beats[inside], track.beat_type[inside])
    pedal_s = notes.pedal_s[(notes.pedal_s > knots[0]) & (notes.pedal_s < knots[-1])]
    return replace(notes, onset_s=onset_s, offset_s=offset_s, pedal_s=moved(pedal_s)), track


def _touch(notes: NoteTable, rng: np.random.Generator) -> NoteTable:
    """Another key, loudness, articulation, and often no pedal."""
    room_up, room_down = HIGHEST_PITCH - notes.pitch.max(), LOWEST_PITCH - notes.pitch.min()
    pitch = notes.pitch + int(np.clip(rng.integers(-6, 7), room_down, room_up))
    centre = notes.velocity.mean()
    spread = 0.0 if rng.random() < 0.05 else rng.uniform(0.5, 1.4)
    velocity = np.clip(centre + rng.normal(0, 15) + spread * (notes.velocity - centre), 1, 127)
    length_s = notes.offset_s - notes.onset_s
    choice = rng.random()
    if choice < 0.25:
        length_s = length_s * rng.uniform(0.4, 2.0)
    elif choice < 0.35:
        length_s = np.maximum(length_s, rng.uniform(0.2, 2.0))
    pedal_s = notes.pedal_s if rng.random() < 0.6 else notes.pedal_s[:0]
    return NoteTable(notes.onset_s, notes.onset_s + length_s, pitch, velocity, pedal_s)


def mishear(notes: NoteTable, rng: np.random.Generator) -> NoteTable:
    """Lose notes (soft ones first), add partials, repeats and strays, blur onsets and ends."""
    count = len(notes.onset_s)
    softness = 1.5 - notes.velocity / 127
    kept = rng.random(count) > rng.uniform(0, MISSING) * softness
    kept[rng.integers(count)] = True
    onset_s, offset_s = notes.onset_s[kept], notes.offset_s[kept]
    pitch, velocity = notes.pitch[kept], notes.velocity[kept]
    onset_s = onset_s + rng.normal(0, rng.uniform(0.002, JITTER_S), len(onset_s))
    offset_s = np.maximum(onset_s + (offset_s - onset_s) * np.exp(rng.normal(0, 0.4, len(onset_s))), onset_s + 0.02)
    velocity = np.clip(velocity + rng.normal(0, 8, len(velocity)), 1, 127)

    extra = rng.choice(len(onset_s), int(rng.uniform(0, EXTRA) * len(onset_s)))
    ghost_pitch = np.where(
        rng.random(len(extra)) < 0.3, pitch[extra], pitch[extra] + rng.choice(GHOST_INTERVALS, len(extra))
    )
    late = rng.random(len(extra)) < 0.5
    ghost_s = onset_s[extra] + np.where(
        late, rng.uniform(0.05, 1, len(extra)) * (offset_s[extra] - onset_s[extra]), rng.normal(0, 0.01, len(extra))
    )
    possible = (ghost_pitch >= LOWEST_PITCH) & (ghost_pitch <= HIGHEST_PITCH)
    ghost_s, ghost_pitch = ghost_s[possible], ghost_pitch[possible]
    ghost_velocity = velocity[extra][possible] * rng.uniform(0.4, 1.0, len(ghost_s))
    all_onset_s, all_pitch = np.concatenate([onset_s, ghost_s]), np.concatenate([pitch, ghost_pitch])
    order = np.lexsort((all_pitch, all_onset_s))
    return NoteTable(
        all_onset_s[order],
        np.concatenate([offset_s, ghost_s + rng.uniform(0.03, 0.5, len(ghost_s))])[order],
        all_pitch[order],
        np.concatenate([velocity, ghost_velocity])[order],
        notes.pedal_s,
    )
