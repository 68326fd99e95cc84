"""Pieces with notes and beats, read from the data folder: performances.npz, score/{aligned,beats,scores}.npz.

The archives hold all pieces end to end; `X_start[i]:X_start[i + 1]` cuts out piece i. Times are stored as differences.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.onsets import Floats, Ints, NoteTable
from transcriber.notate.training.split import Wanted, is_wanted
from transcriber.performance import PEDAL_DOWN

TICKS_PER_QUARTER = 10080
BEAT, DOWNBEAT, NO_BEAT = 0, 1, 2  # kinds of beat; NO_BEAT marks a place where the annotator could not set one
GRACE_OR_HIDDEN = 1 | 128  # flags of score notes
UNKNOWN_FIFTHS = 127

Archive = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BeatTrack:
    """`time_s`, `kind` and the time signature in force (`beats`, `beat_type`) at each annotated beat."""

    time_s: Floats
    kind: Ints
    beats: Ints
    beat_type: Ints


@dataclass(frozen=True, slots=True)
class Piece:
    """One performance with its beats. `source` names the collection, `name` the piece within it.

    `fifths`: sharps, or flats below 0, of the first key signature; None where nobody wrote one down.
    """

    source: str
    composer: str
    name: str
    work_group: int
    notes: NoteTable
    track: BeatTrack
    fifths: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenPiece:
    """One score without a performance: notes and felt beats in quarters; `upper` is true on the upper staff.

    `fifths`: sharps, or flats below 0, of the first key signature.
    """

    name: str
    work_group: int
    onset_q: Floats
    duration_q: Floats
    pitch: Ints
    upper: NDArray[np.bool_]
    beat_q: Floats
    downbeat: NDArray[np.bool_]
    beats: Ints
    beat_type: Ints
    fifths: int = 0


def read_pieces(data: Path, wanted: Wanted) -> list[Piece]:
    """Every performance of the wanted part that has notes and at least eight beats, in the order of the files."""
    performances = _load(data / "performances.npz")
    performed = json.loads(str(performances["meta"]))
    aligned, aligned_meta = _load(data / "score/aligned.npz"), _meta(data / "score/aligned_meta.json")["performances"]
    beats, beats_meta = _load(data / "score/beats.npz"), _meta(data / "score/beats_meta.json")["pieces"]
    pieces = []
    for index, meta in enumerate(aligned_meta):
        if is_wanted(meta["work_group"], wanted):
            notes = _notes(aligned, index, "p", prefix="p_")
            track = _track(aligned, index, "beat_num", "beat_den")
            pieces.append(_piece(meta, notes, track, _cut(aligned, "beat_fifths", "beat", index)))
    for index, meta in enumerate(beats_meta):
        identifier = meta["performances_id"]
        if is_wanted(meta["work_group"], wanted) and identifier is not None and identifier < len(performed):
            notes = _notes(performances, identifier, "note")
            track = _track(beats, index, "ts_num", "ts_den")
            pieces.append(_piece(meta, notes, track, _cut(beats, "fifths", "beat", index)))
    return [piece for piece in pieces if len(piece.track.time_s) >= 8 and len(piece.notes.onset_s)]


def read_written_pieces(data: Path, wanted: Wanted) -> list[WrittenPiece]:
    """Every score of the wanted part, without grace notes and hidden ornament realisations."""
    scores, meta = _load(data / "score/scores.npz"), _meta(data / "score/scores_meta.json")["scores"]
    return [_written(scores, index, m) for index, m in enumerate(meta) if is_wanted(m["work_group"], wanted)]


def _load(path: Path) -> Archive:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def _meta(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def _cut(archive: Archive, column: str, kind: str, index: int) -> NDArray[Any]:
    first, last = archive[f"{kind}_start"][index : index + 2]
    return archive[column][first:last]


def _running(archive: Archive, column: str, kind: str, index: int) -> NDArray[np.int64]:
    return np.cumsum(_cut(archive, column, kind, index).astype(np.int64))


def _piece(meta: dict[str, Any], notes: NoteTable, track: BeatTrack, fifths: NDArray[Any]) -> Piece:
    name = " ".join(filter(None, [meta["title"], str(meta.get("performance", ""))]))
    first = int(fifths[0]) if len(fifths) and fifths[0] != UNKNOWN_FIFTHS else None
    return Piece(meta["source"], meta["composer"], name, int(meta["work_group"]), notes, track, first)


def _notes(archive: Archive, index: int, kind: str, prefix: str = "") -> NoteTable:
    """Performed notes: `kind` names the table's `start` column, `prefix` stands before its other columns."""
    onset_s = _running(archive, f"{prefix}onset_delta_100us", kind, index) / 1e4
    offset_s = onset_s + _cut(archive, f"{prefix}duration_ms", kind, index) / 1e3
    pedal_s = _running(archive, "pedal_delta_ms", "pedal", index) / 1e3
    return _table(
        onset_s,
        offset_s,
        _cut(archive, f"{prefix}pitch", kind, index),
        _cut(archive, f"{prefix}velocity", kind, index),
        _presses(pedal_s, _cut(archive, "pedal_value", "pedal", index)),
    )


