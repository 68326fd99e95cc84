"""Compositions, and the ways to draw a performance of each: played by people, by hand-made files, or by a model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from transcriber.notate.onsets import NoteTable
from transcriber.notate.training.corpus import BeatTrack, Piece, WrittenPiece, read_pieces, read_written_pieces
from transcriber.notate.training.rubato import play
from transcriber.notate.training.split import Wanted

LENGTH = 448  # onsets in an excerpt: about 90 s
KINDS = ("human", "CPM", "POP909", "written")  # played by people, by hand-made files, pop songs, scores

Example = tuple[NoteTable, BeatTrack]
Signature = tuple[int, int]
Source = Callable[[np.random.Generator], Example]


@dataclass(frozen=True, slots=True)
class Composition:
    """One composition of a kind; `signature` is the most frequent one of its first way to be played."""

    kind: str
    signature: Signature
    ways: list[Source]

    def draw(self, rng: np.random.Generator) -> Example:
        """A random stretch of one of its performances."""
        return self.ways[rng.integers(len(self.ways))](rng)


def compositions(data: Path, wanted: Wanted) -> dict[str, list[Composition]]:
    """The wanted part by kind."""
    found: dict[str, dict[int, list[Source]]] = defaultdict(lambda: defaultdict(list))
    signatures: dict[tuple[str, int], Signature] = {}

    def add(kind: str, group: int, signature: Signature, way: Source) -> None:
        found[kind][group].append(way)
        signatures.setdefault((kind, group), signature)

    for piece in read_pieces(data, wanted):
        kind = piece.source if piece.source in KINDS else "human"
        add(kind, piece.work_group, usual_signature(piece.track), partial(_performed, piece))
    for written in read_written_pieces(data, wanted):
        if len(written.beat_q) >= 8:
            add("written", written.work_group, usual_signature(written), partial(_played, written))
    return {
        kind: [Composition(kind, signatures[kind, group], ways) for group, ways in groups.items()]
        for kind, groups in found.items()
    }


def usual_signature(track: BeatTrack | WrittenPiece) -> Signature:
    """The signature of most beats. Raises IndexError where there are none."""
    pairs = zip(track.beats.tolist(), track.beat_type.tolist(), strict=True)
    return Counter(pairs).most_common(1)[0][0]


def _performed(piece: Piece, rng: np.random.Generator) -> Example:
    return _excerpt(piece.notes, piece.track, rng)


def _played(piece: WrittenPiece, rng: np.random.Generator) -> Example:
    return _excerpt(*play(piece, rng), rng)


def _excerpt(notes: NoteTable, track: BeatTrack, rng: np.random.Generator) -> Example:
    """A random stretch that holds about LENGTH onsets."""
    count = len(notes.onset_s)
    length = LENGTH * 3
    start = int(np.clip(rng.integers(-LENGTH // 2, max(count - LENGTH, 1)), 0, None))
    window = slice(start, start + length)
    first_s, last_s = notes.onset_s[window][0], notes.onset_s[window][-1]
    cut = NoteTable(
        notes.onset_s[window],
        notes.offset_s[window],
        notes.pitch[window],
        notes.velocity[window],
        notes.pedal_s[(notes.pedal_s > first_s - 2) & (notes.pedal_s < last_s + 2)],
    )
    near = (track.time_s > first_s - 12) & (track.time_s < last_s + 12)
    return cut, BeatTrack(track.time_s[near], track.kind[near], track.beats[near], track.beat_type[near])
