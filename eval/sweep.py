"""Fit everything that is not learnt by the network to a trained note model, on real recordings; 2 minutes on one core.

    python -m eval.sweep CHECKPOINT --data DIR --out CHECKPOINT [--plot FILE.svg]

In this order: the calibration of the confidence (eval/reliability.py); how confident an onset must be, by note F1; the
thresholds that end a note, one after the other and twice around; the latency (eval/latency.py). Excerpts of whole
recordings (real/maps, label delays removed) and the openings of many others (real/maestro_openings) weigh the same, so
that no single piano decides. Ends of the sound are known of the former, releases of the key of the latter. Figures are
also given cross-validated: confidence and threshold fitted to four fifths of the recordings, F1 measured on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from eval.latency import lateness
from eval.matching import match_notes
from eval.notes import keys_of, note_scores, notes_of
from eval.reliability import FOLDS, draw, folds, held_out, reference
from transcriber.listen import checkpoint as checkpoints
from transcriber.listen.calibration import Calibration, calibration_error
from transcriber.listen.check import MANY_FAINT, MUCH_DOUBT, Tally
from transcriber.listen.checkpoint import Checkpoint
from transcriber.listen.decode import DecoderConfig, Probabilities, decode, decode_notes
from transcriber.listen.features import Spectrograms
from transcriber.listen.training.judging import fit_calibration, judge
from transcriber.listen.training.validation import Excerpt, curves_of, load_maps, load_openings, onset_f1
from transcriber.performance import Performance

ONSETS = tuple(np.arange(0.2, 0.61, 0.05).round(2))
ENDS: dict[str, tuple[float, ...]] = {
    "offset": (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 1.1),  # above 1 the offset curve is not used
    "frame": (0.3, 0.4, 0.5, 0.6, 0.7),
    "held": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    "pedal": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
}
ROUNDS = 2
END_TOLERANCE = 0.2  # of the length, at least 50 ms: mir_eval's
LEAST_TOLERANCE_S = 0.05
OFFSET_WEIGHT = 2.0  # whole excerpts tell more about ends than openings of 1.7 s, in which few keys are released
EVERY = 3  # one opening in three is enough to tell releases by

Heard = Sequence[tuple[Excerpt, Probabilities]]


def note_f1(heard: Heard, decoders: Sequence[DecoderConfig]) -> list[float]:
    """Note F1 of each recording; of several decoders, each has its turn."""
    return [
        onset_f1(excerpt, decode_notes(curves, decoder), without_delay=True)
        for (excerpt, curves), decoder in zip(heard, cycle(decoders), strict=False)
    ]


def offset_f1(heard: Heard, decoder: DecoderConfig) -> list[float]:
    """Note + offset F1 of each recording, pedal included."""
    performances = (Performance(*decode([curves], decoder)) for _, curves in heard)
    return [
        note_scores(reference(excerpt), notes_of(performance))["note + offset"].f1
        for (excerpt, _), performance in zip(heard, performances, strict=True)
    ]


def release_share(heard: Heard, decoder: DecoderConfig) -> float:
    """Of the notes that were heard: how many end within tolerance of their key's release.

    A key released after the recording's end, which the labels give as a release before its onset, is right if it is
    held to that end: else ending every note early would look good on short recordings.
    """
    right, known = 0, 0
    for excerpt, curves in heard:
        played = reference(excerpt)
        found = keys_of(Performance(decode_notes(curves, decoder)))
        pairs = match_notes(played, found)
        onset_s, release_s = played[pairs[:, 0], :2].T
        release_s = np.where(release_s < onset_s, excerpt.recording.seconds, release_s)
        tolerance_s = np.maximum(LEAST_TOLERANCE_S, END_TOLERANCE * (release_s - onset_s))
        right += int(np.count_nonzero(np.abs(found[pairs[:, 1], 1] - release_s) <= tolerance_s))
        known += len(pairs)
    return right / max(1, known)


def choose_onset(maps: Heard, openings: Heard, decoder: DecoderConfig, unseen: Sequence[Calibration]) -> DecoderConfig:
    """The best threshold on all recordings; says, too, what choosing it on others than one measures with would give.

    `unseen`: as `folds` gives them, the one for each recording fitted without it.
    """

    def table(heard: Heard, calibrations: Sequence[Calibration]) -> NDArray[np.float64]:
        tried = [[replace(decoder, onset=float(onset), calibration=one) for one in calibrations] for onset in ONSETS]
        return np.array([note_f1(heard, decoders) for decoders in tried])

    sets = {"excerpts": maps, "openings": openings}
    scores = {name: table(heard, [decoder.calibration]) for name, heard in sets.items()}
    means = {name: found.mean(axis=1) for name, found in scores.items()}
    for index, onset in enumerate(ONSETS):
        typer.echo(f"onset {onset:.2f}: note F1 " + ", ".join(f"{means[name][index]:.4f} on {name}" for name in means))
    honest = {name: table(heard, unseen) for name, heard in sets.items()}
    for name, found in honest.items():
        left = []
        for fold in range(FOLDS):
            others = [rest[:, np.arange(rest.shape[1]) % FOLDS != fold] for rest in honest.values()]
            best = np.argmax(sum(rest.mean(axis=1) for rest in others))
            left.extend(found[best, np.arange(found.shape[1]) % FOLDS == fold])
        typer.echo(f"fitted without the recording: note F1 {np.mean(left):.4f} on {name}")
    return replace(decoder, onset=float(ONSETS[int(np.argmax(sum(means.values())))]))


def choose_ends(maps: Heard, openings: Heard, decoder: DecoderConfig) -> DecoderConfig:
    @cache
    def score(tried: DecoderConfig) -> float:
        ends = float(np.mean(offset_f1(maps, tried)))
        return OFFSET_WEIGHT * ends + release_share(openings[::EVERY], tried)

    for _ in range(ROUNDS):
        for field, values in ENDS.items():
            choices: list[dict[str, Any]] = [{field: value} for value in values]
            decoder = max((replace(decoder, **choice) for choice in choices), key=score)
            ends, releases = offset_f1(maps, decoder), release_share(openings, decoder)
            typer.echo(
                f"{field} {getattr(decoder, field):.2f}: note + offset F1 {np.mean(ends):.4f} on excerpts, "
                f"{releases:.4f} of the releases right on openings"
            )
    return decoder


def sounds_like_piano(curves: Probabilities) -> bool:
    """Whether the input check keeps quiet: its thresholds are not fitted, but must hold for every network."""
    tally = Tally()
    for _ in tally.passing([curves]):
        pass
    return tally.doubt < MUCH_DOUBT and tally.faint_share < MANY_FAINT


def main(
    checkpoint: Annotated[Path, typer.Argument(help="The trained note model.")],
    data: Annotated[Path, typer.Option(help="Folder that holds real/, pianos/ and performances.npz.")],
    out: Annotated[Path, typer.Option(help="Where the model with all that was fitted goes.")],
    plot: Annotated[Path | None, typer.Option(help="Draw the reliability of the confidence here.")] = None,
) -> None:
    torch.set_num_threads(1)
    model = checkpoints.load(checkpoint)
    spectrograms, cpu = Spectrograms(), torch.device("cpu")
    sets = {
        "excerpts": load_maps(data / "real" / "maps"),
        "openings": load_openings(data / "real" / "maestro_openings"),
    }
    curves = {name: curves_of(excerpts, model.network, spectrograms, cpu) for name, excerpts in sets.items()}
    maps, openings = (list(zip(sets[name], curves[name], strict=True)) for name in sets)

    decoder = replace(model.decoder, latency_s=0.0)
    judged = {name: judge(sets[name], curves[name], decoder) for name in sets}
    candidates = list(judged.values())
    unseen = folds(candidates)
    decoder = replace(decoder, calibration=fit_calibration(candidates))
    decoder = choose_onset(maps, openings, decoder, unseen)
    decoder = choose_ends(maps, openings, decoder)
    chances = dict(zip(sets, held_out(candidates, unseen), strict=True))
    for name in sets:
        written = chances[name] >= decoder.onset
        error = calibration_error(chances[name][written], judged[name].right[written])
        typer.echo(
            f"confidence on {name}: {np.count_nonzero(written)} notes, expected calibration error {error:.4f} "
            f"(held out; {calibration_error(chances[name], judged[name].right):.4f} of {len(written)} candidates)"
        )
        doubted = sum(not sounds_like_piano(curve) for curve in curves[name])
        typer.echo(f"input check on {name}: {doubted} of {len(curves[name])} taken for something else than a piano")
    if plot:
        draw({name: (chances[name], judged[name].right) for name in sets}, plot)
    fitted = Checkpoint(model.network, decoder, model.steps)
    late_s = float(np.median(lateness(fitted, data)))
    typer.echo(f"latency {1000 * late_s:.1f} ms")
    fitted = replace(fitted, decoder=replace(decoder, latency_s=round(late_s, 4)))
    typer.echo(f"chosen: {fitted.decoder}")
    checkpoints.save(fitted, out)


if __name__ == "__main__":
    typer.run(main)
