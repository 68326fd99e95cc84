"""The report as one HTML file: no script, nothing loaded from anywhere, readable on a telephone and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import numpy as np

from eval.campaign import compare
from eval.charts import SHARE, Axis, bars, dots, lines, scale
from eval.errors import (
    NoteError,
    Outcome,
    Share,
    by_pitch,
    by_polyphony,
    by_velocity,
    note_errors,
    outcome_of,
    pitch_name,
    reliability,
    worst_window_s,
)
from eval.markup import changes, document, figure, origin, table, troubles
from eval.notes import METRICS, Counts
from eval.pianoroll import piano_roll
from eval.published import FIGURES, SCORES
from eval.runner import Result, Run
from eval.statistics import Summary, interval_text, summarise
from eval.tables import groups_of

WORST_FILES = 5
ONSET_BIN_S = 0.005
MOST_ERRORS = 400  # rows of the list of one recording; more are counted


def report_page(runs: Sequence[Run]) -> str:
    """One run in full; of two, what changed from the first to the second, then the second in full."""
    run = runs[-1]
    parts = [_head(run), *_table_of(run), _troubles(run)]
    if len(runs) == 2:
        parts.insert(1, _changes(runs[0], run))
    if run.results:
        outcomes = [outcome_of(result) for result in run.results]
        parts += [_charts(run.results, outcomes), _worst(run.results, outcomes), _files(run.results)]
    parts += [_published(run), origin(run.header)]
    return document(f"{run.header['system']} on {run.header['data set']}", parts)


def explanation_page(result: Result) -> str:
    """One recording in full: every ten seconds as a piano roll, and every wrong note in a list."""
    outcome = outcome_of(result)
    errors = note_errors(outcome)
    end_s = max(result.duration_s, 1.0)
    rolls = []
    for start_s in range(0, int(end_s) + 1, 10):
        if start_s < end_s:
            rolls.append(f'<div class="wide">{piano_roll(outcome, start_s, start_s + 10.0)}</div>')
    moved = (
        "" if result.delay_s is None else f" The labels were moved by {result.delay_s * 1000:.0f} ms to fit the sound."
    )
    parts = [
        f"<h1>{escape(result.name)}</h1>"
        f'<p class="quiet">{len(outcome.reference)} notes played, {len(outcome.pairs)} right, '
        f"{len(outcome.missed)} missed, {len(outcome.extra)} extra.{moved}</p>",
        '<div class="wide">' + _scores(result.aligned or result.scores) + "</div>",
        "<h2>What was played and what was heard</h2>" + _key(),
        *rolls,
        f"<h2>Every wrong note</h2><div class='wide'>{_errors(errors[:MOST_ERRORS])}</div>",
    ]
    if len(errors) > MOST_ERRORS:
        parts.append(f"<p>{len(errors) - MOST_ERRORS} more are not shown.</p>")
    return document(result.name, parts)


def figures_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Everything that the page shows, as numbers."""
    run = runs[-1]
    outcomes = [outcome_of(result) for result in run.results]
    found: dict[str, Any] = {
        "files": [
            {
                "name": result.name,
                "facts": result.facts,
                "duration_s": result.duration_s,
                "cpu_s": result.cpu_s,
                "wall_s": result.wall_s,
                "delay_s": result.delay_s,
                "worst_window_s": worst_window_s(outcome),
                "f1": {name: counts.f1 for name, counts in result.scores.items()},
            }
            for result, outcome in zip(run.results, outcomes, strict=True)
        ],
        "by pitch": [_plain(share) for share in by_pitch(outcomes)],
        "by velocity": [_plain(share) for share in by_velocity(outcomes)],
        "by polyphony": [_plain(share) for share in by_polyphony(outcomes)],
        "onset errors": _histogram(outcomes),
        "reliability": reliability(outcomes),
        "published": [_plain(figure) for figure in FIGURES],
    }
    if len(runs) == 2:
        found["compared with"] = {
            "header": runs[0].header,
            "differences": {name: _plain(change) for name, change in compare(runs[0], run).items()},
        }
    return found


def _head(run: Run) -> str:
    seconds = sum(result.duration_s for result in run.results)
    return (
        f"<h1>{escape(run.header['data set'])}</h1><p class='quiet'>{escape(run.header['system'])} · "
        f"{len(run.results)} files, {seconds / 3600:.2f} hours of audio</p>"
    )


