"""Scores written down from performances of ASAP (Foscarin et al., ISMIR 2020), compared with the printed ones.

    python -m eval.asap --root asap-dataset [--source midi|audio] [--composer NAME] [--limit N] [--out DIR]

The folder holds metadata.csv, asap_annotations.json and, in folders by composer, MusicXML scores and MIDI performances,
as published; the audio is there once ASAP's own script has cut it out of MAESTRO. Each performance is written down and
compared with the bars that were played, repeats included, as the annotations list them: MV2H (`eval/mv2h.py`), beats
and bar lines (`eval/beats.py`), and staff, key, spelling, position, value, grace notes and what stands on the page for
each note (`eval/notation.py`). A printed note counts as played where a performed note of its pitch lies nearest to the
place that the annotated beats give it, in order and within half a second.

Performances whose annotations do not follow the score, and missing or damaged files, are named and counted. What is
compared is kept in DIR: a run that was stopped goes on there, as long as neither the files of a performance nor the
code and the models that write it down have changed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Sheet

import transcriber
from eval.beats import f_measures, metre_of, written_alike
from eval.campaign import DEFAULT_OUT, Jobs, Limit, Where, output_width
from eval.mv2h import mv2h
from eval.notation import SHARES, compare
from eval.performedscore import PlayedBar, aligned, played_bars, timed_reference, timed_score, true_meter
from eval.printed import UnreadableScore, read_printed
from eval.runner import Problem, workers
from eval.statistics import interval
from eval.systems import checkpoint_hash
from transcriber.errors import TranscriberError
from transcriber.notate.meter import Bar, Meter
from transcriber.options import Device
from transcriber.performance import Performance, read_midi
from transcriber.score import Score

Source = Literal["midi", "audio"]
KEPT = DEFAULT_OUT / "asap"
MV2H_PARTS = ("mv2h", "multi_pitch", "voice", "meter", "value", "harmony")


@dataclass(frozen=True)
class PlayedPiece:
    """One row of the metadata with its annotations."""

    name: str
    composer: str
    title: str
    score: Path
    midi: Path
    audio: Path | None
    annotations: dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Figures of one performance, each a share of 0..1 or, for marks on the page, a count for each note."""

    name: str
    figures: dict[str, float]


class DamagedList(Exception):
    """metadata.csv or asap_annotations.json cannot be used."""