def _table(
    onset_s: Floats, offset_s: Floats, pitch: NDArray[Any], velocity: NDArray[Any], pedal_s: Floats
) -> NoteTable:
    order = np.lexsort((pitch, onset_s))
    return NoteTable(
        onset_s[order],
        offset_s[order],
        pitch[order].astype(np.int64),
        velocity[order].astype(np.float64),
        pedal_s,
    )


def _presses(time_s: Floats, value: NDArray[Any]) -> Floats:
    down = value >= PEDAL_DOWN
    pressed = down & ~np.concatenate([[False], down[:-1]])
    return np.asarray(time_s[pressed], dtype=np.float64)


def _track(archive: Archive, index: int, beats: str, beat_type: str) -> BeatTrack:
    time_s = _running(archive, "beat_delta_100us", "beat", index) / 1e4
    later = np.concatenate([[True], np.diff(time_s) > 0])
    columns = (_cut(archive, name, "beat", index)[later].astype(np.int64) for name in ("beat_kind", beats, beat_type))
    return BeatTrack(time_s[later], *columns)


def _written(archive: Archive, index: int, meta: dict[str, Any]) -> WrittenPiece:
    keep = (_cut(archive, "s_flags", "s", index) & GRACE_OR_HIDDEN) == 0
    beat_q, downbeat, beats, beat_type = [], [], [], []
    bars = zip(
        (_running(archive, "bar_on_delta", "bar", index) / TICKS_PER_QUARTER).tolist(),
        (_cut(archive, "bar_len", "bar", index) / TICKS_PER_QUARTER).tolist(),
        (_cut(archive, "bar_offset", "bar", index) / TICKS_PER_QUARTER).tolist(),
        _cut(archive, "bar_num", "bar", index).tolist(),
        _cut(archive, "bar_den", "bar", index).tolist(),
        strict=True,
    )
    for start_q, length_q, offset_q, number, kind in bars:
        compound = number % 3 == 0 and number > 3
        step_q = (12 if compound else 4) / kind
        place_q = -(-offset_q // step_q) * step_q  # first beat at or after the bar's first moment
        while place_q - offset_q < length_q - 1e-6:
            beat_q.append(start_q + place_q - offset_q)
            downbeat.append(place_q == 0)
            beats.append(number)
            beat_type.append(kind)
            place_q += step_q
    return WrittenPiece(
        meta["title"],
        int(meta["work_group"]),
        (_running(archive, "s_on_delta", "s", index) / TICKS_PER_QUARTER)[keep],
        (_cut(archive, "s_dur", "s", index) / TICKS_PER_QUARTER)[keep],
        _cut(archive, "s_pitch", "s", index)[keep].astype(np.int64),
        _cut(archive, "s_staff", "s", index)[keep] == 1,
        np.array(beat_q),
        np.array(downbeat, dtype=bool),
        np.array(beats, dtype=np.int64),
        np.array(beat_type, dtype=np.int64),
        int(_cut(archive, "bar_fifths", "bar", index)[0]),
    )
