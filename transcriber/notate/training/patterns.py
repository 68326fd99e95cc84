"""Train the metre model: `python -m transcriber.notate.training.patterns --data DIR --out metre.safetensors`.

Each example is a stretch of music with its annotated beats and with wrong ones made from them: twice or three times too
fast or too slow, crossing, or half a beat late. The model learns to tell the metre of the right beats and to rank the
right beats first.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from transcriber.notate.beatscores import METRES
from transcriber.notate.onsets import Floats, NoteTable, find_onsets, low_notes
from transcriber.notate.patterns import FAR, FEWEST_BEATS, PATTERN_FEATURES, STRETCH_S, pattern_features
from transcriber.notate.training.augmentation import augment
from transcriber.notate.training.corpus import NO_BEAT, BeatTrack, Piece, WrittenPiece, read_pieces, read_written_pieces
from transcriber.notate.training.labels import metre_index
from transcriber.notate.training.rubato import play
from transcriber.notate.training.split import Part

DRAWS = 4  # examples of each composition
POP_DRAWS = 1  # songs are many and alike
HIDDEN = 32
EPOCHS = 150  # the development loss rises from here on
SEED = 0


@dataclass(frozen=True, slots=True)
class Examples:
    """All grids: `features` (grids, PATTERN_FEATURES); `stretch` numbers the music each was measured on; the right
    grid of each stretch is `right`, and `metre` its metre (-1 unknown)."""

    features: Tensor
    stretch: Tensor
    right: Tensor
    metre: Tensor


def wrong_grids(beat_s: Floats, rng: np.random.Generator) -> list[Floats]:
    """Beats as a listener might hear them wrongly."""
    last = len(beat_s) - 1

    def at(place: Floats) -> Floats:
        return np.asarray(np.interp(place, np.arange(last + 1), beat_s))

    faster = [at(np.arange(0, last + 1e-6, step)) for step in (1 / 2, 1 / 3, 1 / 4, 2 / 3, 3 / 4)]
    slower = [beat_s[rng.integers(step) :: step] for step in (2, 3, 4)]
    crossing = [at(np.arange(rng.integers(3) / 2, last + 1e-6, 3 / 2)), at(np.arange(rng.integers(4) / 3, last, 4 / 3))]
    return [*faster, *slower, *crossing, at(np.arange(0.5, last, 1.0))]


def draw(notes: NoteTable, track: BeatTrack, rng: np.random.Generator) -> tuple[list[NDArray[np.float32]], int] | None:
    """Features of the right grid and the wrong ones over one random stretch, and the metre; None where unclear."""
    notes, track = augment(notes, track, rng)
    length_s = STRETCH_S * rng.uniform(0.5, 1.5)
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
    grids = [beat_s, *(grid for grid in wrong_grids(beat_s, rng) if len(grid) > FEWEST_BEATS)]
    low_note = low_notes(cut, onsets)
    return [pattern_features(cut, onsets, low_note, grid) for grid in grids], metre


def examples(data: Path, wanted: Part) -> Examples:
    rng = np.random.default_rng(SEED)
    compositions: dict[tuple[str, int], list[Piece | WrittenPiece]] = defaultdict(list)
    for piece in read_pieces(data, wanted):
        compositions["POP909" if piece.source == "POP909" else "performed", piece.work_group].append(piece)
    for written in read_written_pieces(data, wanted):
        if len(written.beat_q) > 2 * FEWEST_BEATS:
            compositions["written", written.work_group].append(written)
    features: list[NDArray[np.float32]] = []
    stretch: list[int] = []
    right: list[int] = []
    metres: list[int] = []
    for (source, _), choices in compositions.items():
        for _ in range(POP_DRAWS if source == "POP909" else DRAWS):
            choice = choices[rng.integers(len(choices))]
            notes, track = play(choice, rng) if isinstance(choice, WrittenPiece) else (choice.notes, choice.track)
            drawn = draw(notes, track, rng)
            if drawn is not None:
                rows, metre = drawn
                right.append(len(features))
                stretch += [len(metres)] * len(rows)
                metres.append(metre)
                features += rows
    return Examples(
        torch.from_numpy(np.stack(features)), torch.tensor(stretch), torch.tensor(right), torch.tensor(metres)
    )


class PatternNetwork(nn.Module):
    """The trainable twin of PatternModel: standardised features -> (METRES logits, fit)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(PATTERN_FEATURES, HIDDEN)
        self.out = nn.Linear(HIDDEN, len(METRES) + 1)
        self.dropout = nn.Dropout(0.3)

    def forward(self, standard: Tensor) -> Tensor:
        out: Tensor = self.out(self.dropout(torch.tanh(self.hidden(standard))))
        return out


def losses(out: Tensor, given: Examples) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the metre of right grids, and of picking the right grid among those of its stretch."""
    known = given.metre >= 0
    metre = F.cross_entropy(out[given.right[known], : len(METRES)], given.metre[known])
    fit = out[:, len(METRES)]
    total = torch.zeros(len(given.right)).index_add(0, given.stretch, torch.exp(fit.clamp(-30, 30)))
    return metre, (torch.log(total) - fit[given.right]).mean()


def accuracy(out: Tensor, given: Examples) -> tuple[float, float]:
    """Share of right metres and of stretches whose right grid has the best fit."""
    known = given.metre >= 0
    metre = (out[given.right[known], : len(METRES)].argmax(1) == given.metre[known]).float().mean()
    fit = out[:, len(METRES)]
    best = torch.full((len(given.right),), -torch.inf).scatter_reduce(0, given.stretch, fit, "amax")
    return float(metre), float((fit[given.right] >= best).float().mean())


def train(data: Path, out: Path) -> None:
    torch.manual_seed(SEED)
    given, development = examples(data, "train"), examples(data, "development")
    mean, scale = given.features.mean(0), given.features.std(0) + 1e-3
    standard, held_out = (((e.features - mean) / scale).clamp(-FAR, FAR) for e in (given, development))
    network = PatternNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=0.1)
    for epoch in range(1, EPOCHS + 1):
        network.train()
        optimizer.zero_grad()
        torch.stack(losses(network(standard), given)).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if epoch % 25 == 0:
            network.eval()
            with torch.inference_mode():
                predicted = network(held_out)
                metre, fit = losses(predicted, development)
                right_metre, right_grid = accuracy(predicted, development)
            print(
                f"{epoch}  held out: metre {metre:.3f}, {right_metre:.3f} right; grid {fit:.3f}, {right_grid:.3f} right"
            )
    weights = {
        "mean": mean,
        "scale": scale,
        "hidden_weight": network.hidden.weight,
        "hidden_bias": network.hidden.bias,
        "out_weight": network.out.weight,
        "out_bias": network.out.bias,
    }
    save_file({name: weight.detach().float().contiguous() for name, weight in weights.items()}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with performances.npz and score/")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(options.data, options.out)


if __name__ == "__main__":
    main()
