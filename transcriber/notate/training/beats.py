"""Train the beat network: `python -m transcriber.notate.training.beats --data DIR [--steps N] [--run runs/beats]`.

Takes up again from the run folder's last checkpoint. What ships is the moving average of the weights, written beside it
as beats.safetensors.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from transcriber.notate.network import BeatNetwork, BeatNetworkConfig, save_network, split_heads
from transcriber.notate.onsets import NoteTable, find_onsets, onset_features
from transcriber.notate.training.augmentation import augment
from transcriber.notate.training.corpus import BeatTrack, Piece, WrittenPiece, read_pieces, read_written_pieces
from transcriber.notate.training.labels import label_onsets
from transcriber.notate.training.rubato import play
from transcriber.notate.training.split import Wanted, add_choice
from transcriber.precision import autocast

LENGTH = 448  # onsets in an example: about 90 s
BATCH = 16
LEARNING_RATE = 2e-3
WARM_UP = 100  # steps
AVERAGE = 0.998  # of the weights: about the last 500 steps
SAVE_EVERY = 200  # steps
# A quarter each for the scores, the sequenced and the pop performances would drown the human ones, which are the task.
SHARES = {"human": 0.45, "CPM": 0.2, "POP909": 0.12, "written": 0.23}
LOSS_WEIGHTS = {"beat": 1.0, "downbeat": 1.0, "period": 0.15, "bar": 0.15, "metre": 0.15}

Example = tuple[NoteTable, BeatTrack]
Source = Callable[[np.random.Generator], Example]


def sources(data: Path, wanted: Wanted) -> dict[str, list[list[Source]]]:
    """For each share, compositions, and for each composition the ways to draw a performance of it."""
    found: dict[str, dict[int, list[Source]]] = defaultdict(lambda: defaultdict(list))
    for piece in read_pieces(data, wanted):
        share = piece.source if piece.source in SHARES else "human"
        found[share][piece.work_group].append(partial(_performed, piece))
    for written in read_written_pieces(data, wanted):
        if len(written.beat_q) >= 8:
            found["written"][written.work_group].append(partial(_played, written))
    return {share: list(compositions.values()) for share, compositions in found.items()}


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


def batch(pool: dict[str, list[list[Source]]], rng: np.random.Generator) -> list[Tensor]:
    """Features (BATCH, LENGTH, FEATURES), then beat, downbeat, period, bar, metre and weight of each onset."""
    shares = list(SHARES)
    rows: list[list[NDArray[Any]]] = []
    for share in rng.choice(shares, BATCH, p=[SHARES[share] for share in shares]):
        compositions = pool[share]
        performances = compositions[rng.integers(len(compositions))]
        notes, track = augment(*performances[rng.integers(len(performances))](rng), rng)
        onsets = find_onsets(notes.onset_s)
        labels = label_onsets(onsets.time_s, track)
        features = onset_features(notes, onsets)
        heads = (labels.beat, labels.downbeat, labels.period, labels.bar, labels.metre)
        rows.append([_fit(column) for column in (features, *heads, labels.weight)])
    return [torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)]


def _fit(column: NDArray[Any]) -> NDArray[Any]:
    """Cut or pad with zeros to LENGTH rows; a padded row has weight 0."""
    column = column[:LENGTH]
    return np.pad(column, [(0, LENGTH - len(column))] + [(0, 0)] * (column.ndim - 1))


def losses(logits: Tensor, wanted: list[Tensor]) -> dict[str, Tensor]:
    """Mean cross-entropy of each head over the onsets that have a label."""
    beat, downbeat, period, bar, metre = split_heads(logits)
    beat_wanted, downbeat_wanted, period_wanted, bar_wanted, metre_wanted, weight = wanted
    total = weight.sum().clamp(min=1)

    def binary(logit: Tensor, target: Tensor) -> Tensor:
        return (F.binary_cross_entropy_with_logits(logit, target, reduction="none") * weight).sum() / total

    def spread(logit: Tensor, target: Tensor) -> Tensor:
        known = (target.sum(-1) > 0) * weight
        return (-(target * logit.log_softmax(-1)).sum(-1) * known).sum() / known.sum().clamp(min=1)

    known = (metre_wanted >= 0) * weight
    metre_loss = F.cross_entropy(metre.flatten(0, 1), metre_wanted.flatten().clamp(min=0), reduction="none")
    return {
        "beat": binary(beat, beat_wanted),
        "downbeat": binary(downbeat, downbeat_wanted),
        "period": spread(period, period_wanted),
        "bar": spread(bar, bar_wanted),
        "metre": (metre_loss * known.flatten()).sum() / known.sum().clamp(min=1),
    }


def total_loss(parts: dict[str, Tensor]) -> Tensor:
    return torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in parts.items()]).sum()


def train(data: Path, run: Path, steps: int, learn: Wanted = "train") -> None:
    """Train to `steps`, saving to `run` every SAVE_EVERY steps; a line of losses on fixed development pieces each."""
    torch.manual_seed(0)
    network = BeatNetwork(BeatNetworkConfig())
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True)  # type: ignore[no-untyped-call]
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.02)
    last = run / "last.pt"
    step = 0
    if last.exists():
        state = torch.load(last, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    run.mkdir(parents=True, exist_ok=True)
    pool = sources(data, learn)
    fixed = np.random.default_rng(1)
    development = sources(data, "development")
    held_out = [batch(development, fixed) for _ in range(4)]
    started_s, heard = time.monotonic(), dict.fromkeys(LOSS_WEIGHTS, 0.0)
    while step < steps:
        rng = np.random.default_rng((2, step))
        rate = LEARNING_RATE * min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        features, *wanted = batch(pool, rng)
        with autocast(features.device):
            logits = network(features)
        parts = losses(logits.float(), wanted)
        optimizer.zero_grad()
        total_loss(parts).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        heard = {name: heard[name] + parts[name].item() / SAVE_EVERY for name in heard}
        if step % SAVE_EVERY == 0 or step == steps:
            score = _held_out_losses(average.module, held_out)
            print(
                f"{step} {time.monotonic() - started_s:.0f} s  train {_line(heard)}  held out {_line(score)}",
                flush=True,
            )
            heard = dict.fromkeys(LOSS_WEIGHTS, 0.0)
            state = {"network": network.state_dict(), "average": average.state_dict()}
            torch.save({**state, "optimizer": optimizer.state_dict(), "step": step}, run / "new.pt")
            (run / "new.pt").replace(last)
            save_network(average.module, network.config, run / "beats.safetensors")


def _held_out_losses(network: nn.Module, batches: list[list[Tensor]]) -> dict[str, float]:
    network.eval()
    with torch.inference_mode():
        each = [losses(network(features), wanted) for features, *wanted in batches]
    network.train()
    return {name: float(np.mean([parts[name].item() for parts in each])) for name in LOSS_WEIGHTS}


def _line(values: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in values.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with performances.npz and score/")
    parser.add_argument("--run", type=Path, default=Path("runs/beats"), help="folder of checkpoints")
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--threads", type=int, default=1)
    add_choice(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options.data, options.run, options.steps, options.learn)


if __name__ == "__main__":
    main()