def _table_of(run: Run) -> list[str]:
    if not run.results:
        return ["<p>No file could be scored.</p>"]
    parts = ["<h2>Accuracy</h2>", _summary(summarise([result.scores for result in run.results]))]
    groups = groups_of(run.results)
    if groups:
        names = (*METRICS, "frame")
        rows = [[group, *(f"{found[name].mean.f1:.4f}" for name in names)] for group, found in groups.items()]
        parts.append("<h3>F1 by condition</h3>" + table(["condition", *names], rows))
    aligned = [result.aligned for result in run.results if result.aligned is not None]
    if aligned:
        delays = sorted(result.delay_s for result in run.results if result.delay_s is not None)
        parts.append(
            "<h3>With each file's constant label delay removed</h3>"
            f"<p class='quiet'>{len(aligned)} files; labels early by {delays[0] * 1000:.0f} to "
            f"{delays[-1] * 1000:.0f} ms.</p>" + _summary(summarise(aligned))
        )
    return parts


def _summary(summaries: dict[str, Summary]) -> str:
    rows = []
    for name, summary in summaries.items():
        figures = (summary.mean.precision, summary.mean.recall, summary.mean.f1)
        rows.append(
            [
                name,
                *(f"{figure:.4f}" for figure in figures),
                interval_text(summary.interval),
                f"{summary.micro.f1:.4f}",
                summary.files,
            ]
        )
    return table(["metric", "precision", "recall", "F1", "95 % interval", "micro F1", "files"], rows)


def _troubles(run: Run) -> str:
    found = [(problem.kind, problem.name, problem.message) for problem in run.problems]
    found += [("no answer", result.name, result.failure) for result in run.results if result.failure]
    return troubles(found, len(run.results) + len(run.problems), "files")


def _changes(first: Run, second: Run) -> str:
    before = {result.name: result.scores["note"].f1 for result in first.results}
    shared = [(before[r.name], r.scores["note"].f1, r.name) for r in second.results if r.name in before]
    headers = (first.header, second.header)
    return changes(headers, "F1", compare(first, second), "note F1", shared, "file", "The files that changed most")


def _charts(results: Sequence[Result], outcomes: Sequence[Outcome]) -> str:
    ordered = sorted(result.scores["note"].f1 for result in results)
    ranks = Axis("files, worst to best", 0, max(len(ordered) - 1, 1), (0, max(len(ordered) - 1, 1)), 0)
    figures = [
        figure("By file", dots(ranks, SHARE, list(enumerate(ordered)))),
        figure("By pitch", _breakdown("key (60 is middle C)", by_pitch(outcomes), (21, 36, 48, 60, 72, 84, 96, 108))),
        figure("By velocity", _breakdown("velocity", by_velocity(outcomes), (0, 32, 64, 96, 127))),
        figure("By polyphony", _breakdown("notes sounding (12: and more)", by_polyphony(outcomes), (1, 4, 8, 12))),
        figure("Onset errors of right notes", _onset_chart(outcomes)),
    ]
    trust = reliability(outcomes)
    if trust:
        curve = ("heard", [(mean, share) for mean, share, _ in trust])
        even = ("calibrated", [(0.0, 0.0), (1.0, 1.0)])
        axis = Axis("confidence", 0, 1, SHARE.ticks, 2)
        figures.append(
            figure("Reliability of confidence", lines(axis, Axis("share right", 0, 1, SHARE.ticks, 2), [curve, even]))
        )
    timed = [(result.duration_s / 60, result.cpu_s / result.duration_s) for result in results if result.cpu_s]
    if timed:
        x = scale("minutes of audio", [point[0] for point in timed])
        y = scale("CPU-seconds for each second", [point[1] for point in timed])
        figures.append(figure("Speed", dots(x, y, timed)))
    return f"<h2>Where it is right and where not</h2><div class='charts'>{''.join(figures)}</div>"


def _breakdown(label: str, shares: Sequence[Share], ticks: tuple[float, ...]) -> str:
    axis = Axis(label, ticks[0], ticks[-1], ticks, 0)
    curves = [
        (name, [(share.middle, getattr(share, field)) for share in shares if getattr(share, field) is not None])
        for name, field in (("F1", "f1"), ("recall", "recall"), ("precision", "precision"))
    ]
    return lines(axis, Axis("share", 0, 1, SHARE.ticks, 2), curves)


