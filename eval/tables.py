"""Results as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Sheet

from eval.notes import METRICS, mean
from eval.runner import Problem, Result, Run
from eval.statistics import Difference, Summary, grouped, interval_text, summarise


def show_run(console: Console, run: Run, *, each: bool = False) -> None:
    """The table of a run, its files one by one with `each`, and every file that went wrong, named."""
    if each:
        console.print(files_sheet(run.results))
    if run.results:
        console.print(summary_sheet(run.header["system"], summarise([result.scores for result in run.results])))
        groups = groups_of(run.results)
        if groups:
            console.print(groups_sheet(groups))
        aligned = [result.aligned for result in run.results if result.aligned is not None]
        if aligned:
            title = f"{run.header['system']}, each file's constant label delay removed ({len(aligned)} files)"
            console.print(summary_sheet(title, summarise(aligned)))
        console.print(escape(_effort(run.results)))
    show_troubles(console, run)


def show_troubles(console: Console, run: Run) -> None:
    """Files not scored, files without an answer, and oddities: each on a line of its own, then counted."""
    for problem in run.problems:
        console.print(f"[red]{problem.kind}[/red]  {escape(problem.name)}: {escape(problem.message)}", soft_wrap=True)
    failures = [result for result in run.results if result.failure is not None]
    for result in failures:
        console.print(f"[red]no answer[/red]  {escape(result.name)}: {escape(result.failure or '')}", soft_wrap=True)
    for result in run.results:
        for warning in result.warnings:
            console.print(f"[yellow]warning[/yellow]  {escape(result.name)}: {escape(warning)}", soft_wrap=True)
    total = len(run.results) + len(run.problems)
    if run.problems or failures:
        console.print(
            f"{len(run.results)} of {total} files scored; {_kinds(run.problems)}"
            f"{len(failures)} without an answer, scored as empty."
        )
    else:
        console.print(f"All {total} files scored.")


def summary_sheet(title: str, summaries: dict[str, Summary]) -> Sheet:
    sheet = Sheet(title=escape(title), title_justify="left")
    sheet.add_column("metric", no_wrap=True)
    for name in ("files", "precision", "recall", "F1", "95 % interval", "micro F1"):
        sheet.add_column(name, justify="right", no_wrap=True)
    for name, summary in summaries.items():
        figures = (summary.mean.precision, summary.mean.recall, summary.mean.f1)
        cells = [f"{figure:.4f}" for figure in figures]
        sheet.add_row(name, str(summary.files), *cells, interval_text(summary.interval), f"{summary.micro.f1:.4f}")
    return sheet


def groups_of(results: Sequence[Result]) -> dict[str, dict[str, Summary]]:
    """By the condition under which files were recorded, where the data set has several."""
    return grouped([(result.facts["condition"], result.scores) for result in results if "condition" in result.facts])


def groups_sheet(groups: dict[str, dict[str, Summary]]) -> Sheet:
    sheet = Sheet(title="F1 by condition", title_justify="left")
    sheet.add_column("condition")
    for name in (*METRICS, "frame"):
        sheet.add_column(name, justify="right")
    for group, summaries in groups.items():
        sheet.add_row(escape(group), *(f"{summaries[name].mean.f1:.4f}" for name in (*METRICS, "frame")))
    return sheet


def files_sheet(results: Sequence[Result]) -> Sheet:
    """F1 of every file; labels as they are, and after the stroke with their delay removed."""
    sheet = Sheet(title="F1", title_justify="left")
    sheet.add_column("file")
    for name in METRICS:
        sheet.add_column(name, justify="right")
    for result in results:
        cells = []
        for name in METRICS:
            moved = f" / {result.aligned[name].f1:.3f}" if result.aligned else ""
            cells.append(f"{result.scores[name].f1:.3f}{moved}")
        sheet.add_row(escape(result.name), *cells)
    sheet.add_section()
    means = [mean([result.scores for result in results])]
    if any(result.aligned for result in results):
        means.append(mean([result.aligned or result.scores for result in results]))
    sheet.add_row("mean", *(" / ".join(f"{found[name].f1:.3f}" for found in means) for name in METRICS if results))
    return sheet


def score_sheet(table: dict[str, dict[str, Any]]) -> Sheet:
    shown = Sheet(title="Scores", title_justify="left")
    for name in ("figure", "mean", "95 % interval", "performances"):
        shown.add_column(name, justify="left" if name == "figure" else "right")
    for name, row in table.items():
        shown.add_row(name, f"{row['mean']:.4f}", interval_text(row["interval"]), str(row["performances"]))
    return shown


def comparison_sheet(first: str, second: str, differences: dict[str, Difference], measure: str = "F1") -> Sheet:
    sheet = Sheet(
        title=f"{measure} of B less {measure} of A\nA: {escape(first)}\nB: {escape(second)}", title_justify="left"
    )
    sheet.add_column("metric", no_wrap=True)
    for name in ("A", "B", "difference", "95 % interval", "higher / lower", "p (Wilcoxon)"):
        sheet.add_column(name, justify="right", no_wrap=True)
    for name, found in differences.items():
        chance = "–" if found.p is None else f"{found.p:.2g}"
        sheet.add_row(
            name,
            f"{found.first:.4f}",
            f"{found.second:.4f}",
            f"{found.mean:+.4f}",
            interval_text(found.interval, sign="+"),
            f"{found.better} / {found.worse} of {found.files}",
            chance,
        )
    return sheet


def _effort(results: Sequence[Result]) -> str:
    seconds = sum(result.duration_s for result in results)
    line = f"{len(results)} files, {seconds / 3600:.2f} h of audio"
    cpu_s = sum(result.cpu_s for result in results)
    return line + (f", {cpu_s / seconds:.4f} CPU-seconds for each second" if cpu_s and seconds else "")


def _kinds(problems: Sequence[Problem]) -> str:
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.kind] = counts.get(problem.kind, 0) + 1
    return "".join(f"{count} {kind}, " for kind, count in sorted(counts.items()))
