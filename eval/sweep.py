"""Choose the decoder's thresholds for a trained note model, on real recordings.

    python -m eval.sweep CHECKPOINT --data DIR --out CHECKPOINT

One threshold after the other: the onset threshold by note F1, then those that end a note by note + offset F1, with the
pedal's. Excerpts of whole recordings (real/maps, label delays removed) and the openings of many others
(real/maestro_openings) weigh the same, so that no single piano decides. The threshold of the held key stays: labels of
real recordings have the pedal folded in and do not know when a key was released.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from eval.folder import notes_of
from eval.notes import Table, mean, note_scores
from transcriber.listen import checkpoint as checkpoints
from transcriber.listen.decode import DecoderConfig, Probabilities, decode_notes, decode_pedals
from transcriber.listen.features import Spectrograms
from transcriber.listen.training.validation import Excerpt, curves_of, load_maps, load_openings, mean_f1
from transcriber.performance import Performance

ONSETS = np.arange(0.15, 0.66, 0.05)
FRAMES = np.arange(0.05, 0.46, 0.1)
PEDALS = np.arange(0.2, 0.91, 0.1)


def offset_f1(excerpts: Sequence[Excerpt], curves: Sequence[Probabilities], decoder: DecoderConfig) -> float:
    """Mean note + offset F1, pedal included, label delays removed."""
    scores = []
    for excerpt, curve in zip(excerpts, curves, strict=True):
        found = notes_of(Performance(decode_notes(curve, decoder), decode_pedals(curve.pedal, decoder)))
        scores.append(note_scores(reference(excerpt), found))
    return mean(scores)["note + offset"].f1


def reference(excerpt: Excerpt) -> Table:
    notes = excerpt.recording.notes[:, [0, 2, 3, 4]].copy()
    notes[:, :2] += excerpt.label_delay_s
    return np.asarray(notes)


def main(
    checkpoint: Annotated[Path, typer.Argument(help="The trained note model.")],
    data: Annotated[Path, typer.Option(help="Folder that holds real/maps and real/maestro_openings.")],
    out: Annotated[Path, typer.Option(help="Where the model with its thresholds goes.")],
) -> None:
    torch.set_num_threads(1)
    model = checkpoints.load(checkpoint)
    excerpts = load_maps(data / "real" / "maps")
    openings = load_openings(data / "real" / "maestro_openings")
    spectrograms, cpu = Spectrograms(), torch.device("cpu")
    curves = curves_of(excerpts, model.network, spectrograms, cpu)
    opening_curves = curves_of(openings, model.network, spectrograms, cpu)
    decoder = model.decoder

    best = 0.0
    for onset in ONSETS:
        tried = replace(decoder, onset=round(float(onset), 2))
        whole = mean_f1(excerpts, curves, tried, without_delay=True)
        opening = mean_f1(openings, opening_curves, tried)
        typer.echo(f"onset {onset:.2f}: note F1 {whole:.4f} on excerpts, {opening:.4f} on openings")
        if whole + opening > best:
            best, decoder = whole + opening, tried

    best = 0.0
    for field, values in (("pedal", PEDALS), ("frame", FRAMES)):
        for value in values:
            tried = replace(decoder, **{field: round(float(value), 2)})
            score = offset_f1(excerpts, curves, tried)
            typer.echo(f"{field} {value:.2f}: note + offset F1 {score:.4f}")
            if score > best:
                best, decoder = score, tried
    typer.echo(f"chosen: {decoder}")
    checkpoints.save(checkpoints.Checkpoint(model.network, decoder, model.steps), out)


if __name__ == "__main__":
    typer.run(main)
