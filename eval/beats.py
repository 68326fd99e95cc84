"""Beats, downbeats and time signatures found from performed notes, on compositions never trained on.

`python -m eval.beats --data DIR [--limit N] [--seconds S] [--errors] [--baseline]`

F: mir_eval's beat F-measure with a window of 70 ms, over the annotated stretch and without mir_eval's usual cut of the
first five seconds, since a score begins at its first note. The annotated beats are those of the score: the lower figure
of the time signature, or the dotted value in compound metres. `signature` counts pieces whose first time signature is
found exactly, where x/16 counts as x/8 of the same beats; `offered` those where it is found, or among the other metres
that are offered in its place; `metre` those where the number of beats in the first bar and whether they divide in three
are right; `levels` and `printed` those whose beats change their level on the way (`level_changes`), as they are found
and as they are annotated. Each composition counts once: its performances share its weight.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import mir_eval
import numpy as np
import pretty_midi

from eval.heldout import add_weights, take_weights
from transcriber.notate.beats import level_changes
from transcriber.notate.meter import Bar, Meter, find_meter, other_metres
from transcriber.notate.onsets import Floats, NoteTable
from transcriber.notate.training.augmentation import mishear
from transcriber.notate.training.corpus import DOWNBEAT, NO_BEAT, BeatTrack, Piece, read_pieces
from transcriber.notate.training.labels import SAME_METRE
from transcriber.performance import Note, Pedal, Performance, sort_notes
from transcriber.score import TimeSignature

WINDOW_S = 0.07  # mir_eval's default, after MIREX
MOST_PERFORMANCES = 2  # of one composition


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one performance, each within 0..1, and the seconds of CPU spent on it."""

    piece: Piece
    beat: float
    downbeat: float
    signature: float
    offered: float
    metre: float
    levels: float
    printed: float
    cpu_s: float
    found: tuple[int, int]
    wanted: tuple[int, int]


def chosen_pieces(data: Path) -> list[Piece]:
    """Validation performances, at most MOST_PERFORMANCES of a composition and source, the first of each."""
    counts: dict[tuple[str, int], int] = defaultdict(int)
    chosen = []
    for piece in read_pieces(data, "validation"):
        counts[piece.source, piece.work_group] += 1
        if counts[piece.source, piece.work_group] <= MOST_PERFORMANCES:
            chosen.append(piece)
    return chosen


def performance_of(notes: NoteTable) -> Performance:
    """The table's notes as a performance; a pedal press lasts until the next one, its release is not stored."""
    played = sort_notes(
        [
            Note(float(onset_s), float(offset_s), int(pitch), int(np.clip(velocity, 1, 127)))
            for onset_s, offset_s, pitch, velocity in zip(
                notes.onset_s, notes.offset_s, notes.pitch, notes.velocity, strict=True
            )
        ]
    )
    downs = notes.pedal_s.tolist()
    pedals = tuple(Pedal(on_s, off_s) for on_s, off_s in zip(downs, [*downs[1:], np.inf], strict=False))
    return Performance(played, pedals, max(note.offset_s for note in played))


def excerpt(piece: Piece, seconds: float) -> Piece:
    """What begins within the first `seconds`."""
    notes, track = piece.notes, piece.track
    kept, near = notes.onset_s < seconds, track.time_s < seconds
    cut = NoteTable(
        notes.onset_s[kept],
        notes.offset_s[kept],
        notes.pitch[kept],
        notes.velocity[kept],
        notes.pedal_s[notes.pedal_s < seconds],
    )
    beats = BeatTrack(track.time_s[near], track.kind[near], track.beats[near], track.beat_type[near])
    return replace(piece, notes=cut, track=beats)


def with_errors(piece: Piece, seed: int) -> Piece:
    """The piece as a transcriber might hear it: notes lost, added and blurred."""
    return replace(piece, notes=mishear(piece.notes, np.random.default_rng(seed)))


def global_tempo(performance: Performance) -> Meter:
    """The baseline: pretty_midi's one tempo and first beat for the whole piece, in 4/4."""
    midi = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(n.velocity, n.pitch, n.onset_s, n.offset_s) for n in performance.notes]
    midi.instruments.append(piano)
    step_s = 60 / (midi.estimate_tempo() if len(performance.notes) > 1 else 120)
    beats = np.arange(performance.notes[0].onset_s, performance.notes[-1].onset_s + 4 * step_s, step_s)
    bars = [Bar(TimeSignature(4, 4), tuple(beats[start : start + 4])) for start in range(0, len(beats) - 3, 4)]
    return Meter(tuple(bars), float(bars[-1].beat_times_s[-1] + step_s))


