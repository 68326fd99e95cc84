"""Music that nobody wrote: the upper notes of one piece over the lower notes of another in the same metre.

What networks lack is compositions, not steps. Each hand brings its own evidence on beats and bars; in other company the
network has to learn what it says, and cannot know the piece.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.onsets import Floats, Ints, NoteTable
from transcriber.notate.training.compositions import Composition, Example, Signature, usual_signature
from transcriber.notate.training.corpus import DOWNBEAT, NO_BEAT, BeatTrack
from transcriber.performance import HIGHEST_PITCH, LOWEST_PITCH

MASHED, ONE_HAND, OCTAVES = 0.35, 0.08, 0.1  # shares of the examples of the beat network
TRIES = 4  # partners looked at
POP_SKIPPED = 0.8  # songs are many and alike
MIDDLE = 60  # the hands are parted near here
FEWEST_BARS, FEWEST_BEATS, FEWEST_NOTES = 6, 24, 20
PACE = 1.67  # the beats of the two differ in length by less than this factor
EARLY_S = 0.06  # a note so long before a beat still belongs to it
SHORTEST_S = 0.02


class Mashups:
    """Varies examples with the music of `compositions`."""

    def __init__(self, compositions: Iterable[Composition]) -> None:
        self._by_signature: dict[Signature, list[Composition]] = defaultdict(list)
        for composition in compositions:
            self._by_signature[composition.signature].append(composition)

    def vary(self, example: Example, rng: np.random.Generator) -> Example:
        """Sometimes a mashup, a while of one hand alone, or hands in other octaves; mostly the example itself."""
        notes, track = example
        choice = rng.random()
        if not len(notes.onset_s):
            return example
        if choice < MASHED:
            return self.mixed(example, rng) or example
        if choice < MASHED + ONE_HAND:
            return _one_hand_rests(notes, rng), track
        if choice < MASHED + ONE_HAND + OCTAVES:
            return _octaves_apart(notes, rng), track
        return example

    def mixed(self, example: Example, rng: np.random.Generator) -> Example | None:
        """With the other hand of another composition; None where none of those tried goes with it."""
        if not len(example[1].time_s):
            return None
        partners = self._by_signature.get(usual_signature(example[1]), [])
        for _ in range(TRIES if partners else 0):
            partner = partners[rng.integers(len(partners))]
            if partner.kind == "POP909" and rng.random() < POP_SKIPPED:
                continue
            found = mash(example, partner.draw(rng), rng)
            if found is not None:
                return found
        return None


def mash(host: Example, guest: Example, rng: np.random.Generator) -> Example | None:
    """One hand of the host, the other of the guest, bar on bar, at the host's tempo and in its key.

    None where they have too few beats or notes in common.
    """
    (notes, track), (others, other_track) = host, guest
    matched = _matched_beats(track, other_track, rng)
    if matched is None:
        return None
    own, other = matched
    beat_s, other_beat_s = track.time_s[own], other_track.time_s[other]
    ratio = float(np.median(np.diff(other_beat_s)) / np.median(np.diff(beat_s)))
    if not 1 / PACE < ratio < PACE:
        return None
    division, upper = _division(rng), rng.random() < 0.5
    kept = _taken(notes, _between(notes, beat_s) & ((notes.pitch >= division) == upper))
    added = _taken(others, _between(others, other_beat_s) & ((others.pitch >= division) != upper))
    if min(len(kept.onset_s), len(added.onset_s)) < FEWEST_NOTES:
        return None

    def moved(time_s: Floats) -> Floats:
        inside = np.interp(time_s, other_beat_s, beat_s)
        before = beat_s[0] + (time_s - other_beat_s[0]) / ratio
        after = beat_s[-1] + (time_s - other_beat_s[-1]) / ratio
        return np.where(time_s < other_beat_s[0], before, np.where(time_s > other_beat_s[-1], after, inside))

    onset_s = moved(added.onset_s)
    offset_s = np.maximum(moved(added.offset_s), onset_s + SHORTEST_S)
    pitch = added.pitch + _nearest_key(kept.pitch, added.pitch)
    pedal_s = notes.pedal_s[(notes.pedal_s > beat_s[0] - 1) & (notes.pedal_s < beat_s[-1] + 1)]
    together = NoteTable(
        np.concatenate([kept.onset_s, onset_s]),
        np.concatenate([kept.offset_s, offset_s]),
        np.concatenate([kept.pitch, pitch]),
        np.concatenate([kept.velocity, added.velocity]),
        pedal_s,
    )
    possible = (together.pitch >= LOWEST_PITCH) & (together.pitch <= HIGHEST_PITCH)
    return _in_order(_taken(together, possible)), BeatTrack(
        beat_s, track.kind[own], track.beats[own], track.beat_type[own]
    )


def _matched_beats(track: BeatTrack, other: BeatTrack, rng: np.random.Generator) -> tuple[slice, slice] | None:
    """Stretches of both, each from a downbeat on, in which bar lines and signatures are the same."""
    starts, other_starts = (np.flatnonzero(t.kind == DOWNBEAT) for t in (track, other))
    if min(len(starts), len(other_starts)) < FEWEST_BARS:
        return None
    if (track.kind == NO_BEAT).any() or (other.kind == NO_BEAT).any():
        return None
    first = int(starts[rng.integers(2)])
    other_first = int(other_starts[rng.integers(max(1, len(other_starts) // 3))])
    count = min(len(track.time_s) - first, len(other.time_s) - other_first)
    different = np.zeros(count, np.bool_)
    for name in ("kind", "beats", "beat_type"):
        column, other_column = getattr(track, name), getattr(other, name)
        different |= column[first : first + count] != other_column[other_first : other_first + count]
    count = int(different.argmax()) if different.any() else count
    return None if count < FEWEST_BEATS else (slice(first, first + count), slice(other_first, other_first + count))


def _nearest_key(pitches: Ints, others: Ints) -> int:
    """Semitones by which the others are moved so that both use the same keys."""
    used, other_used = (np.bincount(p % 12, minlength=12) + 0.5 for p in (pitches, others))
    likely = np.log(used / used.sum())
    return max(range(-5, 7), key=lambda semitones: float(likely @ np.roll(other_used, semitones)))


def _one_hand_rests(notes: NoteTable, rng: np.random.Generator) -> NoteTable:
    first_s, last_s = notes.onset_s[0], notes.onset_s[-1]
    length_s = rng.uniform(0.2, 0.7) * (last_s - first_s)
    start_s = rng.uniform(first_s, last_s - length_s)
    upper = (notes.pitch >= _division(rng)) == (rng.random() < 0.5)
    left = ~(upper & (notes.onset_s >= start_s) & (notes.onset_s < start_s + length_s))
    return _taken(notes, left) if left.sum() > 3 * FEWEST_NOTES else notes


def _octaves_apart(notes: NoteTable, rng: np.random.Generator) -> NoteTable:
    """Each hand, or one of them, an octave further out."""
    low = notes.pitch < _division(rng)
    down, up = rng.random(2) < 0.6
    pitch = notes.pitch - 12 * (low & down & (notes.pitch >= LOWEST_PITCH + 12))
    pitch = pitch + 12 * (~low & up & (notes.pitch <= HIGHEST_PITCH - 12))
    return _in_order(replace(notes, pitch=pitch))


def _division(rng: np.random.Generator) -> int:
    return MIDDLE + int(rng.integers(-4, 5))


def _between(notes: NoteTable, beat_s: Floats) -> NDArray[np.bool_]:
    return np.asarray((notes.onset_s >= beat_s[0] - EARLY_S) & (notes.onset_s < beat_s[-1] - EARLY_S / 2))


def _taken(notes: NoteTable, which: NDArray[np.bool_] | Sequence[int]) -> NoteTable:
    columns = (notes.onset_s[which], notes.offset_s[which], notes.pitch[which], notes.velocity[which])
    return NoteTable(*columns, notes.pedal_s)


def _in_order(notes: NoteTable) -> NoteTable:
    return _taken(notes, np.lexsort((notes.pitch, notes.onset_s)).tolist())
