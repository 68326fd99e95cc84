"""Teach a trained note model to read peaks in their context (`listen/context.py`); the network itself stays as it is.

    python -m transcriber.listen.training.context CHECKPOINT --data DIR --work DIR --out CHECKPOINT [--examples 3000]

Examples are drawn as in the network's own training and heard by the network; each peak of its onset curve is labelled
by whether a note began there. `work` keeps what was heard, so that an interrupted run goes on, and one with more
examples uses the old ones. Fit the confidence anew afterwards: `eval/sweep.py`.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from transcriber.listen import checkpoint as checkpoints
from transcriber.listen.checkpoint import Checkpoint
from transcriber.listen.context import AFTER, BEFORE, CURVES, DROPOUT, ODDS_SCALE, Reader, find_peaks, padded
from transcriber.listen.features import FRAME_S, Spectrograms
from transcriber.listen.infer import answered
from transcriber.listen.network import OnsetFrameNetwork
from transcriber.listen.training.examples import Examples, Material
from transcriber.listen.training.pianos import Samples
from transcriber.performance import KEYS, LOWEST_PITCH

EXAMPLE_S = 14.9  # one chunk of the network
RECORDED = 0.25  # share of recordings among the examples, as where the network was taught
SHARD = 50  # examples in one file
SEED = 21
WITHIN_S = 0.05  # mir_eval's tolerance of onsets
HELD_OUT = 12  # one example in so many is not learned from
READINGS = 16
BATCH, CROP = 8, 200  # examples, and peaks of each
TRANSPOSED, STRETCHED = 4, 0.15  # semitones at most; logarithm of the tempo at most
RATE, DECAY, WARM_UP, COOL_DOWN = 2e-3, 0.02, 100, 0.4
EMA = 0.99
STATE_SCALE = 0.3
# What the odds of an example are moved by, together and one by one: the reader must not take them at their word.
SHARED_NOISE, NOISE = 0.15, 0.1
THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
COLUMNS = ("frame", "key", "curves", "state", "right")  # of HeardExample, with a row for each peak


@dataclass(frozen=True)
class HeardExample:
    """Peaks of one example: `frame`, `key`, `right` (peaks,), `curves` (peaks, CURVES), `state` (peaks, 2 * channels).

    `missed`: notes that begin at no peak.
    """

    frame: NDArray[np.int64]
    key: NDArray[np.int64]
    curves: NDArray[np.float32]
    state: NDArray[np.float16]
    right: NDArray[np.bool_]
    missed: int


class Taught(nn.Module):
    """What is learned: a reading of the network's last state, and the reader of these."""

    def __init__(self, mean: Tensor, spread: Tensor, readings: int = READINGS) -> None:
        """mean, spread: (channels,) of the state."""
        super().__init__()
        self.mean, self.spread = mean, spread
        self.reading = nn.Linear(len(mean), readings)
        self.reader = Reader(readings)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, curves: Tensor, state: Tensor, frame: Tensor, key: Tensor) -> Tensor:
        now_and_later = state.view(*state.shape[:-1], 2, len(self.mean))
        known = (now_and_later - self.mean) / self.spread * STATE_SCALE
        odds: Tensor = self.reader(
            torch.cat((curves, self.reading(self.dropout(known)).flatten(-2)), dim=-1), frame, key
        )
        return odds

    def built_into(self, network: OnsetFrameNetwork) -> OnsetFrameNetwork:
        """A network that answers as `network` does, and has this reader."""
        weight = self.reading.weight * STATE_SCALE / self.spread
        built = with_reading(network, weight, self.reading.bias - weight @ self.mean)
        assert built.reader is not None
        built.reader.load_state_dict(self.reader.state_dict())
        return built


def telling_all(network: OnsetFrameNetwork) -> OnsetFrameNetwork:
    """The network whose reading is its whole last state."""
    channels = network.config.channels
    return with_reading(network, torch.eye(channels), torch.zeros(channels))


@torch.no_grad()
def with_reading(network: OnsetFrameNetwork, weight: Tensor, bias: Tensor) -> OnsetFrameNetwork:
    """The network with another reading of its state, by `weight` (readings, channels) and `bias`, and a new reader."""
    other = OnsetFrameNetwork(replace(network.config, readings=len(bias)))
    kept = {name: value for name, value in network.state_dict().items() if not name.startswith(("reading.", "reader."))}
    other.load_state_dict(kept, strict=False)
    assert other.reading is not None
    assert other.reading.bias is not None
    other.reading.weight.copy_(weight[:, :, None, None])
    other.reading.bias.copy_(bias)
    return other.eval()


