"""How late the note model hears: the median of (heard - struck) over rendered audio, whose onsets are known exactly.

    python -m eval.latency CHECKPOINT --data DIR

Real recordings cannot tell: their labels are off by more than the model. Dry renderings of many pieces on all pianos of
the pack can. eval/sweep.py keeps the number in the checkpoint (`latency_s`), and the decoder takes it off.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from eval.matching import match_notes
from eval.notes import notes_of
from transcriber.listen import checkpoint as checkpoints
from transcriber.listen.checkpoint import Checkpoint
from transcriber.listen.decode import decode
from transcriber.listen.features import Spectrograms
from transcriber.listen.infer import stretches
from transcriber.listen.training.pianos import load_pianos
from transcriber.listen.training.renderer import Noises, render
from transcriber.listen.training.segments import PerformanceLibrary
from transcriber.performance import Performance

SEGMENT_S = 8.0
SEGMENTS_PER_PIANO = 3
SEED = 11


def lateness(model: Checkpoint, data: Path) -> NDArray[np.float64]:
    """(notes,): seconds by which each note that was heard was heard too late, without any latency taken off."""
    rng = np.random.default_rng(SEED)
    library = PerformanceLibrary(data / "performances.npz")
    decoder = replace(model.decoder, latency_s=0.0)
    spectrograms, cpu = Spectrograms(), torch.device("cpu")
    late = []
    for piano in load_pianos(data / "pianos"):
        for _ in range(SEGMENTS_PER_PIANO):
            segment = library.draw(SEGMENT_S, rng)
            sound = render(segment, piano, Noises(), rng)
            curves = stretches(sound, model.network, spectrograms, cpu)
            heard = notes_of(Performance(*decode(curves, decoder)))
            played = segment.notes[segment.notes[:, 0] >= 0][:, [0, 2, 3, 4]]
            pairs = match_notes(played, heard)
            late.append(heard[pairs[:, 1], 0] - played[pairs[:, 0], 0])
    return np.concatenate(late)


def main(
    checkpoint: Annotated[Path, typer.Argument(help="The trained note model.")],
    data: Annotated[Path, typer.Option(help="Folder that holds pianos/ and performances.npz.")],
) -> None:
    torch.set_num_threads(1)
    late_ms = 1000 * lateness(checkpoints.load(checkpoint), data)
    low, middle, high = np.quantile(late_ms, [0.25, 0.5, 0.75])
    typer.echo(f"{len(late_ms)} notes, late by {middle:.1f} ms (half of them between {low:.1f} and {high:.1f} ms)")


if __name__ == "__main__":
    typer.run(main)
