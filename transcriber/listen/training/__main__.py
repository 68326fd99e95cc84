"""python -m transcriber.listen.training: train the note model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from transcriber.listen import choose_device
from transcriber.listen.checkpoint import load
from transcriber.listen.network import NetworkConfig, OnsetFrameNetwork, grown
from transcriber.listen.training.examples import Material
from transcriber.listen.training.loop import Training, TrainingConfig, train
from transcriber.listen.training.validation import load_maps, load_openings


def main(
    data: Annotated[Path, typer.Option(help="Folder with pianos/, performances.npz, maps_synth/, ir/, noise/, real/.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and the log; goes on from what lies there.")],
    start: Annotated[
        Path | None, typer.Option(help="A note model to begin with, for instance the shipped one.")
    ] = None,
    steps: int = TrainingConfig.steps,
    cooldown: int = TrainingConfig.cooldown,
    batch: int = TrainingConfig.batch,
    seconds: float = TrainingConfig.seconds,
    recorded: float = TrainingConfig.recorded,
    rate: float = TrainingConfig.rate,
    ema: float = TrainingConfig.ema,
    muon: Annotated[bool, typer.Option("--muon", help="Muon moves the kernels of the blocks.")] = TrainingConfig.muon,
    validate_every: int = TrainingConfig.validate_every,
    workers: int = TrainingConfig.workers,
    without_piano: Annotated[list[str] | None, typer.Option(help="Keep this piano out of the training.")] = None,
    threads: int = 1,
) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(TrainingConfig.seed)
    device = choose_device("auto")
    config = TrainingConfig(
        steps=steps,
        cooldown=cooldown,
        batch=batch,
        seconds=seconds,
        recorded=recorded,
        rate=rate,
        ema=ema,
        muon=muon,
        validate_every=validate_every,
        workers=workers,
    )
    state = out / "state.pt"
    if state.exists():
        training = Training.resume(state, config, device)
    else:
        network = grown(load(start).network, NetworkConfig()) if start else OnsetFrameNetwork()
        training = Training(network, config, device)
    validation = {
        "maps": load_maps(data / "real" / "maps"),
        "openings": load_openings(data / "real" / "maestro_openings", limit=120),
    }
    train(training, Material.load(data, tuple(without_piano or ())), validation, out)


if __name__ == "__main__":
    typer.run(main)