def evaluate(piece: Piece, baseline: bool) -> Result:
    performance = performance_of(piece.notes)
    started_s = time.process_time()
    meter = global_tempo(performance) if baseline else find_meter(performance)
    cpu_s = time.process_time() - started_s
    track = piece.track
    beat_s = track.time_s[track.kind != NO_BEAT]
    beat, downbeat = f_measures(meter, beat_s, track.time_s[track.kind == DOWNBEAT])
    wanted = written_alike(int(track.beats[0]), int(track.beat_type[0]))
    found = written_alike(meter.bars[0].time.beats, meter.bars[0].time.beat_type)
    others = () if baseline else other_metres(performance, meter)
    return Result(
        piece,
        beat,
        downbeat,
        float(found == wanted),
        float(wanted in (found, *(written_alike(time_.beats, time_.beat_type) for time_ in others))),
        float(metre_of(found) == metre_of(wanted)),
        float(level_changes(beats_of(meter)) > 0),
        float(level_changes(beat_s) > 0),
        cpu_s,
        found,
        wanted,
    )


def f_measures(meter: Meter, beat_s: Floats, downbeat_s: Floats) -> tuple[float, float]:
    """F of the meter's beats and of its bar lines, over the stretch between the first and the last true beat."""
    found_beats = beats_of(meter)
    found_downbeats = np.array([bar.beat_times_s[0] for bar in meter.bars])
    first_s, last_s = beat_s[0] - WINDOW_S, beat_s[-1] + WINDOW_S
    beat, downbeat = (
        float(mir_eval.beat.f_measure(wanted, found[(found >= first_s) & (found <= last_s)], WINDOW_S))
        for wanted, found in ((beat_s, found_beats), (downbeat_s, found_downbeats))
    )
    return beat, downbeat


def beats_of(meter: Meter) -> Floats:
    """Seconds of all beats. Shape: (beats,)."""
    return np.array([time_s for bar in meter.bars for time_s in bar.beat_times_s])


def written_alike(beats: int, beat_type: int) -> tuple[int, int]:
    """One of the time signatures that mean the same beats."""
    return SAME_METRE.get((beats, beat_type), (beats, beat_type))


def metre_of(signature: tuple[int, int]) -> tuple[int, bool]:
    """Beats in a bar, and whether they divide in three."""
    time_ = TimeSignature(*signature)
    return time_.beat_count, time_.compound


def table(results: list[Result]) -> str:
    """A line for each source: the mean over compositions."""
    by_source: dict[str, dict[int, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        by_source[result.piece.source][result.piece.work_group].append(result)
        if result.piece.source != "POP909":
            by_source["all but POP909"][result.piece.work_group].append(result)
    lines = [f"{'source':<18} compositions   beat  downbeat  signature  offered  metre  levels  printed  CPU s"]
    for source, groups in by_source.items():
        means = [
            float(np.mean([np.mean([getattr(result, name) for result in group]) for group in groups.values()]))
            for name in ("beat", "downbeat", "signature", "offered", "metre", "levels", "printed", "cpu_s")
        ]
        figures = "{:7.3f} {:9.3f} {:10.3f} {:8.3f} {:6.3f} {:7.3f} {:8.3f} {:6.2f}".format(*means)
        lines.append(f"{source:<18} {len(groups):>12} {figures}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with performances.npz and score/")
    parser.add_argument("--limit", type=int, help="only every so many pieces that about N are left")
    parser.add_argument("--seconds", type=float, default=np.inf, help="only the start of each piece")
    parser.add_argument("--errors", action="store_true", help="add a transcriber's errors")
    parser.add_argument("--baseline", action="store_true", help="one global tempo instead")
    parser.add_argument("--each", action="store_true", help="a line for each piece, worst first")
    add_weights(parser)
    options = parser.parse_args()
    take_weights(options)
    pieces = chosen_pieces(options.data)
    if options.limit:
        pieces = pieces[:: max(1, len(pieces) // options.limit)]
    if options.errors:
        pieces = [with_errors(piece, seed) for seed, piece in enumerate(pieces)]
    results = [evaluate(excerpt(piece, options.seconds), options.baseline) for piece in pieces]
    if options.each:
        for result in sorted(results, key=lambda result: result.beat):
            print(
                f"{result.beat:.2f} {result.downbeat:.2f} found {result.found} wanted {result.wanted} "
                f"{result.piece.source} {result.piece.composer} {result.piece.name}"
            )
    print(table(results))


if __name__ == "__main__":
    main()
