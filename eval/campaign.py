"""One or more systems on the files of one data set, in one call: what every command of this package does once it knows
its files.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from eval import provenance
from eval.runner import Item, OtherRun, Problem, Result, Run, close_run, run
from eval.statistics import Difference, difference, summarise
from eval.systems import System, parse_system
from eval.tables import comparison_sheet, groups_of, show_run
from transcriber.options import Device

USUAL_DURATION_S = 300.0  # of a file whose length nobody knows beforehand, for the time left
WIDTH = 110  # columns where the output is no terminal

Systems = Annotated[
    list[str],
    typer.Option(
        "--system",
        metavar="SYSTEM",
        help='ours, ours:CHECKPOINT, midi:DIR or command:"tool {audio} {midi}"; give it again to compare.',
    ),
]
Out = Annotated[Path, typer.Option(help="Folder of the runs; one that was stopped goes on from there.")]
Jobs = Annotated[int, typer.Option(min=0, help="Files at a time; 0: as many as there are processors.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only N files, evenly spread.", show_default=False)]
Each = Annotated[bool, typer.Option("--each", help="Show every file too.")]
Where = Annotated[Device, typer.Option(help="Where this project's network runs.")]

DEFAULT_OUT = Path("runs/eval")
Thing = TypeVar("Thing")


def measure(
    data_set: str,
    items: Sequence[Item],
    systems: Sequence[str],
    *,
    out: Path,
    jobs: int,
    device: Device,
    each: bool,
    options: dict[str, str],
    problems: Sequence[Problem] = (),
) -> None:
    """Run, show, write OUT/DATA-SET/SYSTEM/{run,summary}.json, compare; ends the program.

    `problems` are files that the data set's own lists already showed to be unusable. Exit status: 0 if every file was
    scored and every system answered, 1 if not, 2 for a wrong command line, 130 after Ctrl-C.
    """
    console, status = Console(width=output_width()), Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        chosen = [parse_system(text, device) for text in systems]
    except ValueError as cause:
        raise typer.BadParameter(str(cause), param_hint="--system") from cause
    if not items and not problems:
        status.print(f"No file to score was found in {data_set}.", markup=False)
        raise typer.Exit(1)
    workers = jobs or len(os.sched_getaffinity(0))
    runs, folders = [], _folders(out, data_set, chosen)
    for system, folder in zip(chosen, folders, strict=True):
        header = provenance.header(data_set, system, device, workers, options)
        try:
            finished = _watched(items, system, folder, header, workers, status)
        except OtherRun as cause:
            status.print(str(cause), markup=False)
            raise typer.Exit(2) from cause
        except KeyboardInterrupt:
            done = len(list((folder / "files").rglob("*.json.gz")))
            status.print(f"\nStopped. {done} of {len(items)} files are kept in {folder}; the same command goes on.")
            raise typer.Exit(130) from None
        finished = Run(finished.header, finished.results, (*problems, *finished.problems))
        close_run(folder, finished)
        (folder / "summary.json").write_text(json.dumps(summary_of(finished), indent=1) + "\n")
        show_run(console, finished, each=each)
        runs.append(finished)
    for (first, before), (second, after) in itertools.pairwise(zip(chosen, runs, strict=True)):
        console.print(comparison_sheet(first.name, second.name, compare(before, after)))
    status.print("Pages: " + "  ".join(f"python -m eval.report {folder}" for folder in folders), markup=False)
    clean = all(not found.problems and all(r.failure is None for r in found.results) for found in runs)
    raise typer.Exit(0 if clean else 1)


def compare(first: Run, second: Run) -> dict[str, Difference]:
    """By metric, on the files that both runs scored."""
    before = {result.name: result.scores for result in first.results}
    shared = [(before[result.name], result.scores) for result in second.results if result.name in before]
    names = [name for name in before[next(iter(before))] if shared] if before else []
    found = {}
    for name in names:
        pairs = [(one[name].f1, other[name].f1) for one, other in shared if name in one and name in other]
        if pairs:
            found[name] = difference([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return found


def summary_of(finished: Run) -> dict[str, object]:
    """The run's table as JSON."""
    scores = summarise([result.scores for result in finished.results])
    aligned = [result.aligned for result in finished.results if result.aligned is not None]
    return {
        "header": finished.header,
        "files": len(finished.results),
        "problems": [asdict(problem) for problem in finished.problems],
        "no answer": {result.name: result.failure for result in finished.results if result.failure is not None},
        "warnings": {result.name: result.warnings for result in finished.results if result.warnings},
        "scores": {name: asdict(summary) for name, summary in scores.items()},
        "conditions": {
            group: {name: asdict(summary) for name, summary in found.items()}
            for group, found in groups_of(finished.results).items()
        },
        "aligned": {name: asdict(summary) for name, summary in summarise(aligned).items()},
    }


def spread(items: Sequence[Thing], limit: int | None) -> list[Thing]:
    """At most `limit` items, evenly over the whole list, so that a sample is not one composer's."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[index * len(items) // limit] for index in range(limit)]


def _watched(
    items: Sequence[Item], system: System, folder: Path, header: dict[str, object], workers: int, status: Console
) -> Run:
    """The run under a bar that counts seconds of music, since files differ in length."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[files]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    total_s = sum(item.duration_s or USUAL_DURATION_S for item in items)
    with Progress(*columns, console=status, transient=True) as bars:
        bar = bars.add_task(system.name[:40], total=total_s, files=f"0/{len(items)}")
        done = itertools.count(1)

        def tell(item: Item, outcome: Result | Problem) -> None:
            bars.update(bar, advance=item.duration_s or USUAL_DURATION_S, files=f"{next(done)}/{len(items)}")

        return run(items, system, folder, header, jobs=workers, on_result=tell)


def _folders(out: Path, data_set: str, systems: Sequence[System]) -> list[Path]:
    """A folder for each system, named after it."""
    folders = [out / _plain(data_set) / _plain(system.name) for system in systems]
    if len(set(folders)) < len(folders):
        raise typer.BadParameter("the same system is named twice", param_hint="--system")
    return folders


def _plain(text: str) -> str:
    """A folder's name for any text."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:80] or "run"


def output_width() -> int | None:
    """The terminal's own width, and one that cuts no table where there is none."""
    return None if Console().is_terminal else WIDTH
