"""Accuracy of the note model on a folder of recordings with known notes.

    python -m eval.folder DIR [--label-delays FILE.json] [--json FILE]

Each audio file in DIR needs a .tsv (onset, offset, pitch, velocity; sounding offsets), .mid or .midi file of its name.
`--label-delays` names a JSON object from file stem to the milliseconds by which that file's labels are early: scores
are then given for the raw labels and with that delay removed.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table as Sheet

from eval.notes import METRICS, Score, Table, mean, note_scores
from transcriber.audio import load
from transcriber.errors import NoNotes
from transcriber.listen import listen
from transcriber.listen.training.recordings import label_file
from transcriber.options import Device
from transcriber.performance import Performance, read_midi

AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aiff"}


@dataclass(frozen=True)
class Result:
    name: str
    seconds: float
    cpu_seconds: float
    raw: dict[str, Score]
    aligned: dict[str, Score]


def labels(audio: Path) -> Table:
    """Known notes of an audio file. Raises FileNotFoundError where no label file stands beside it."""
    known = label_file(audio)
    if known is None:
        raise FileNotFoundError(f"{audio.name} has no .tsv, .mid or .midi file of its name beside it.")
    return np.loadtxt(known, ndmin=2)[:, :4] if known.suffix == ".tsv" else notes_of(read_midi(known))


def notes_of(performance: Performance) -> Table:
    """Notes with the ends of their sound, pedal included."""
    rows = [
        (note.onset_s, end, note.pitch, note.velocity)
        for note, end in zip(performance.notes, performance.sounding_offsets_s(), strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 4)


def evaluate(audio: Path, device: Device, label_delay_s: float) -> Result:
    reference = labels(audio)
    recording = load(audio)
    started = time.process_time()
    try:
        estimated = notes_of(listen(recording, device=device))
    except NoNotes:
        estimated = np.zeros((0, 4))
    cpu_seconds = time.process_time() - started
    moved = reference + np.array([label_delay_s, label_delay_s, 0, 0])
    return Result(
        audio.stem, recording.duration_s, cpu_seconds, note_scores(reference, estimated), note_scores(moved, estimated)
    )


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of audio files and labels.")],
    label_delays: Annotated[Path | None, typer.Option(help="JSON: file stem to milliseconds.")] = None,
    output: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    device: Device = "auto",
) -> None:
    delays: dict[str, float] = json.loads(label_delays.read_text()) if label_delays else {}
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    if not files:
        Console(stderr=True).print(f"No audio file was found in {folder}.")
        raise typer.Exit(1)
    results = [evaluate(path, device, delays.get(path.stem, 0.0) / 1000) for path in files]
    Console().print(sheet(results, aligned=bool(delays)))
    seconds = sum(result.seconds for result in results)
    Console().print(
        f"{len(results)} files, {seconds:.0f} s of audio, "
        f"{sum(result.cpu_seconds for result in results) / seconds:.3f} CPU-seconds for each second"
    )
    if output:
        output.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")


def sheet(results: list[Result], *, aligned: bool) -> Sheet:
    """F1 of each file and the mean; with `aligned`, label delays removed beside the raw figures."""
    table = Sheet(title="F1")
    table.add_column("file")
    for name in METRICS:
        table.add_column(name + (" raw / aligned" if aligned else ""), justify="right")

    def row(name: str, raw: dict[str, Score], moved: dict[str, Score]) -> list[Any]:
        cells = [f"{raw[key].f1:.3f}" + (f" / {moved[key].f1:.3f}" if aligned else "") for key in METRICS]
        return [name, *cells]

    for result in results:
        table.add_row(*row(result.name, result.raw, result.aligned))
    table.add_section()
    table.add_row(*row("mean", mean([r.raw for r in results]), mean([r.aligned for r in results])))
    return table


if __name__ == "__main__":
    typer.run(main)
