"""The trainable twin of `notate/linenetwork.py`, and how it is taught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from transcriber.notate.linenetwork import CHANNELS, DILATIONS, KERNEL, NEIGHBOURS, LineInput
from transcriber.precision import autocast

SEED = 7
LEARNING_RATE = 4e-3  # reached after a twentieth of the steps, and falling to nothing over the last third
RISE, FALL = 0.05, 0.35

Labels = npt.NDArray[np.float32]  # (notes,): 1, 0 or nan where unknown


class Taught(Protocol):
    """Notes that are learned from: one performance or score of a composition."""

    @property
    def work_group(self) -> int: ...
    @property
    def pitch(self) -> npt.NDArray[np.float64]: ...


Piece = TypeVar("Piece", bound=Taught)


class LineNetwork(nn.Module):
    """Shape: (batch, notes, features), (batch, notes, NEIGHBOURS) -> (batch, notes), log odds."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, CHANNELS)
        self.blocks = nn.ModuleList(nn.Linear((KERNEL + NEIGHBOURS) * CHANNELS, CHANNELS) for _ in DILATIONS)
        self.leave = nn.Linear(CHANNELS, 1)

    def forward(self, features: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
        batch, count, _ = features.shape
        state = torch.relu(self.enter(features))
        # Each excerpt is followed by one silent note, which stands for the neighbours that do not exist.
        start = (torch.arange(batch) * (count + 1))[:, None, None]
        index = (torch.where(neighbours >= 0, neighbours, count) + start).reshape(-1)
        for block, dilation in zip(self.blocks, DILATIONS, strict=True):
            reach = dilation * (KERNEL // 2)
            padded = nn.functional.pad(state, (0, 0, reach, reach))
            taps = [padded[:, tap * dilation : tap * dilation + count] for tap in range(KERNEL)]
            silent = nn.functional.pad(state, (0, 0, 0, 1)).reshape(-1, CHANNELS)
            lines = silent[index].reshape(batch, count, NEIGHBOURS * CHANNELS)
            state = state + torch.relu(block(torch.cat([*taps, lines], dim=2)))
        scores: torch.Tensor = self.leave(state)[..., 0]
        return scores

    def scores_of(self, seen: LineInput) -> npt.NDArray[np.float32]:
        """Log odds of one piece's notes. Shape: (notes,)."""
        with torch.inference_mode():
            scores = self(torch.from_numpy(seen.features)[None], torch.from_numpy(seen.neighbours)[None])[0]
        return np.asarray(scores.numpy())


def train_lines(
    pool: Sequence[Piece],
    features: int,
    batch: int,
    steps: int,
    excerpt: Callable[[Piece, np.random.Generator], tuple[LineInput, Labels]],
) -> LineNetwork:
    """AdamW on batches of random excerpts, drawn by the root of their pieces' lengths.

    Performances of one composition share a part. Every `excerpt` has the same number of notes.
    """
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    model = LineNetwork(features)
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / (RISE * steps), (steps - step) / (FALL * steps))
    )
    performances = Counter(piece.work_group for piece in pool)
    chance = np.array([len(piece.pitch) ** 0.5 / performances[piece.work_group] ** 0.6 for piece in pool])
    chance /= chance.sum()
    running = 0.0
    for step in range(1, steps + 1):
        drawn = [excerpt(pool[choice], rng) for choice in rng.choice(len(pool), batch, p=chance)]
        columns = torch.from_numpy(np.stack([seen.features for seen, _ in drawn]))
        neighbours = torch.from_numpy(np.stack([seen.neighbours for seen, _ in drawn]))
        wanted = torch.from_numpy(np.stack([labels for _, labels in drawn]))
        known = torch.isfinite(wanted)
        with autocast(columns.device):
            scores = model(columns, neighbours)
        loss = nn.functional.binary_cross_entropy_with_logits(scores[known].float(), wanted[known])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running += (loss.item() - running) / min(step, 100)
        if step % 200 == 0:
            print(f"step {step}  loss {running:.4f}", flush=True)
    return model


def filled_up(seen: LineInput, labels: Labels, count: int) -> tuple[LineInput, Labels]:
    """The excerpt with silent, unlabelled notes at its end, `count` in all."""
    missing = count - len(labels)
    return (
        LineInput(
            np.pad(seen.features, ((0, missing), (0, 0))),
            np.pad(seen.neighbours, ((0, missing), (0, 0)), constant_values=-1),
        ),
        np.pad(labels, (0, missing), constant_values=np.nan),
    )