def hear(
    sound: Samples, notes: NDArray[np.floating], telling: OnsetFrameNetwork, spectrograms: Spectrograms
) -> HeardExample:
    """The peaks in a sound of EXAMPLE_S at most. `notes`: rows as the renderer has them."""
    (stretch,) = answered(sound, telling, spectrograms, torch.device("cpu"))
    around = padded(stretch)
    found = find_peaks(around.curves, around.reading, AFTER, AFTER + len(stretch.reading))
    frame = found.frame - AFTER
    right, missed = labels(frame, found.key, found.seen[:, BEFORE], notes)
    state = found.seen[:, CURVES:].astype(np.float16)
    return HeardExample(frame, found.key, found.seen[:, :CURVES], state, right, missed)


def labels(
    frame: NDArray[np.int64], key: NDArray[np.int64], height: NDArray[np.floating], notes: NDArray[np.floating]
) -> tuple[NDArray[np.bool_], int]:
    """Which peaks are onsets, and how many notes have none: each note, in order, takes the highest that is left."""
    right = np.zeros(len(frame), bool)
    of_key: dict[int, list[int]] = defaultdict(list)
    for index, own in enumerate(key.tolist()):
        of_key[own].append(index)
    missed = 0
    for onset_s, pitch in sorted(zip(notes[:, 0].tolist(), notes[:, 3].tolist(), strict=True)):
        near = [
            index
            for index in of_key[round(pitch) - LOWEST_PITCH]
            if not right[index] and abs(frame[index] * FRAME_S - onset_s) <= WITHIN_S
        ]
        if near:
            right[max(near, key=lambda index: float(height[index]))] = True
        else:
            missed += 1
    return right, missed


