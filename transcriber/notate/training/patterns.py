"""Train the metre model: `python -m transcriber.notate.training.patterns --data DIR --out metre.safetensors`.

Each example is a stretch of music with its annotated beats and with wrong ones made from them: twice or three times too
fast or too slow, crossing, or half a beat late. The model learns to rank the right beats first and to tell their metre;
that it has to find the downbeats too is an exercise, which leaves no weights behind.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from transcriber.notate.beatscores import METRES
from transcriber.notate.onsets import Floats, NoteTable, find_onsets, low_notes
from transcriber.notate.patterns import BASS, BEAT_FEATURES, CHROMA, FEWEST_BEATS, STRETCH_S, beat_features
from transcriber.notate.regrid import snapped
from transcriber.notate.training.augmentation import augment
from transcriber.notate.training.corpus import (
    DOWNBEAT,
    NO_BEAT,
    BeatTrack,
    Piece,
    WrittenPiece,
    read_pieces,
    read_written_pieces,
)
from transcriber.notate.training.labels import metre_index
from transcriber.notate.training.patternnetwork import PatternNetwork, save
from transcriber.notate.training.rubato import play
from transcriber.notate.training.split import Wanted, add_choice
from transcriber.precision import autocast

DRAWS = 4  # examples of each composition
POP_DRAWS = 1  # songs are many and alike
POP_WEIGHT = 0.4  # how often a song is drawn, beside a classical stretch
BATCH = 8  # stretches, each with some ten grids
MOST_BEATS = 160  # of a grid seen at once
LEARNING_RATE = 2e-3
WARM_UP = 100  # steps
REPORT_EVERY = 250  # steps
SEED = 0


@dataclass(frozen=True, slots=True)
class Example:
    """One stretch: measurements (beats, BEAT_FEATURES) of the right grid, then of wrong ones.

    `downbeat`: which of the right beats begin a bar; `metre` -1 where it is unknown or changes.
    """

    grids: Sequence[NDArray[np.float16]]
    downbeat: NDArray[np.bool_]
    metre: int
    weight: float


class Batch(NamedTuple):
    """`features` (grids, beats, BEAT_FEATURES), `inside` (grids, beats) 0 or 1; `stretch` numbers each grid's music.

    `right` is the right grid of each stretch; `metre` (stretches,), `downbeat` (stretches, beats).
    """

    features: Tensor
    inside: Tensor
    stretch: Tensor
    right: Tensor
    metre: Tensor
    downbeat: Tensor


def wrong_grids(beat_s: Floats, rng: np.random.Generator) -> list[Floats]:
    """Beats as a listener might hear them wrongly."""
    last = len(beat_s) - 1

    def at(place: Floats) -> Floats:
        return np.asarray(np.interp(place, np.arange(last + 1), beat_s))

    faster = [at(np.arange(0, last + 1e-6, step)) for step in (1 / 2, 1 / 3, 1 / 4, 2 / 3, 3 / 4)]
    slower = [beat_s[rng.integers(step) :: step] for step in (2, 3, 4)]
    crossing = [at(np.arange(rng.integers(3) / 2, last + 1e-6, 3 / 2)), at(np.arange(rng.integers(4) / 3, last, 4 / 3))]
    return [*faster, *slower, *crossing, at(np.arange(0.5, last, 1.0))]


def draw(notes: NoteTable, track: BeatTrack, rng: np.random.Generator, weight: float = 1.0) -> Example | None:
    """One random stretch, augmented; None where it holds too little or its beats are unclear."""
    notes, track = augment(notes, track, rng)
    length_s = STRETCH_S * rng.uniform(0.6, 1.6)
    start_s = rng.uniform(track.time_s[0] - 0.1, max(track.time_s[0], track.time_s[-1] - length_s))
    inside = (track.time_s >= start_s) & (track.time_s < start_s + length_s)
    beat_s = track.time_s[inside]
    if len(beat_s) <= FEWEST_BEATS or (track.kind[inside] == NO_BEAT).any():
        return None
    signatures = set(zip(track.beats[inside].tolist(), track.beat_type[inside].tolist(), strict=True))
    metre = metre_index(*signatures.pop()) if len(signatures) == 1 else -1
    played = (notes.onset_s > beat_s[0] - 1) & (notes.onset_s < beat_s[-1] + 1)
    if played.sum() < FEWEST_BEATS:
        return None
    cut = NoteTable(
        notes.onset_s[played], notes.offset_s[played], notes.pitch[played], notes.velocity[played], notes.pedal_s
    )
    onsets = find_onsets(cut.onset_s)
    low_note = low_notes(cut, onsets)
    grids = [beat_s, *(grid for grid in wrong_grids(beat_s, rng) if len(grid) > FEWEST_BEATS)]
    # As the decoder does; else a beat that misses its onset by a hair would tell the wrong grids.
    grids = [np.where(near, onsets.time_s[at], grid) for grid in grids for near, at in [snapped(grid, onsets.time_s)]]
    measured = [beat_features(cut, onsets, low_note, grid).astype(np.float16) for grid in grids]
    return Example(measured, track.kind[inside][:-1] == DOWNBEAT, metre, weight)


def examples(data: Path, wanted: Wanted) -> list[Example]:
    rng = np.random.default_rng(SEED)
    compositions: dict[tuple[str, int], list[Piece | WrittenPiece]] = defaultdict(list)
    for piece in read_pieces(data, wanted):
        compositions[piece.source, piece.work_group].append(piece)
    for written in read_written_pieces(data, wanted):
        if len(written.beat_q) > 2 * FEWEST_BEATS:
            compositions["written", written.work_group].append(written)
    found = []
    for (source, _), choices in compositions.items():
        pop = source == "POP909"
        for _ in range(POP_DRAWS if pop else DRAWS):
            choice = choices[rng.integers(len(choices))]
            notes, track = play(choice, rng) if isinstance(choice, WrittenPiece) else (choice.notes, choice.track)
            drawn = draw(notes, track, rng, POP_WEIGHT if pop else 1.0)
            if drawn is not None:
                found.append(drawn)
    return found


def batch(drawn: Sequence[Example], rng: np.random.Generator) -> Batch:
    """In keys drawn at random; of a long grid only a part."""
    rows: list[NDArray[np.float32]] = []
    stretch: list[int] = []
    right: list[int] = []
    beats = min(MOST_BEATS, max(len(grid) for example in drawn for grid in example.grids))
    downbeat = np.zeros((len(drawn), beats), np.float32)
    for number, example in enumerate(drawn):
        right.append(len(rows))
        semitones = int(rng.integers(12))
        for place, grid in enumerate(example.grids):
            first = int(rng.integers(max(1, len(grid) - beats + 1)))
            row = grid[first : first + beats].astype(np.float32)
            for turned in (CHROMA, BASS):
                row[:, turned] = np.roll(row[:, turned], semitones, axis=1)
            if place == 0:
                downbeat[number, : len(row)] = example.downbeat[first : first + beats]
            rows.append(row)
            stretch.append(number)
    features = np.zeros((len(rows), beats, BEAT_FEATURES), np.float32)
    inside = np.zeros((len(rows), beats), np.float32)
    for number, row in enumerate(rows):
        features[number, : len(row)], inside[number, : len(row)] = row, 1
    metre = [example.metre for example in drawn]
    return Batch(
        torch.from_numpy(features),
        torch.from_numpy(inside),
        torch.tensor(stretch),
        torch.tensor(right),
        torch.tensor(metre),
        torch.from_numpy(downbeat),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Losses, and for each stretch whether its metre (of those known) and its right grid come first."""

    metre: Tensor
    fit: Tensor
    downbeat: Tensor
    right_metre: Tensor
    right_grid: Tensor

    @property
    def loss(self) -> Tensor:
        return self.metre + self.fit + self.downbeat


