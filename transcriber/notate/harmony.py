"""Chord symbols: what a guitarist would read above the staff, named from what sounds in each beat.

Each beat's pitch classes, weighed by how long they sound, are explained by a root and a kind of chord; a Viterbi search
over the beats keeps a chord until the notes clearly leave it, more readily at a bar line than within the bar.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.measures import BarSpan
from transcriber.notate.rhythm import Placed
from transcriber.notate.spelling import pitch_at
from transcriber.notate.timeline import TICKS, in_ticks
from transcriber.score import ChordSymbol, KeySignature, SpelledPitch, Step

Floats = NDArray[np.float64]

# Semitones above the root. The handicap, in nats for a beat, keeps rare kinds for where the notes ask for them; those
# of the last two exceed BASS_ROOT: the third or fifth of a common triad in the bass is not to pass for a root.
KINDS: dict[str, tuple[tuple[int, ...], float]] = {
    "major": ((0, 4, 7), 0.0),
    "minor": ((0, 3, 7), 0.0),
    "dominant": ((0, 4, 7, 10), 0.1),
    "minor-seventh": ((0, 3, 7, 10), 0.2),
    "major-seventh": ((0, 4, 7, 11), 0.3),
    "diminished": ((0, 3, 6), 0.2),
    "diminished-seventh": ((0, 3, 6, 9), 0.2),
    "half-diminished": ((0, 3, 6, 10), 0.3),
    "suspended-fourth": ((0, 5, 7), 0.7),
    "augmented": ((0, 4, 8), 1.0),
}
STRANGE = 0.15  # share of what sounds that is expected outside the chord: passing notes and suspensions
ROOT_SHARE = 1.3  # roots sound longer than other members of a chord, by about this factor
BASS_ROOT = 0.5  # nats for a chord whose root is the lowest note of the beat
STRUCK = TICKS // 8  # even the shortest note says something
# Nats for a new chord. A beat weighs one note's worth of evidence, so that a passing note of half a beat changes none.
CHANGE_AT_BAR, CHANGE_IN_BAR = 0.6, 1.4
SILENT = 1e-9


def chord_symbols(
    spans: Sequence[BarSpan],
    placed: Sequence[Placed],
    spelling: Mapping[int, SpelledPitch],
    key_of_bar: Sequence[KeySignature],
) -> list[tuple[int, ChordSymbol]]:
    """A symbol wherever the harmony changes, with the position of its bar among the printed ones."""
    beats = [
        (place, tick)
        for place, span in enumerate(spans)
        for tick in range(span.start, span.end, in_ticks(span.time.beat_q))
    ]
    edges = np.array([*(tick for _, tick in beats), spans[-1].end], dtype=np.float64)
    weights, basses = _sounding(placed, edges)
    at_bar = np.array([tick == spans[place].start for place, tick in beats])
    symbols: list[tuple[int, ChordSymbol]] = []
    names = _names_by_bar(spans, placed, spelling)
    shown: tuple[int, str, int | None] | None = None
    for index, (number, (place, tick)) in enumerate(zip(_chords(weights, basses, at_bar), beats, strict=True)):
        if weights[index].sum() < SILENT:
            continue
        kind_number, root = divmod(number, 12)
        kind = list(KINDS)[kind_number]
        inverted = basses[index] != root and (basses[index] - root) % 12 in KINDS[kind][0]
        bass = int(basses[index]) if inverted else None
        starts = shown is None or shown[:2] != (root, kind)
        if starts or (at_bar[index] and shown != (root, kind, bass)):
            fifths = key_of_bar[spans[place].index].fifths
            root_name = names[place].get(root) or _name(root, fifths)
            bass_name = None if bass is None else names[place].get(bass) or _name(bass, fifths)
            symbols.append((place, ChordSymbol(spans[place].position_q(tick), root_name, kind, bass_name)))
            shown = (root, kind, bass)
    return symbols


def _names_by_bar(
    spans: Sequence[BarSpan], placed: Sequence[Placed], spelling: Mapping[int, SpelledPitch]
) -> list[dict[int, tuple[Step, int]]]:
    """How the notes of each printed bar spell the pitch classes."""
    starts = [span.start for span in spans]
    names: list[dict[int, tuple[Step, int]]] = [{} for _ in spans]
    for note in placed:
        name = spelling.get(note.attack.source)
        if name is not None:
            place = max(0, bisect.bisect_right(starts, note.onset) - 1)
            names[place].setdefault(name.midi % 12, (name.step, name.alter))
    return names


def _sounding(placed: Sequence[Placed], edges: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """For each beat how much of it each pitch class sounds, together 1 where anything does, and its lowest pitch class.

    Shapes: (beats, 12), (beats,). Only what is struck or held in the beat counts, not what the pedal carries on.
    """
    count = len(edges) - 1
    weights = np.zeros((count, 12))
    lowest = np.full(count, 128)
    for note in placed:
        if note.onset >= edges[-1]:  # left out of a simple score, behind its last bar
            continue
        first = max(0, int(np.searchsorted(edges, note.onset, side="right")) - 1)
        last = max(first, min(count, int(np.searchsorted(edges, note.held - STRUCK, side="left"))) - 1)
        for beat in range(first, last + 1):
            inside = min(note.held, edges[beat + 1]) - max(note.onset, edges[beat])
            weights[beat, note.attack.pitch % 12] += max(float(inside), 0.0) + STRUCK
            lowest[beat] = min(lowest[beat], note.attack.pitch)
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.maximum(total, SILENT), lowest % 12


def _chords(weights: Floats, basses: NDArray[np.int64], at_bar: NDArray[np.bool_]) -> list[int]:
    """The likeliest chord of each beat: 12 times the number of its kind, plus its root."""
    profiles, handicaps = _profiles()
    likely = 3 * weights @ np.log(profiles).T - handicaps
    roots = np.arange(len(profiles)) % 12
    likely += BASS_ROOT * (basses[:, None] == roots) * (weights.sum(axis=1, keepdims=True) > SILENT)
    best = likely[0]
    back = []
    for beat in range(1, len(likely)):
        cost = CHANGE_AT_BAR if at_bar[beat] else CHANGE_IN_BAR
        leader = int(best.argmax())
        stays = best >= best[leader] - cost
        back.append(np.where(stays, np.arange(len(best)), leader))
        best = np.where(stays, best, best[leader] - cost) + likely[beat]
    chord = int(best.argmax())
    path = [chord]
    for source in reversed(back):
        chord = int(source[chord])
        path.append(chord)
    return path[::-1]


@cache
def _profiles() -> tuple[Floats, Floats]:
    """What share of a beat each pitch class is expected to sound in each chord, (chords, 12), and their handicaps."""
    rows, handicaps = [], []
    for members, handicap in KINDS.values():
        row = np.full(12, STRANGE / (12 - len(members)))
        shares = np.array([ROOT_SHARE if member == 0 else 1.0 for member in members])
        row[list(members)] = (1 - STRANGE) * shares / shares.sum()
        rows += [np.roll(row, root) for root in range(12)]
        handicaps += [handicap] * 12
    return np.array(rows), np.array(handicaps)


def _name(pitch_class: int, fifths: int) -> tuple[Step, int]:
    """The name of a pitch class that no note spells: the one nearest to the key on the line of fifths."""
    place = pitch_class * 7 + 12 * round((fifths + 2 - pitch_class * 7) / 12)
    name = pitch_at(60 + pitch_class, place)
    return name.step, name.alter
