"""What the note model heard, kept small: how strongly each key is struck, sounds, and is in the sound, frame by frame.

A file is a line of JSON and then blocks of BLOCK_FRAMES frames, each compressed alone, so that a few seconds are read
without the rest:

    {"version": 1, "frame_s": 0.02, "latency_s": 0.0, "frames": 15000, "sizes": [bytes of each block]}

A block holds uint8 (frames, 3, KEYS): the onset and the frame curve as shares of 255, and the spectrogram, a band for
each semitone, where 0 is FLOOR_DB and 255 full scale. A minute takes some 0.3 MB.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transcriber.performance import KEYS, LOWEST_PITCH, Note

VERSION = 1
BLOCK_FRAMES = 250
FULL = 255
FLOOR_DB = -100.0
LONGEST_HEAD = 256 * 1024  # bytes: of an hour's 720 blocks it has some 5,000
ONSET, FRAME, SPECTRUM = range(3)

# A peak of the onset curve below this is its noise: on real excerpts, two of three of all peaks lie under it. Above it,
# a note has one rival on average.
LEAST_STRENGTH = 0.05
NEAR_S = 0.15  # what competes with a note is struck while its hammer still sounds
SAME_S = 0.05  # mir_eval's tolerance: two onsets of one key that near are one note
MOST_ALTERNATIVES = 8
RELATIONS = {
    0: ("again", "the same key, struck again"),
    1: ("semitone", "a semitone beside it"),
    12: ("octave", "an octave away: their partials coincide"),
    19: ("partial", "a twelfth away: the third partial"),
    24: ("octave", "two octaves away: their partials coincide"),
    28: ("partial", "two octaves and a third away: the fifth partial"),
}
BESIDE = ("beside", "another key at this moment")

Bytes = NDArray[np.uint8]


class Curves(NamedTuple):
    """Of successive frames: `onset` and `frame` (frames, KEYS), 0..1; `spectrum` (frames, KEYS), decibels."""

    onset: NDArray[np.floating[Any]]
    frame: NDArray[np.floating[Any]]
    spectrum: NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Alternative:
    """A note that was nearly written; `strength` of its stroke 0..1, `relation` and `why` in RELATIONS."""

    pitch: int
    strength: float
    onset_s: float
    relation: str
    why: str


@dataclass(frozen=True, slots=True)
class Window:
    """Frames from `start_s` on, as stored: uint8 (frames, 3, KEYS)."""

    start_s: float
    frame_s: float
    levels: Bytes


class EvidenceWriter:
    """Takes curves in the order of time; `data` is the file. `latency_s`: how late the curves show what they heard."""

    def __init__(self, frame_s: float, latency_s: float = 0.0) -> None:
        self._frame_s = frame_s
        self._latency_s = latency_s
        self._rest: Bytes = np.zeros((0, 3, KEYS), np.uint8)
        self._blocks: list[bytes] = []
        self._frames = 0

    def add(self, curves: Curves) -> None:
        loudness = (np.asarray(curves.spectrum, np.float32) - FLOOR_DB) / -FLOOR_DB
        shares = np.stack([curves.onset, curves.frame, loudness], axis=1, dtype=np.float32)
        levels = np.rint(np.clip(shares, 0.0, 1.0) * FULL).astype(np.uint8)
        self._frames += len(levels)
        levels = np.concatenate([self._rest, levels])
        whole = len(levels) // BLOCK_FRAMES * BLOCK_FRAMES
        self._blocks += [_packed(levels[at : at + BLOCK_FRAMES]) for at in range(0, whole, BLOCK_FRAMES)]
        self._rest = levels[whole:]

    def data(self) -> bytes:
        blocks = [*self._blocks, *([_packed(self._rest)] if len(self._rest) else [])]
        head = {
            "version": VERSION,
            "frame_s": self._frame_s,
            "latency_s": self._latency_s,
            "frames": self._frames,
            "sizes": [len(block) for block in blocks],
        }
        return json.dumps(head, separators=(",", ":")).encode() + b"\n" + b"".join(blocks)


def read_window(file: BinaryIO, start_s: float, end_s: float) -> Window:
    """The frames from `start_s` to `end_s` of a stored file, fewer where it ends. Raises ValueError on another file."""
    line = file.readline(LONGEST_HEAD)
    head = json.loads(line)
    if head.get("version") != VERSION:
        raise ValueError(f"evidence of version {head.get('version')}")
    frame_s, latency_s, frames = float(head["frame_s"]), float(head["latency_s"]), int(head["frames"])
    first = min(max(0, int((start_s + latency_s) / frame_s)), frames)
    last = min(max(first, int(np.ceil((end_s + latency_s) / frame_s))), frames)
    block, last_block = first // BLOCK_FRAMES, -(-last // BLOCK_FRAMES)
    places = list(accumulate(head["sizes"], initial=len(line)))
    file.seek(places[block] if block < len(places) else 0)
    levels = [_unpacked(file.read(size)) for size in head["sizes"][block:last_block]]
    found = np.concatenate([*levels, np.zeros((0, 3, KEYS), np.uint8)])
    offset = block * BLOCK_FRAMES
    return Window(first * frame_s - latency_s, frame_s, found[first - offset : last - offset])


def alternatives(window: Window, chosen: Note, written: Iterable[Note]) -> list[Alternative]:
    """What was struck near the chosen note and not written, the strongest first."""
    taken = [(note.pitch, note.onset_s) for note in written]
    found = [
        Alternative(pitch, round(strength, 3), round(onset_s, 3), *_relation(pitch - chosen.pitch))
        for pitch, strength, onset_s in _strokes(window)
        if abs(onset_s - chosen.onset_s) <= NEAR_S
        and not any(other == pitch and abs(other_s - onset_s) <= SAME_S for other, other_s in taken)
    ]
    return sorted(found, key=lambda other: (-other.strength, other.pitch))[:MOST_ALTERNATIVES]


def _strokes(window: Window) -> Iterator[tuple[int, float, float]]:
    """Every peak of the onset curve: pitch, strength 0..1, second."""
    onset = window.levels[:, ONSET].astype(np.int16)
    padded = np.pad(onset, ((1, 1), (0, 0)))
    peaks = (onset >= LEAST_STRENGTH * FULL) & (onset >= padded[:-2]) & (onset > padded[2:])
    for at, key in zip(*(places.tolist() for places in np.nonzero(peaks)), strict=True):
        yield LOWEST_PITCH + key, float(onset[at, key]) / FULL, window.start_s + at * window.frame_s


def _relation(semitones: int) -> tuple[str, str]:
    return RELATIONS.get(abs(semitones), BESIDE)


def _packed(levels: Bytes) -> bytes:
    """Differences from frame to frame compress to two thirds of the levels themselves."""
    return zlib.compress(np.diff(levels, axis=0, prepend=np.zeros((1, 3, KEYS), np.uint8)).tobytes(), 6)


def _unpacked(block: bytes) -> Bytes:
    changes = np.frombuffer(zlib.decompress(block), np.uint8).reshape(-1, 3, KEYS)
    return np.cumsum(changes, axis=0, dtype=np.uint8)
