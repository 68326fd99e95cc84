"""Train the hand model on printed scores: which staff each note stands on.

    python -m transcriber.notate.training.hands --data DIR --performances FILE --out hands.safetensors

Sources: aligned performances (staff of the matched score note), hand-sequenced MIDI files with a track for each hand,
and plain scores played at a random tempo. Compositions are divided by `training.split`; the figures printed are the
share of notes on the right staff over the development and validation parts, next to a division at middle C.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import save_file

from transcriber.notate.linenetwork import FEATURES, LineInput, line_input
from transcriber.notate.training.linenetwork import LineNetwork, filled_up, train_lines
from transcriber.notate.training.pack import load_reader
from transcriber.notate.training.split import Part, add_choice, is_wanted, part

BATCH = 12  # excerpts
EXCERPT = 512  # notes
SHORTEST = 64  # notes; shorter pieces teach too little of their context
TRANSPOSE = 5  # semitones up or down at most: the piano's registers matter
MIDDLE_C = 60


@dataclass(frozen=True)
class HandPiece:
    """Notes in (onset, pitch) order. Shape of each array: (notes,); `right` is 1, 0 or nan where unknown."""

    work_group: int
    part: Part
    onset_s: npt.NDArray[np.float64]
    offset_s: npt.NDArray[np.float64]
    pitch: npt.NDArray[np.float64]
    right: npt.NDArray[np.float32]


def pieces(data: Path, performances: Path) -> Iterator[HandPiece]:
    """Every piece with known hands."""
    reader = load_reader(data)
    aligned = reader.Aligned()
    for index, meta in enumerate(aligned.meta):
        rows = aligned.rows(index)
        right = np.where(rows["row"] >= 0, 2.0 - rows["staff"], np.nan)
        yield _piece(meta["work_group"], rows["onset"], rows["offset"], rows["pitch"], right)
    beats, played = reader.Beats(), _load_performances(performances)
    for index, meta in enumerate(beats.meta):
        if meta["source"] == "CPM":
            hand = beats.quarters(index)[2]
            notes = beats.notes(index, played)
            right = np.select([hand == 1, hand == 2], [1.0, 0.0], np.nan)
            yield _piece(meta["work_group"], notes[:, 0], notes[:, 1], notes[:, 2], right)
    scores = reader.Scores()
    for index, meta in enumerate(scores.meta):
        rows = scores.score(index)
        quarter_s = 60.0 / np.random.default_rng(index).uniform(60, 160)
        length = np.where(rows["grace"], 0.1, rows["dur"] * quarter_s * 0.95)
        yield _piece(
            meta["work_group"],
            rows["on"] * quarter_s,
            rows["on"] * quarter_s + length,
            rows["pitch"],
            2.0 - rows["staff"],
        )


def report(model: LineNetwork, pool: list[HandPiece]) -> str:
    """Share of notes on the right staff by the network alone, and by a division at middle C, mean over pieces."""
    ours, middle = [], []
    for piece in pool:
        known = np.isfinite(piece.right)
        if known.any():
            scores = model.scores_of(line_input(piece.onset_s, piece.offset_s, piece.pitch))
            ours.append(np.mean((scores[known] > 0) == (piece.right[known] > 0.5)))
            middle.append(np.mean((piece.pitch[known] >= MIDDLE_C) == (piece.right[known] > 0.5)))
    return f"{len(ours)} pieces: network {100 * np.mean(ours):.2f} %, middle C {100 * np.mean(middle):.2f} %"


def _piece(work_group: int, onset: Any, offset: Any, pitch: Any, right: Any) -> HandPiece:
    order = np.lexsort((pitch, onset))
    return HandPiece(
        int(work_group),
        part(int(work_group)),
        np.asarray(onset, np.float64)[order],
        np.asarray(offset, np.float64)[order],
        np.asarray(pitch, np.float64)[order],
        np.asarray(right, np.float32)[order],
    )


def _excerpt(piece: HandPiece, rng: np.random.Generator) -> tuple[LineInput, npt.NDArray[np.float32]]:
    """Input and hands of EXCERPT notes in another key and tempo, blurred, with notes lost or added."""
    start = int(rng.integers(0, max(1, len(piece.pitch) - EXCERPT + 1)))
    window = slice(start, start + EXCERPT)
    onset, offset = piece.onset_s[window].copy(), piece.offset_s[window].copy()
    pitch, right = piece.pitch[window].copy(), piece.right[window].copy()
    faster = rng.uniform(0.75, 1.33)
    blur = rng.normal(0, 0.006, len(onset))
    offset = onset * faster + np.maximum(0.03, (offset - onset) * faster * rng.uniform(0.5, 1.5)) + blur
    onset = onset * faster + blur
    pitch = np.clip(pitch + rng.integers(-TRANSPOSE, TRANSPOSE + 1), 21, 108)
    kept = rng.random(len(pitch)) > rng.choice([0.0, 0.0, 0.05])
    onset, offset, pitch, right = onset[kept], offset[kept], pitch[kept], right[kept]
    strangers = int(len(pitch) * rng.choice([0.0, 0.0, 0.03]))
    if strangers:
        near = rng.integers(0, len(pitch), strangers)
        onset = np.append(onset, onset[near] + rng.uniform(0, 0.1, strangers))
        offset = np.append(offset, onset[-strangers:] + 0.2)
        pitch = np.append(pitch, np.clip(pitch[near] + rng.choice([-12, 12, 19, 24], strangers), 21, 108))
        right = np.append(right, np.full(strangers, np.nan, np.float32))
    order = np.lexsort((pitch, onset))[:EXCERPT]
    seen = line_input(onset[order], offset[order], pitch[order])
    return filled_up(seen, right[order], EXCERPT)


def _load_performances(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("performance_pack_reader", path.with_suffix(".py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Performances()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the aligned scores")
    parser.add_argument("--performances", type=Path, required=True, help="performances.npz, its reader beside it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1250)
    add_choice(parser)
    arguments = parser.parse_args()
    pool = [piece for piece in pieces(arguments.data, arguments.performances) if len(piece.pitch) >= SHORTEST]
    wanted = [piece for piece in pool if is_wanted(piece.work_group, arguments.learn)]
    model = train_lines(wanted, FEATURES, BATCH, arguments.steps, _excerpt)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, arguments.out)
    for name in ("development", "validation"):
        print(name, report(model, [piece for piece in pool if piece.part == name]))


if __name__ == "__main__":
    main()
