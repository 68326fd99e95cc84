"""What each part of the network is worth: variants taught side by side with the very same examples.

    python -m transcriber.listen.training.compare --data DIR --out runs/compare --steps 300

Each batch is made once and given to every variant, so that examples, their order and the number of steps are equal by
construction; so are the learning rates and, but for the last variant, the seed of the first weights. That last variant
is the design itself from other first weights: differences smaller than its distance from the first row are chance.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from transcriber.listen.features import BINS, CHANNELS, FRAME_S, Spectrograms
from transcriber.listen.network import ONSET, NetworkConfig, OnsetFrameNetwork
from transcriber.listen.training.examples import Material
from transcriber.listen.training.loop import Training, TrainingConfig, example_batches
from transcriber.listen.training.validation import Excerpt, load_maps, load_openings, validate
from transcriber.precision import autocast

SMALL = NetworkConfig(channels=32, dilations=(1, 2, 4, 8, 1))  # learns in minutes what the full size learns in hours
NEIGHBOURHOOD = tuple(2.0 ** (key / 12) for key in range(-4, 6))  # ten keys side by side: as many bins as ten partials
NEAREST_FRAME = 0.75  # what the triangle of an onset reaches in the frame nearest to it
Data = Annotated[Path, typer.Option(help="Folder with pianos/, performances.npz, maps_synth/, ir/, noise/, real/.")]
TIMED_FRAMES = 500  # 10 s, for the cost of the network


@dataclass(frozen=True)
class Variant:
    """One network, and what it is taught."""

    name: str
    network: NetworkConfig
    binary_onsets: bool = False  # an onset is 1 in the frame nearest to it and 0 beside it, without its exact time
    seed: int = 0


VARIANTS = (
    Variant("the design, small", SMALL),
    Variant("ten keys side by side instead of partials", replace(SMALL, harmonics=NEIGHBOURHOOD)),
    Variant("fine picture only", replace(SMALL, pictures=(0,))),
    Variant("quick picture only", replace(SMALL, pictures=(1,))),
    Variant("blocks over neighbouring keys only, no octaves", replace(SMALL, strides=(1,))),
    Variant("binary onsets instead of triangles", SMALL, binary_onsets=True),
    Variant("the design, other first weights", SMALL, seed=1),
)


@dataclass(frozen=True)
class Row:
    """Note F1 on each set of recordings, label delays removed; CPU time of the network alone, without features."""

    name: str
    parameters: int
    cpu_s_per_s: float
    f1: dict[str, float]


def binary(keys: Tensor) -> Tensor:
    """Key targets (batch, HEADS, frames, KEYS) whose onsets are 1 in the nearest frame and 0 elsewhere."""
    keys = keys.clone()
    keys[:, ONSET] = (keys[:, ONSET] >= NEAREST_FRAME).to(keys.dtype)
    return keys


def compare(
    variants: Sequence[Variant],
    material: Material,
    validation: dict[str, list[Excerpt]],
    config: TrainingConfig,
    device: torch.device,
) -> list[Row]:
    """Train all of `variants` for `config.steps` on the same batches; one row each, in their order."""
    trainings = []
    for variant in variants:
        torch.manual_seed(variant.seed)
        trainings.append(Training(OnsetFrameNetwork(variant.network), config, device))
    spectrograms = Spectrograms().to(device)
    started = time.monotonic()
    for step, (samples, keys, pedal) in enumerate(example_batches(material, config, seed=config.seed)):
        if step >= config.steps:
            break
        with torch.no_grad():
            pictures = spectrograms(samples.to(device))
        for variant, training in zip(variants, trainings, strict=True):
            training.learn(pictures, binary(keys) if variant.binary_onsets else keys, pedal)
        if (step + 1) % 10 == 0:
            typer.echo(f"step {step + 1} of {config.steps}, {time.monotonic() - started:.0f} s", err=True)
    rows = []
    for variant, training in zip(variants, trainings, strict=True):
        found = validate(validation, training.average, training.spectrograms, device)
        network = training.average
        parameters = sum(parameter.numel() for parameter in network.parameters())
        rows.append(Row(variant.name, parameters, network_cost(network, device), found.f1))
    return rows


def real_recordings(data: Path) -> dict[str, list[Excerpt]]:
    """What short runs are judged by."""
    return {
        "MAPS excerpts": load_maps(data / "real" / "maps"),
        "MAESTRO openings": load_openings(data / "real" / "maestro_openings", limit=80),
    }


def brief(steps: int, batch: int, seconds: float, rate: float, recorded: float) -> TrainingConfig:
    """Of a run that is over in minutes."""
    return TrainingConfig(
        steps=steps,
        cooldown=steps // 3,
        warm_up=max(1, min(TrainingConfig.warm_up, steps // 6)),
        batch=batch,
        seconds=seconds,
        recorded=recorded,
        rate=rate,
        ema=0.98,  # remembers the last fifty steps: a short run moves fast
        workers=0,
    )


@torch.inference_mode()
def network_cost(network: OnsetFrameNetwork, device: torch.device) -> float:
    """CPU-seconds for each second of sound; the best of three, since other work on the machine only ever adds."""
    pictures = torch.zeros(1, CHANNELS, TIMED_FRAMES, BINS, device=device)
    costs = []
    for _ in range(3):
        started = time.process_time()
        with autocast(device):
            network(pictures)
        costs.append((time.process_time() - started) / (TIMED_FRAMES * FRAME_S))
    return min(costs)


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table, the first one's F1 as it is and the others' with their distance from it."""
    sets = list(rows[0].f1)
    lines = [
        "| variant | " + " | ".join(f"note F1, {name}" for name in sets) + " | parameters | network, CPU-s per s |",
        "|---" * (len(sets) + 3) + "|",
    ]
    for row in rows:
        cells = [
            f"{row.f1[name]:.3f}" + ("" if row is rows[0] else f" ({row.f1[name] - rows[0].f1[name]:+.3f})")
            for name in sets
        ]
        lines.append(f"| {row.name} | {' | '.join(cells)} | {row.parameters:,} | {row.cpu_s_per_s:.3f} |")
    return "\n".join(lines) + "\n"


def report(rows: Sequence[Row], stem: Path) -> None:
    """Print the rows, and write them as JSON and as a table."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    stem.with_suffix(".md").write_text(markdown(rows))
    typer.echo(markdown(rows))


def main(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for compare.json and compare.md.")],
    steps: int = 300,
    batch: int = 4,
    seconds: float = 5.0,
    rate: float = 3e-3,
    recorded: float = 0.35,
    threads: int = 1,
) -> None:
    torch.set_num_threads(threads)
    config = brief(steps, batch, seconds, rate, recorded)
    report(compare(VARIANTS, Material.load(data), real_recordings(data), config, torch.device("cpu")), out / "compare")


if __name__ == "__main__":
    typer.run(main)
