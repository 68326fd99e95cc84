"""A finished run as one page and one JSON file; of two runs, what changed.

    python -m eval.report RUN [--out report.html]
    python -m eval.report A B [--out report.html]

RUN is a folder that eval.maestro, eval.maps, eval.folder, eval.rendered or eval.asap wrote. The page needs neither the
data set nor the network, and holds everything it shows. The JSON file lies beside it under the same name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eval.campaign import compare, output_width, summary_of
from eval.page import figures_of, report_page
from eval.runner import Run, load_run
from eval.scorepage import score_figures, score_report_page
from eval.scoreruns import ScoreRun, compare_score_runs, is_score_run, load_score_run, summary
from eval.tables import comparison_sheet, score_sheet, show_run


def read_run(folder: Path) -> Run | ScoreRun:
    """Ends the program with status 2 where the folder is none."""
    try:
        return load_score_run(folder) if is_score_run(folder) else load_run(folder)
    except (OSError, ValueError, KeyError) as cause:
        Console(stderr=True, soft_wrap=True).print(f"{folder} is no finished run ({cause}).", markup=False)
        raise typer.Exit(2) from cause


def main(
    runs: Annotated[list[Path], typer.Argument(help="One run, or two to compare.", exists=True, file_okay=False)],
    out: Annotated[
        Path | None, typer.Option(help="The page; RUN/report.html unless given.", show_default=False)
    ] = None,
) -> None:
    if len(runs) > 2:
        raise typer.BadParameter("give one run, or two to compare.")
    found = [read_run(folder) for folder in runs]
    notes = [run for run in found if isinstance(run, Run)]
    scores = [run for run in found if isinstance(run, ScoreRun)]
    if notes and scores:
        raise typer.BadParameter("one run has notes and the other scores; give two of a kind.")
    page = out or runs[-1] / "report.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report_page(notes) if notes else score_report_page(scores), encoding="utf-8")
    numbers = summary_of(notes[-1]) | figures_of(notes) if notes else score_figures(scores)
    page.with_suffix(".json").write_text(json.dumps(numbers, indent=1, allow_nan=False) + "\n")
    console = Console(width=output_width(), highlight=False)
    if notes:
        show_notes(console, notes)
    else:
        show_scores(console, scores)
    console.print(f"{page}\n{page.with_suffix('.json')}", markup=False, soft_wrap=True)


def show_notes(console: Console, runs: Sequence[Run]) -> None:
    if len(runs) == 1:
        show_run(console, runs[0])
        return
    changes = compare(*runs)
    if not changes:
        console.print("The two runs have no file in common.")
    console.print(comparison_sheet(runs[0].header["system"], runs[1].header["system"], changes))


def show_scores(console: Console, runs: Sequence[ScoreRun]) -> None:
    if len(runs) == 1:
        console.print(score_sheet(summary(runs[0].comparisons)))
        return
    changes = compare_score_runs(*runs)
    if not changes:
        console.print("The two runs have no performance in common.")
    console.print(comparison_sheet(runs[0].header["system"], runs[1].header["system"], changes, "Figure"))


if __name__ == "__main__":
    typer.run(main)
