"""Accuracy on any folder of recordings with known notes.

    python -m eval.folder DIR [--label-delays FILE.json | --align] [--system SYSTEM]... [--each]

Each audio file below DIR needs a .tsv (onset, offset, pitch, velocity; sounding offsets), .mid or .midi file of its
name. `--label-delays` names a JSON object from file stem to the milliseconds by which that file's labels are early,
`--align` has them measured: scores are then given for the raw labels and with that delay removed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eval.campaign import DEFAULT_OUT, Each, Jobs, Limit, Out, Systems, Where, measure, spread
from eval.runner import Item, Problem
from transcriber.files import audio_files, label_file


def read_items(
    folder: Path, delays_ms: dict[str, float] | None = None, *, aligns: bool = False
) -> tuple[list[Item], list[Problem]]:
    """Every recording with labels below `folder`, and those without."""
    items, problems = [], []
    delays = delays_ms or {}
    names: set[str] = set()
    for audio in audio_files(folder):
        name = str(audio.relative_to(folder).with_suffix(""))
        if name in names:  # the same recording in two formats: both are scored
            name = str(audio.relative_to(folder))
        names.add(name)
        labels = label_file(audio)
        if labels is None:
            problems.append(Problem(name, "missing", f"no .tsv, .mid or .midi file lies beside {audio.name}"))
            continue
        delay_s = delays[audio.stem] / 1000 if audio.stem in delays else None
        items.append(Item(name, audio, labels, delay_s=delay_s, aligns=aligns))
    return items, problems


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of audio files and labels.", exists=True, file_okay=False)],
    label_delays: Annotated[
        Path | None, typer.Option(help="JSON: file stem to milliseconds.", exists=True, show_default=False)
    ] = None,
    align: Annotated[bool, typer.Option("--align", help="Measure each file's constant label delay.")] = False,
    limit: Limit = None,
    system: Systems = ["ours"],  # noqa: B006 - typer copies it
    out: Out = DEFAULT_OUT,
    jobs: Jobs = 0,
    device: Where = "auto",
    each: Each = False,
) -> None:
    try:
        delays: dict[str, float] = json.loads(label_delays.read_text()) if label_delays else {}
    except ValueError as cause:
        raise typer.BadParameter(f"{label_delays} is not JSON: {cause}", param_hint="--label-delays") from cause
    items, problems = read_items(folder, delays, aligns=align)
    measure(
        f"folder {folder.resolve().name}",
        spread(items, limit),
        system,
        out=out,
        jobs=jobs,
        device=device,
        each=each,
        options={"limit": str(limit or ""), "folder": str(folder)},
        problems=problems,
    )


if __name__ == "__main__":
    typer.run(main)