def _histogram(outcomes: Sequence[Outcome]) -> list[tuple[float, float, float]]:
    """(from ms, to ms, share of all pairs) for bins of 5 ms over the tolerance."""
    errors = np.concatenate([outcome.onset_errors_s for outcome in outcomes]) if outcomes else np.zeros(0)
    edges = np.arange(-0.05, 0.05 + ONSET_BIN_S / 2, ONSET_BIN_S)
    counts = np.histogram(np.clip(errors, -0.0499, 0.0499), edges)[0]
    return [
        (round(1000 * float(low), 1), round(1000 * float(high), 1), float(count / max(len(errors), 1)))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def _onset_chart(outcomes: Sequence[Outcome]) -> str:
    heights = _histogram(outcomes)
    axis = Axis("heard later than played, ms", -50, 50, (-50, -25, 0, 25, 50), 0)
    return bars(axis, scale("share of right notes", [height for _, _, height in heights]), heights)


def _worst(results: Sequence[Result], outcomes: Sequence[Outcome]) -> str:
    order = sorted(range(len(results)), key=lambda index: results[index].scores["note"].f1)[:WORST_FILES]
    parts = ["<h2>The worst ten seconds of the worst files</h2>", _key()]
    for index in order:
        result, outcome = results[index], outcomes[index]
        start_s, end_s = worst_window_s(outcome)
        about = ", ".join(value for key, value in result.facts.items() if key in ("composer", "title"))
        parts.append(
            f"<h3>{escape(result.name)}</h3><p class='quiet'>{escape(about)}{' · ' if about else ''}note F1 "
            f"{result.scores['note'].f1:.4f}; {start_s:.0f} to {end_s:.0f} s</p>"
            f"<div class='wide'>{piano_roll(outcome, start_s, end_s)}</div>"
        )
    return "".join(parts)


def _files(results: Sequence[Result]) -> str:
    rows = [
        [result.name, *(f"{result.scores[name].f1:.4f}" for name in METRICS), f"{result.duration_s:.0f} s"]
        for result in results
    ]
    return "<h2>Every file</h2>" + table(["file", *METRICS, "length"], rows, words={0: "file"})


def _published(run: Run) -> str:
    ours = summarise([result.scores for result in run.results])
    sources = list(dict.fromkeys(found.source for found in FIGURES))

    def percent(name: str) -> str:
        return f"{100 * ours[name].mean.f1:.2f}" if name in ours else "–"

    rows: list[list[object]] = [
        [
            "this run",
            run.header["data set"],
            percent("frame"),
            percent("note"),
            percent("note + offset"),
            percent("note + offset + velocity"),
        ]
    ]
    for found in FIGURES:
        values = (found.frame, found.note, found.note_offset, found.note_offset_velocity)
        cells = ["–" if value is None else f"{value:.2f}" for value in values]
        rows.append([f"{found.system} [{sources.index(found.source) + 1}]", found.data, *cells])
    head = ["F1, %", "data", "frame", "note", "+ offset", "+ offset + velocity"]
    listed = "".join(f"<li>{escape(source)}</li>" for source in (*sources, *SCORES))
    return (
        "<h2>Published figures</h2><p class='quiet'>Comparable only on the same recordings; frames are counted on each "
        "paper's own grid.</p>" + table(head, rows, words={1: "words"}) + f"<ol class='quiet'>{listed}</ol>"
    )


def _scores(scores: dict[str, Counts]) -> str:
    rows = [[name, f"{c.precision:.4f}", f"{c.recall:.4f}", f"{c.f1:.4f}"] for name, c in scores.items()]
    return table(["metric", "precision", "recall", "F1"], rows)


def _errors(errors: Sequence[NoteError]) -> str:
    rows = [
        [
            f"{error.at_s:.2f} s",
            error.kind,
            pitch_name(error.pitch),
            error.velocity,
            "" if error.confidence is None else f"{error.confidence:.2f}",
            error.reason,
        ]
        for error in errors
    ]
    head = ["at", "what", "note", "velocity", "confidence", "likely because"]
    return table(head, rows, words={1: "words", 2: "words", 5: "words"})


def _key() -> str:
    return (
        '<p class="key quiet"><span class="right"></span>right<span class="missed"></span>missed'
        '<span class="extra"></span>extra</p>'
    )


def _plain(record: object) -> dict[str, Any]:
    return asdict(record)  # type: ignore[call-overload,no-any-return]
