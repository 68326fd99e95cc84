"""The mean of note models that were taught in one run or from one another: steadier than each of them.

    python -m transcriber.listen.training.average A.safetensors B.safetensors ... --out MEAN.safetensors

Weights and the statistics of the norms are averaged (Wortsman et al., "Model soups", 2022); the decoder is that of
the first, to be fitted anew (`eval/sweep.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from transcriber.listen.checkpoint import Checkpoint, load, save


@torch.no_grad()
def average(models: Sequence[Checkpoint]) -> Checkpoint:
    """`steps` is that of the model taught longest. Raises ValueError where the networks differ in shape."""
    first = models[0]
    if any(model.network.config != first.network.config for model in models):
        raise ValueError("Only networks of one configuration have a mean.")
    network = copy.deepcopy(first.network)
    states = [model.network.state_dict() for model in models]
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[name].double() for state in states]).mean(dim=0))
    return replace(first, network=network, steps=max(model.steps for model in models))


def main(
    models: Annotated[list[Path], typer.Argument(help="Note models of one configuration.", exists=True)],
    out: Annotated[Path, typer.Option(help="Where their mean goes.")],
) -> None:
    try:
        save(average([load(path) for path in models]), out)
    except ValueError as cause:
        raise typer.BadParameter(str(cause)) from cause


if __name__ == "__main__":
    typer.run(main)
