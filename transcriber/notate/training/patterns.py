"""Train the metre model: `python -m transcriber.notate.training.patterns --data DIR --out metre.safetensors`.

Each example is a stretch of music with its annotated beats and with wrong ones made from them: twice or three times too
fast or too slow, crossing, or half a beat late. The model learns to rank the right beats first and to tell their metre;
that it has to find the downbeats too is an exercise, which leaves no weights behind.
"""

from __future__ import annotations

import argparse
import json
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
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from transcriber.notate.beatscores import METRES
from transcriber.notate.onsets import Floats, NoteTable, find_onsets, low_notes
from transcriber.notate.patternmodel import FAR, KERNEL, block_names
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
from transcriber.notate.training.rubato import play
from transcriber.notate.training.split import Wanted, add_choice
from transcriber.precision import autocast

DRAWS = 4  # examples of each composition
POP_DRAWS = 1  # songs are many and alike
POP_WEIGHT = 0.4  # how often a song is drawn, beside a classical stretch
BATCH = 8  # stretches, each with some ten grids
MOST_BEATS = 160  # of a grid seen at once
CHANNELS, HIDDEN = 64, 64
DILATIONS = (1, 2, 4, 8, 16)
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


class Block(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.spread = nn.Conv1d(channels, channels, KERNEL, dilation=dilation, padding="same")
        self.spread_norm = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout(0.15)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor, inside: Tensor) -> Tensor:
        active = self.spread_norm(self.spread(gelu(self.norm(hidden)) * inside))
        changed: Tensor = hidden + self.mix(self.dropout(gelu(active))) * inside
        return changed


class PatternNetwork(nn.Module):
    """The trainable twin of PatternModel, on many grids of different lengths at once."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.dropout = nn.Dropout(0.1)
        self.enter = nn.Conv1d(BEAT_FEATURES, CHANNELS, 1)
        self.blocks = nn.ModuleList(Block(CHANNELS, dilation) for dilation in DILATIONS)
        self.norm = nn.BatchNorm1d(CHANNELS)
        self.downbeat = nn.Conv1d(CHANNELS, 1, 1)
        self.summary_dropout = nn.Dropout(0.3)
        self.pool = nn.Linear(2 * CHANNELS, HIDDEN)
        self.out = nn.Linear(HIDDEN, len(METRES) + 1)

    def forward(self, features: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Downbeat logits (grids, beats), and (grids, METRES logits and a fit)."""
        inside = inside[:, None]
        standard = ((features - self.mean) / self.scale).clamp(-FAR, FAR).transpose(1, 2) * inside
        hidden = self.enter(self.dropout(standard)) * inside
        for block in self.blocks:
            hidden = block(hidden, inside)
        active = gelu(self.norm(hidden)) * inside
        mean = active.sum(dim=2) / inside.sum(dim=2)
        highest = active.masked_fill(inside == 0, -1.0).amax(dim=2)  # gelu is never below -0.2
        summary = self.summary_dropout(torch.cat([mean, highest], dim=1))
        out: Tensor = self.out(self.summary_dropout(gelu(self.pool(summary))))
        return self.downbeat(active)[:, 0], out

    @torch.no_grad()
    def folded(self) -> dict[str, Tensor]:
        """The weights as PatternModel reads them: each normalisation is a scale and a shift, or gone into its layer."""
        found: dict[str, Tensor | None] = {"mean": self.mean, "scale": self.scale}
        found |= {"enter.weight": self.enter.weight[:, :, 0], "enter.bias": self.enter.bias}
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            scale, shift = _affine(block.spread_norm)
            spread = block.spread.weight * scale[:, None, None]
            assert block.spread.bias is not None
            spread_bias = block.spread.bias * scale + shift
            parts = (*_affine(block.norm), spread, spread_bias, block.mix.weight[:, :, 0], block.mix.bias)
            found |= dict(zip(block_names(index), parts, strict=True))
        found["norm.weight"], found["norm.bias"] = _affine(self.norm)
        for name in ("pool", "out"):
            layer = getattr(self, name)
            found |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
        return {name: weight.detach().float().contiguous() for name, weight in found.items() if weight is not None}


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


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


def save(network: PatternNetwork, path: Path) -> None:
    """Write what PatternModel reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(network.folded(), path, metadata={"dilations": json.dumps(DILATIONS)})


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
