"""Scores written down from performances of ASAP (Foscarin et al., ISMIR 2020), compared with the printed ones.

    python -m eval.asap --root asap-dataset [--source midi|audio] [--composer NAME] [--held-out] [--limit N] [--out DIR]

The folder holds metadata.csv, asap_annotations.json and, in folders by composer, MusicXML scores and MIDI performances,
as published; the audio is there once ASAP's own script has cut it out of MAESTRO. Each performance is written down and
compared with the bars that were played, repeats included, as the annotations list them: MV2H (`eval/mv2h.py`), MUSTER
(`eval/muster.py`, where lower is better), beats and bar lines (`eval/beats.py`), and staff, key, spelling, position,
value, grace notes and what stands on the page for each note (`eval/notation.py`). A printed note counts as played where
a performed note of its pitch lies nearest to the place that the annotated beats give it, in order and within half a
second.

The weights that ship were taught on ASAP itself, so that figures on all of it come out too well. `--held-out` measures
the 24 compositions that were set aside, with weights that know none of them (`eval/heldout.py`).

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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from eval import provenance
from eval.beats import f_measures, metre_of, written_alike
from eval.campaign import DEFAULT_OUT, Jobs, Limit, Where, output_width, spread
from eval.heldout import HELD_OUT, asap_folders
from eval.mv2h import mv2h
from eval.notation import SHARES, compare
from eval.performedscore import (
    PlayedBar,
    aligned,
    compared_in_quarters,
    played_bars,
    timed_reference,
    timed_score,
    true_meter,
)
from eval.printed import UnreadableScore, read_printed
from eval.runner import Problem, stamp, workers
from eval.scoreruns import Comparison, Kept, ScoreRun, close_score_run, summary, written_by
from eval.systems import checkpoint_hash
from eval.tables import score_sheet
from transcriber.errors import TranscriberError
from transcriber.notate.learned import use_weights
from transcriber.notate.meter import Bar, Meter
from transcriber.options import Device
from transcriber.performance import Performance, read_midi
from transcriber.score import Score

Source = Literal["midi", "audio"]
MV2H_PARTS = ("multi_pitch", "voice", "meter", "value", "harmony")


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


def evaluate(piece: PlayedPiece, source: Source, device: Device, held_out: bool = False) -> Comparison | Problem:
    """Write one performance down and compare."""
    from transcriber.notate import notate

    if held_out:
        use_weights(HELD_OUT)

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
    return Comparison(piece.name, piece.composer, figures(bars, performance, score))


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
    mistakes = compared_in_quarters(bars, piece, score)
    return {
        "mv2h": found.mv2h,
        **{f"mv2h {name.replace('_', '-')}": getattr(found, name) for name in MV2H_PARTS},
        "muster": mistakes.mean,
        **{f"muster {name}": rate for name, rate in asdict(mistakes).items()},
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


def stamps(piece: PlayedPiece, source: Source) -> dict[str, Any]:
    """The files that a comparison was made from, as they are now."""
    files = [piece.score, piece.midi if source == "midi" else piece.audio]
    notes = hashlib.sha256(json.dumps(piece.annotations, sort_keys=True).encode()).hexdigest()[:12]
    return {"files": [stamp(path) for path in files], "annotations": notes}


def kept_in(folder: Path, pieces: Sequence[PlayedPiece], source: Source, held_out: bool = False) -> Kept:
    """The ledger of `folder`, in which a comparison holds as long as its files, the code and the models do."""
    writer = {
        "code": written_by(),
        "source": source,
        "held out": held_out,
        "checkpoint": checkpoint_hash(None) if source == "audio" else None,
    }
    by_name = {piece.name: piece for piece in pieces}
    return Kept(folder, lambda name: writer | stamps(by_name[name], source))


def measure(
    pieces: Sequence[PlayedPiece],
    source: Source,
    device: Device,
    jobs: int,
    kept: Kept,
    on_done: Callable[[], None],
    held_out: bool = False,
) -> tuple[tuple[Comparison, ...], tuple[Problem, ...]]:
    """In the order of the pieces."""
    found: dict[str, Comparison | Problem] = dict(kept.load([piece.name for piece in pieces]))
    for _ in found:
        on_done()
    with workers(jobs) as pool:
        waiting = [piece for piece in pieces if piece.name not in found]
        futures = {pool.submit(evaluate, piece, source, device, held_out): piece for piece in waiting}
        for future in as_completed(futures):
            outcome = future.result()
            found[futures[future].name] = outcome
            if isinstance(outcome, Comparison):
                kept.add(outcome)
            on_done()
    outcomes = [found[piece.name] for piece in pieces]
    return (
        tuple(outcome for outcome in outcomes if isinstance(outcome, Comparison)),
        tuple(outcome for outcome in outcomes if isinstance(outcome, Problem)),
    )


def main(
    root: Annotated[Path, typer.Option(help="ASAP's folder.", file_okay=False, exists=True)],
    source: Annotated[Source, typer.Option(help="What is written down.")] = "midi",
    composer: Annotated[str | None, typer.Option(help="Only this composer.", show_default=False)] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only compositions set aside, with weights that do not know them.")
    ] = False,
    limit: Limit = None,
    jobs: Jobs = 0,
    device: Where = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/eval/asap-SOURCE unless given.", show_default=False)
    ] = None,
) -> None:
    console, status = Console(width=output_width()), Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        pieces = [piece for piece in read_pieces(root) if composer in (None, piece.composer)]
    except DamagedList as cause:
        status.print(str(cause), markup=False)
        raise typer.Exit(2) from cause
    if held_out:
        pieces = [piece for piece in pieces if piece.name.rpartition("/")[0] in asap_folders()]
    pieces = spread(pieces, limit)
    folder = out or DEFAULT_OUT / f"asap-{source}{'-held-out' if held_out else ''}"
    kept, count = kept_in(folder, pieces, source, held_out), jobs or len(os.sched_getaffinity(0))
    try:
        with Progress(console=status, transient=True) as bars:
            bar = bars.add_task("ASAP", total=len(pieces))
            comparisons, problems = measure(pieces, source, device, count, kept, lambda: bars.advance(bar), held_out)
    except KeyboardInterrupt:
        done = len(kept.load([piece.name for piece in pieces]))
        status.print(
            f"\nStopped. {done} of {len(pieces)} performances are kept in {kept.file}; the same command goes on."
        )
        raise typer.Exit(130) from None
    options = {
        "source": source,
        "composer": composer or "",
        "held out": str(held_out),
        "limit": str(limit or ""),
        "jobs": str(count),
    }
    run = ScoreRun(provenance.score_header("ASAP", source, options | {"device": device}), comparisons, problems)
    close_score_run(folder, run)
    console.print(score_sheet(summary(comparisons)))
    for problem in problems:
        console.print(f"{problem.kind}  {problem.name}: {problem.message}", markup=False, soft_wrap=True)
    console.print(f"{len(comparisons)} of {len(pieces)} performances compared.")
    status.print(f"Page: python -m eval.report {folder}", markup=False)
    raise typer.Exit(0 if comparisons and not problems else 1)


if __name__ == "__main__":
    typer.run(main)