def read_pieces(root: Path) -> list[PlayedPiece]:
    """In the order of metadata.csv. Raises DamagedList."""
    try:
        annotations = json.loads((root / "asap_annotations.json").read_text(encoding="utf-8"))
        with (root / "metadata.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [_piece(root, row, annotations) for row in rows]
    except (OSError, ValueError, csv.Error) as cause:
        raise DamagedList(f"{root} is not ASAP's folder: {cause}.") from cause
    except KeyError as cause:
        raise DamagedList(f"metadata.csv has no column {cause}.") from cause


def evaluate(piece: PlayedPiece, source: Source, device: Device) -> Comparison | Problem:
    """Write one performance down and compare."""
    from transcriber.notate import notate

    try:
        if not piece.annotations.get("score_and_performance_aligned"):
            return Problem(piece.name, "mismatched", "its annotations do not follow the score")
        bars = played_bars(read_printed(piece.score), piece.annotations)
        performance = _performance(piece, source, device)
        score = notate(performance)
    except (UnreadableScore, FileNotFoundError) as cause:
        return Problem(piece.name, "missing" if isinstance(cause, FileNotFoundError) else "unreadable", str(cause))
    except (KeyError, ValueError) as cause:
        return Problem(piece.name, "mismatched", f"annotations and score do not fit: {cause}")
    except TranscriberError as cause:
        return Problem(piece.name, "unreadable", cause.message)
    return Comparison(piece.name, figures(bars, performance, score))


def figures(bars: Sequence[PlayedBar], performance: Performance, score: Score) -> dict[str, float]:
    """Every figure of one performance, by name."""
    piece = aligned(bars, performance)
    found = mv2h(timed_reference(bars, piece), timed_score(score, performance))
    written = Meter(
        tuple(Bar(measure.time, measure.beat_times_s) for measure in score.measures if measure.beat_times_s),
        score.end_s,
    )
    truth = true_meter(bars)
    beat, downbeat = f_measures(
        written,
        np.array([time_s for bar in truth.bars for time_s in bar.beat_times_s]),
        np.array([bar.beat_times_s[0] for bar in truth.bars]),
    )
    wanted, given = ((meter.bars[0].time.beats, meter.bars[0].time.beat_type) for meter in (truth, written))
    counts = compare(piece, score, "ours")
    return {
        **{name: getattr(found, name) for name in MV2H_PARTS},
        "beat": beat,
        "downbeat": downbeat,
        "time signature": float(written_alike(*wanted) == written_alike(*given)),
        "metre": float(metre_of(written_alike(*wanted)) == metre_of(written_alike(*given))),
        **{name: counts.share(*pair) for name, pair in SHARES.items()},
    }


def _piece(root: Path, row: dict[str, str], annotations: dict[str, Any]) -> PlayedPiece:
    audio = row.get("audio_performance")
    return PlayedPiece(
        name=row["midi_performance"].rpartition(".")[0],
        composer=row["composer"],
        title=row["title"],
        score=root / row["xml_score"],
        midi=root / row["midi_performance"],
        audio=root / audio if audio else None,
        annotations=annotations.get(row["midi_performance"], {}),
    )


def _performance(piece: PlayedPiece, source: Source, device: Device) -> Performance:
    if source == "midi":
        if not piece.midi.exists():
            raise FileNotFoundError(f"{piece.midi.name} does not exist")
        return read_midi(piece.midi)
    if piece.audio is None or not piece.audio.exists():
        raise FileNotFoundError(f"{piece.name} has no audio file; ASAP's own script cuts it out of MAESTRO")
    from transcriber.audio import load
    from transcriber.listen import listen

    return listen(load(piece.audio), device=device)


class Kept:
    """Comparisons of earlier runs: a line of JSON each, with what it came from."""

    def __init__(self, folder: Path, source: Source) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"asap-{source}.jsonl"
        self._writer = {"code": written_by(), "checkpoint": checkpoint_hash(None) if source == "audio" else None}
        self._source = source

    def load(self, pieces: Sequence[PlayedPiece]) -> dict[str, Comparison]:
        """By name, of those that would come out the same today."""
        origins = {piece.name: self._origin(piece) for piece in pieces}
        found = {}
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            with suppress(ValueError, KeyError, TypeError):  # the line that an interruption cut off
                stored = json.loads(line)
                comparison = Comparison(stored["name"], stored["figures"])
                if stored["origin"] == origins.get(comparison.name):
                    found[comparison.name] = comparison
        return found

    def add(self, piece: PlayedPiece, comparison: Comparison) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps(asdict(comparison) | {"origin": self._origin(piece)}) + "\n")

    def _origin(self, piece: PlayedPiece) -> dict[str, Any]:
        files = [piece.score, piece.midi if self._source == "midi" else piece.audio]
        stamps = [_stamp(path) for path in files]
        notes = hashlib.sha256(json.dumps(piece.annotations, sort_keys=True).encode()).hexdigest()[:12]
        return self._writer | {"files": stamps, "annotations": notes}