def judged(network: PatternNetwork, given: Batch) -> Verdict:
    with autocast(given.features.device):
        downbeat, out = network(given.features, given.inside)
    out, right = out.float(), given.right
    fit = out[:, len(METRES)].clamp(-30, 30)
    known = given.metre >= 0
    metre, wanted = out[right[known], : len(METRES)], given.metre[known]
    total = torch.zeros(len(right)).index_add(0, given.stretch, torch.exp(fit))
    best = torch.full((len(right),), -torch.inf).scatter_reduce(0, given.stretch, fit, "amax")
    inside = given.inside[right]
    odds = F.binary_cross_entropy_with_logits(downbeat[right].float(), given.downbeat, reduction="none")
    return Verdict(
        F.cross_entropy(metre, wanted, label_smoothing=0.05) if known.any() else out.sum() * 0,
        (torch.log(total) - fit[right]).mean(),
        (odds * inside).sum() / inside.sum(),
        (metre.argmax(1) == wanted).float(),
        (fit[right] >= best).float(),
    )


def train(data: Path, out: Path, steps: int, learn: Wanted = "train") -> None:
    torch.manual_seed(SEED)
    given, development = examples(data, learn), examples(data, "development")
    measured = torch.from_numpy(np.concatenate([example.grids[0] for example in given]).astype(np.float32))
    network = PatternNetwork(measured.mean(0), measured.std(0) + 0.05)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    weights = np.array([example.weight for example in given])
    rng = np.random.default_rng(SEED)
    started_s = time.monotonic()
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(step / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        chosen = rng.choice(len(given), BATCH, p=weights / weights.sum())
        verdict = judged(network, batch([given[index] for index in chosen], rng))
        optimizer.zero_grad()
        verdict.loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % REPORT_EVERY == 0 or step == steps:
            print(
                f"{step} {time.monotonic() - started_s:.0f} s  held out: {_held_out(network, development)}", flush=True
            )
            save(network, out)


def _held_out(network: PatternNetwork, development: Sequence[Example]) -> str:
    """Classical stretches alone: nearly every song is in 4/4."""
    classical = [example for example in development if example.weight == 1.0]
    rng = np.random.default_rng(SEED)
    network.eval()
    with torch.inference_mode():
        verdicts = [
            judged(network, batch(classical[first : first + BATCH], rng)) for first in range(0, len(classical), BATCH)
        ]
    network.train()
    losses = np.mean([[float(v.metre), float(v.fit), float(v.downbeat)] for v in verdicts], axis=0)
    metre, grid = (
        float(torch.cat([getattr(v, name) for v in verdicts]).mean()) for name in ("right_metre", "right_grid")
    )
    return f"metre {losses[0]:.3f}, {metre:.3f} right; grid {losses[1]:.3f}, {grid:.3f} right; downbeat {losses[2]:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with performances.npz and score/")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--steps", type=int, default=3300)
    add_choice(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(options.data, options.out, options.steps, options.learn)


if __name__ == "__main__":
    main()
