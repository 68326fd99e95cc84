"""What a note model loses on pianos that it never heard.

    python -m transcriber.listen.training.heldout --data DIR --out runs/heldout \
        --without iowa_steinway_b --without kw_kawai_upright

Two small networks start from the same weights and take the same steps; one is taught with all pianos, the other without
the named ones. Both are judged on the same clips: of each piano that was kept out, and of the others, performances
played on it in rooms, noise and codecs as in the training; and on the real recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from transcriber.listen.features import Spectrograms
from transcriber.listen.network import OnsetFrameNetwork
from transcriber.listen.training.compare import SMALL, Data, Row, brief, network_cost, real_recordings, report
from transcriber.listen.training.examples import Examples, Material
from transcriber.listen.training.loop import Training, TrainingConfig, example_batches
from transcriber.listen.training.recordings import FULL_SCALE, LabelledRecording
from transcriber.listen.training.validation import Excerpt, validate

CLIPS = 30  # of each piano
CLIP_S = 10.0
CLIP_SEED = 1_000_000  # far from those of any training


def clips(material: Material, count: int, seconds: float) -> list[Excerpt]:
    """Performances on the pianos of `material`, as training hears them but from another stream of chance."""
    examples = Examples(material, seconds, recorded=0.0, seed=CLIP_SEED)
    rng = np.random.default_rng(CLIP_SEED)
    found = []
    for index in range(count):
        sound, segment = examples.draw(rng)
        scaled = np.rint(sound * (FULL_SCALE / max(float(np.abs(sound).max()), 1e-9))).astype(np.int16)
        begun = segment.notes[segment.notes[:, 0] >= 0]  # not what sounded on from before the clip
        found.append(Excerpt(LabelledRecording(f"clip {index}", scaled, begun, None), 0.0))
    return found


def taught(material: Material, config: TrainingConfig, device: torch.device) -> OnsetFrameNetwork:
    """A small network after `config.steps`."""
    torch.manual_seed(config.seed)
    training = Training(OnsetFrameNetwork(SMALL), config, device)
    for step, batch in enumerate(example_batches(material, config, seed=config.seed)):
        if step >= config.steps:
            break
        training.advance(*batch)
        if (step + 1) % 10 == 0:
            typer.echo(f"step {step + 1} of {config.steps}", err=True)
    network: OnsetFrameNetwork = training.average
    return network


def held_out(
    material: Material,
    without: Sequence[str],
    real: dict[str, list[Excerpt]],
    config: TrainingConfig,
    device: torch.device,
    *,
    count: int = CLIPS,
) -> list[Row]:
    """The row of the network that heard all pianos, and of the one that did not. Raises ValueError for a wrong name."""
    names = [piano.name for piano in material.pianos]
    others = [name for name in names if name not in without]
    if not without or not others or len(others) + len(set(without)) != len(names):
        raise ValueError(f"name some, not all, of {', '.join(names)}.")
    sets = {name: clips(_playing(material, [name]), count, CLIP_S) for name in without}
    sets |= {"the other pianos": clips(_playing(material, others), count, CLIP_S)} | real
    rows = []
    for title, pianos in (("all pianos", names), (f"without {' and '.join(without)}", others)):
        network = taught(_playing(material, pianos), config, device)
        found = validate(sets, network, Spectrograms().to(device), device)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        rows.append(Row(title, parameters, network_cost(network, device), found.f1))
    return rows


def _playing(material: Material, names: Sequence[str]) -> Material:
    return replace(material, pianos=[piano for piano in material.pianos if piano.name in names])


def main(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for heldout.json and heldout.md.")],
    without: Annotated[list[str], typer.Option(help="A piano that only one of the networks hears.")],
    steps: int = 300,
    batch: int = 4,
    seconds: float = 5.0,
    rate: float = 3e-3,
    recorded: float = 0.35,
    threads: int = 1,
) -> None:
    torch.set_num_threads(threads)
    config = brief(steps, batch, seconds, rate, recorded)
    try:
        rows = held_out(Material.load(data), without, real_recordings(data), config, torch.device("cpu"))
    except ValueError as cause:
        raise typer.BadParameter(str(cause), param_hint="--without") from cause
    report(rows, out / "heldout")


if __name__ == "__main__":
    typer.run(main)