def written_by() -> str:
    """Changes with the code and the models that turn notes into a score, and with how scores are compared."""
    digest = hashlib.sha256()
    for folder in (Path(transcriber.__file__).parent, Path(__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".safetensors", ".npz", ".json"):
                digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _stamp(path: Path | None) -> list[int] | None:
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return None
    return None if status is None else [status.st_size, status.st_mtime_ns]


def measure(
    pieces: Sequence[PlayedPiece],
    source: Source,
    device: Device,
    jobs: int,
    kept: Kept,
    on_done: Callable[[], None],
) -> tuple[list[Comparison], list[Problem]]:
    """In the order of the pieces."""
    found: dict[str, Comparison | Problem] = dict(kept.load(pieces))
    for _ in found:
        on_done()
    with workers(jobs) as pool:
        waiting = [piece for piece in pieces if piece.name not in found]
        futures = {pool.submit(evaluate, piece, source, device): piece for piece in waiting}
        for future in as_completed(futures):
            piece, outcome = futures[future], future.result()
            found[piece.name] = outcome
            if isinstance(outcome, Comparison):
                kept.add(piece, outcome)
            on_done()
    outcomes = [found[piece.name] for piece in pieces]
    return (
        [outcome for outcome in outcomes if isinstance(outcome, Comparison)],
        [outcome for outcome in outcomes if isinstance(outcome, Problem)],
    )


def summary(comparisons: Sequence[Comparison]) -> dict[str, dict[str, Any]]:
    """Mean and its 95 % interval of each figure; performances that cannot tell it do not count for it."""
    table: dict[str, dict[str, Any]] = {}
    for name in comparisons[0].figures if comparisons else ():
        values = [comparison.figures[name] for comparison in comparisons if np.isfinite(comparison.figures[name])]
        if values:
            table[name] = {"mean": float(np.mean(values)), "interval": interval(values), "performances": len(values)}
    return table


def sheet(table: dict[str, dict[str, Any]]) -> Sheet:
    shown = Sheet(title="Scores", title_justify="left")
    for name in ("figure", "mean", "95 % interval", "performances"):
        shown.add_column(name, justify="left" if name == "figure" else "right")
    for name, row in table.items():
        within = "–" if row["interval"] is None else "{:.4f} – {:.4f}".format(*row["interval"])
        shown.add_row(name, f"{row['mean']:.4f}", within, str(row["performances"]))
    return shown


def main(
    root: Annotated[Path, typer.Option(help="ASAP's folder.", file_okay=False, exists=True)],
    source: Annotated[Source, typer.Option(help="What is written down.")] = "midi",
    composer: Annotated[str | None, typer.Option(help="Only this composer.", show_default=False)] = None,
    limit: Limit = None,
    jobs: Jobs = 0,
    device: Where = "auto",
    out: Annotated[Path, typer.Option(help="What is compared is kept here; a run that was stopped goes on.")] = KEPT,
    output: Annotated[Path | None, typer.Option("--json", help="Every figure goes here too.")] = None,
) -> None:
    console, status = Console(width=output_width()), Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        pieces = [piece for piece in read_pieces(root) if composer in (None, piece.composer)]
    except DamagedList as cause:
        status.print(str(cause), markup=False)
        raise typer.Exit(2) from cause
    if limit is not None and limit < len(pieces):
        pieces = [pieces[index * len(pieces) // limit] for index in range(limit)]
    kept = Kept(out, source)
    try:
        with Progress(console=status, transient=True) as bars:
            bar = bars.add_task("ASAP", total=len(pieces))
            comparisons, problems = measure(
                pieces, source, device, jobs or len(os.sched_getaffinity(0)), kept, lambda: bars.advance(bar)
            )
    except KeyboardInterrupt:
        done = len(kept.load(pieces))
        status.print(
            f"\nStopped. {done} of {len(pieces)} performances are kept in {kept.file}; the same command goes on."
        )
        raise typer.Exit(130) from None
    table = summary(comparisons)
    console.print(sheet(table))
    for problem in problems:
        console.print(f"{problem.kind}  {problem.name}: {problem.message}", markup=False, soft_wrap=True)
    console.print(f"{len(comparisons)} of {len(pieces)} performances compared.")
    if output:
        files = [asdict(comparison) for comparison in comparisons]
        stored = {"summary": table, "performances": files, "problems": [asdict(problem) for problem in problems]}
        output.write_text(json.dumps(stored, indent=1) + "\n")
    raise typer.Exit(0 if comparisons and not problems else 1)


if __name__ == "__main__":
    typer.run(main)
