"""The report on a run that compared scores, as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import numpy as np

from eval.charts import SHARE, Axis, dots
from eval.markup import changes, document, figure, origin, table, troubles
from eval.published import SCORES
from eval.scoreruns import Comparison, ScoreRun, as_json, compare_score_runs, summary
from eval.statistics import interval_text

BY_COMPOSER = ("mv2h", "beat", "downbeat", "time signature", "key", "staff", "position", "value")
SORTED = ("mv2h", "beat", "position")  # one curve over the performances each


def score_report_page(runs: Sequence[ScoreRun]) -> str:
    """One run in full; of two, what changed from the first to the second, then the second in full."""
    run = runs[-1]
    parts = [
        f"<h1>{escape(run.header['data set'])}</h1><p class='quiet'>{escape(run.header['system'])} · "
        f"{len(run.comparisons)} performances written down</p>"
    ]
    if len(runs) == 2:
        parts.append(_changes(runs[0], run))
    parts.append(_accuracy(run.comparisons))
    found = [(problem.kind, problem.name, problem.message) for problem in run.problems]
    parts.append(troubles(found, len(run.comparisons) + len(run.problems), "performances"))
    if run.comparisons:
        parts += [_charts(run.comparisons), _each(run.comparisons)]
    parts += [_published(), origin(run.header)]
    return document(f"{run.header['system']} on {run.header['data set']}", parts)


def score_figures(runs: Sequence[ScoreRun]) -> dict[str, Any]:
    """Everything that the page shows, as numbers; null where a performance cannot tell a figure."""
    run = runs[-1]
    found: dict[str, Any] = {
        "header": run.header,
        "figures": summary(run.comparisons),
        "composers": {
            composer: {"performances": len(members), "figures": _means(members)}
            for composer, members in _by_composer(run.comparisons).items()
        },
        "performances": [as_json(comparison) for comparison in run.comparisons],
        "problems": [asdict(problem) for problem in run.problems],
    }
    if len(runs) == 2:
        found["compared with"] = {
            "header": runs[0].header,
            "differences": {name: asdict(change) for name, change in compare_score_runs(*runs).items()},
        }
    return found


def _accuracy(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return "<p>No performance could be compared.</p>"
    rows = [
        [name, f"{row['mean']:.4f}", interval_text(row["interval"]), row["performances"]]
        for name, row in summary(comparisons).items()
    ]
    parts = [
        "<h2>Accuracy</h2><p class='quiet'>Shares of 1; MUSTER counts mistakes, so that less is better; from <i>grace "
        "false</i> on, how often a mark stands on the page for each note.</p>",
        table(["figure", "mean", "95 % interval", "performances"], rows),
    ]
    groups = _by_composer(comparisons)
    if len(groups) > 1:
        names = [name for name in BY_COMPOSER if name in comparisons[0].figures]
        by_composer = []
        for composer, members in groups.items():
            means = _means(members)
            shown = ["–" if means[name] is None else f"{means[name]:.3f}" for name in names]
            by_composer.append([composer, *shown, len(members)])
        parts.append("<h3>By composer</h3>" + table(["composer", *names, "performances"], by_composer))
    return "".join(parts)


def _changes(first: ScoreRun, second: ScoreRun) -> str:
    before = {comparison.name: comparison.figures["mv2h"] for comparison in first.comparisons}
    shared = [(before[c.name], c.figures["mv2h"], c.name) for c in second.comparisons if c.name in before]
    most = "MV2H of the performances that changed most"
    headers = (first.header, second.header)
    return changes(headers, "figure", compare_score_runs(first, second), "MV2H", shared, "performance", most)


def _charts(comparisons: Sequence[Comparison]) -> str:
    last = max(len(comparisons) - 1, 1)
    ranks = Axis("performances, worst to best", 0, last, (0, last), 0)
    charts = []
    for name in SORTED:
        values = sorted(value for c in comparisons if np.isfinite(value := c.figures[name]))
        charts.append(figure(f"{name} by performance", dots(ranks, _share(name), list(enumerate(values)))))
    pairs = [(c.figures["beat"], c.figures["mv2h"]) for c in comparisons]
    known = [pair for pair in pairs if np.isfinite(pair).all()]
    charts.append(figure("What the beats decide", dots(_share("beat"), _share("mv2h"), known)))
    return f"<h2>Where it is right and where not</h2><div class='charts'>{''.join(charts)}</div>"


def _each(comparisons: Sequence[Comparison]) -> str:
    names = [name for name in BY_COMPOSER if name in comparisons[0].figures]
    rows = []
    for comparison in sorted(comparisons, key=lambda found: found.figures["mv2h"]):
        values = [comparison.figures[name] for name in names]
        rows.append([comparison.name, *(f"{value:.3f}" if np.isfinite(value) else "–" for value in values)])
    return "<h2>Every performance, worst first</h2>" + table(["performance", *names], rows, words={0: "file"})


def _published() -> str:
    listed = "".join(f"<li>{escape(source)}</li>" for source in SCORES)
    return (
        "<h2>Published work</h2><p class='quiet'>Other splits, excerpts and measures: not comparable figure by "
        f"figure.</p><ol class='quiet'>{listed}</ol>"
    )


def _by_composer(comparisons: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    groups: dict[str, list[Comparison]] = {}
    for comparison in sorted(comparisons, key=lambda found: found.composer):
        groups.setdefault(comparison.composer, []).append(comparison)
    return groups


def _means(members: Sequence[Comparison]) -> dict[str, float | None]:
    """Of the members that can tell a figure; None where none can."""
    columns = {name: [member.figures[name] for member in members] for name in members[0].figures}
    return {name: float(np.nanmean(column)) if np.isfinite(column).any() else None for name, column in columns.items()}


def _share(name: str) -> Axis:
    return Axis("MV2H" if name == "mv2h" else name, 0, 1, SHARE.ticks, 2)