def gather(model: Checkpoint, material: Material, work: Path, count: int) -> list[HeardExample]:
    """`count` examples, those in `work` first; what is heard anew is stored there, SHARD at a time."""
    work.mkdir(parents=True, exist_ok=True)
    telling, spectrograms = telling_all(model.network), Spectrograms()
    examples = Examples(material, EXAMPLE_S, RECORDED, SEED)
    found: list[HeardExample] = []
    for number in range(-(-count // SHARD)):
        path = work / f"heard-{number:04}.npz"
        if not path.exists():
            rng = np.random.default_rng((SEED, number))
            heard = []
            for _ in range(SHARD):
                sound, segment = examples.draw(rng)
                begun = segment.notes[(segment.notes[:, 0] >= 0) & (segment.notes[:, 0] < EXAMPLE_S)]
                heard.append(hear(sound, begun, telling, spectrograms))
            store(heard, path)
            typer.echo(f"heard {SHARD * (number + 1)} of {count} examples")
        found += load(path)
    return found[:count]


def store(examples: Sequence[HeardExample], path: Path) -> None:
    columns = {name: np.concatenate([getattr(example, name) for example in examples]) for name in COLUMNS}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            **columns,
            count=[len(example.frame) for example in examples],
            missed=[example.missed for example in examples],
        )
    partial.replace(path)


def load(path: Path) -> list[HeardExample]:
    stored = np.load(path)
    ends = np.cumsum(stored["count"])[:-1]
    columns = [np.split(stored[name], ends) for name in COLUMNS]
    return [
        HeardExample(frame, key, curves, state, right, int(missed))
        for frame, key, curves, state, right, missed in zip(*columns, stored["missed"], strict=True)
    ]


def teach(examples: Sequence[HeardExample], steps: int, seed: int = 0) -> Taught:
    """AdamW on crops of CROP peaks; gives the running average of the weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    learned = [example for number, example in enumerate(examples) if number % HELD_OUT and len(example.frame)]
    state = np.concatenate([example.state for example in learned[:300]]).astype(np.float32)
    state = state.reshape(-1, state.shape[1] // 2)
    taught = Taught(torch.from_numpy(state.mean(axis=0)), torch.from_numpy(state.std(axis=0) + 0.1))
    average = copy.deepcopy(taught).eval()
    optimiser = torch.optim.AdamW(taught.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP, (steps - step) / (COOL_DOWN * steps))
    )
    running = 0.0
    for step in range(1, steps + 1):
        drawn = [varied(learned[i], rng) for i in rng.integers(len(learned), size=BATCH)]
        curves, seen, frame, key, right = crops(drawn, rng)
        noise = SHARED_NOISE * torch.randn(BATCH, 1, 1) + NOISE * torch.randn_like(curves)
        odds = taught(curves + noise, seen, frame, key)
        known = frame >= 0
        loss = functional.binary_cross_entropy_with_logits(odds[known], right[known])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(taught.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            for mean, weight in zip(average.parameters(), taught.parameters(), strict=True):
                mean.lerp_(weight, 1 - EMA)
        running += (loss.item() - running) / min(step, 100)
        if step % 500 == 0 or step == steps:
            typer.echo(f"step {step}: loss {running:.4f}; {report(average, examples[::HELD_OUT])}")
    return average


def varied(example: HeardExample, rng: np.random.Generator) -> HeardExample:
    """The same music in another key and at another tempo; what was heard around each peak stays."""
    lowest, highest = max(-TRANSPOSED, -int(example.key.min())), min(TRANSPOSED, KEYS - 1 - int(example.key.max()))
    slower = np.exp(rng.uniform(-STRETCHED, STRETCHED))
    return replace(
        example,
        key=example.key + rng.integers(lowest, highest + 1),
        frame=np.rint(example.frame * slower).astype(np.int64),
    )


def crops(examples: Sequence[HeardExample], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """CROP successive peaks of each, filled up with peaks of frame -1: curves, state, frame, key and right."""
    count = len(examples)
    curves = torch.zeros(count, CROP, CURVES)
    state = torch.zeros(count, CROP, examples[0].state.shape[1])
    frame, key = torch.full((count, CROP), -1), torch.zeros(count, CROP, dtype=torch.int64)
    right = torch.zeros(count, CROP)
    for row, example in enumerate(examples):
        start = int(rng.integers(max(1, len(example.frame) - CROP + 1)))
        own = slice(start, start + CROP)
        for column, values in (
            (curves, example.curves),
            (state, example.state),
            (frame, example.frame),
            (key, example.key),
            (right, example.right),
        ):
            column[row, : len(values[own])] = torch.from_numpy(values[own])
    return curves, state, frame, key, right


@torch.inference_mode()
def report(taught: Taught, examples: Sequence[HeardExample]) -> str:
    """Log loss of the peaks of examples that were not learned from; F1 of all their notes, and by the height alone."""
    odds = []
    for example in examples:
        if not len(example.frame):
            continue
        columns = (example.curves, example.state.astype(np.float32), example.frame, example.key)
        odds.append(taught(*map(torch.from_numpy, columns)).numpy())
    all_odds, right = np.concatenate(odds), np.concatenate([example.right for example in examples])
    loss = float(np.mean(np.logaddexp(0, np.where(right, -all_odds, all_odds))))
    played = int(np.count_nonzero(right)) + sum(example.missed for example in examples)
    heights = np.concatenate([example.curves[:, BEFORE] for example in examples]) * ODDS_SCALE
    best = [
        max(f1(scores >= np.log(chance / (1 - chance)), right, played) for chance in THRESHOLDS)
        for scores in (all_odds, heights)
    ]
    return f"held out: log loss {loss:.4f}, note F1 {best[0]:.4f}, by the peaks alone {best[1]:.4f}"


def f1(chosen: NDArray[np.bool_], right: NDArray[np.bool_], played: int) -> float:
    return 2 * int(np.count_nonzero(chosen & right)) / max(1, int(np.count_nonzero(chosen)) + played)


def main(
    checkpoint: Annotated[Path, typer.Argument(help="The trained note model.", exists=True)],
    data: Annotated[Path, typer.Option(help="Folder of pianos/, performances.npz, ir/, noise/ and maps_synth/.")],
    work: Annotated[Path, typer.Option(help="Keeps what was heard.")],
    out: Annotated[Path, typer.Option(help="Where the model with the reader goes.")],
    examples: Annotated[int, typer.Option(help="Of 15 s each.")] = 3000,
    steps: Annotated[int, typer.Option(help="Of training.")] = 5000,
) -> None:
    torch.set_num_threads(1)
    model = checkpoints.load(checkpoint)
    taught = teach(gather(model, Material.load(data), work, examples), steps)
    checkpoints.save(replace(model, network=taught.built_into(model.network)), out)


if __name__ == "__main__":
    typer.run(main)
