"""Our notation beside MuseScore's and music21's import of the same performed notes, on held-out compositions.

    make bench-notate DATA=DIR [PIANOS=FOLDER]
    (python -m eval.bench_notate --data DIR [--pianos FOLDER] [--limit N] [--seconds S] [--out DIR])

DIR holds performances aligned with their printed scores (`aligned.npz` and `reader.py`; see
`transcriber/notate/training/pack.py`). One performance of each composition that no part of notation was trained on is
written down by each program, from its notes alone, and compared with the printed bars that were played: the figures of
`eval/asap.py`. Only signatures are printed there, no modes, so that keys are compared as majors. `misheard` is ours
again, from notes with a transcriber's errors: one in twenty lost, as many added, onsets off by 15 ms, lengths by half.
With PIANOS, a folder of sampled pianos, rooms and noises as the note model's training takes it, `heard` is ours from
sound: each performance played on one of them, recorded (`eval/studio.py`), and heard by the note model. MuseScore is
left out, with a word, where it is not installed.

OUT gets `figures.json` with every figure of every piece, `figures.txt` with their means, and our first page of the
three worst pieces and the three in the middle, by MV2H, as PDF.
"""

from __future__ import annotations

import argparse
import json
import sys
import time as clock
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.asap import figures
from eval.heldout import add_weights, take_weights
from eval.imports import ImportFailed, imported, musescore
from eval.performedscore import PlayedBar
from eval.printed import PrintedNote, UnreadableScore
from eval.studio import Studio
from transcriber.engrave import engrave
from transcriber.errors import TranscriberError
from transcriber.notate import notate
from transcriber.notate.training.pack import AlignedPiece, aligned_piece, load_reader, quarters
from transcriber.notate.training.split import part
from transcriber.performance import HIGHEST_PITCH, LOWEST_PITCH, Performance
from transcriber.score import KeySignature, Score

STEPS = "CDEFGAB"
GRACE, HIDDEN = 1, 128  # flags of the pack
SHOWN = (
    *("mv2h", "mv2h multi-pitch", "mv2h voice", "mv2h meter", "mv2h value", "mv2h harmony"),
    *("muster", "muster pitch", "muster missing", "muster extra", "muster onset", "muster offset"),
    *("beat", "downbeat", "time signature", "key"),
)
SHOWN_NOTES = ("staff", "spelling", "position", "written value", "tied", "64ths", "rests")
OWN = ("ours", "misheard", "heard")
LOST, ADDED = 0.05, 0.05  # shares of all notes
JITTER_S = 0.015  # standard deviation
LENGTH_SPREAD = 0.4  # standard deviation of the logarithm of a length's error
STRAYS = (-24, -12, -7, 7, 12, 19, 24)  # semitones from a note to what is heard along with it: octaves and partials
SHORTEST_S = 0.03
PICTURES = 3  # of the worst pieces, and as many of the middle ones


@dataclass(frozen=True)
class Excerpt:
    """The beginning of one performance with the printed bars that were played in it."""

    name: str
    performance: Performance
    bars: tuple[PlayedBar, ...]


def excerpt_of(aligned: Any, index: int, seconds: float) -> Excerpt:
    """The bars of performance `index` that begin within the first `seconds`, and the notes struck until their end."""
    piece = aligned_piece(aligned, index)
    start_s = piece.performance.notes[0].onset_s
    printed = aligned.score(aligned.meta[index]["score"])
    table = aligned.bars(aligned.meta[index]["score"])
    starts_s = [bar.beat_times_s[0] for bar in piece.meter.bars]
    count = max(1, sum(time_s < start_s + seconds for time_s in starts_s))
    bars = tuple(_played(piece, printed, table, number) for number in range(count))
    end_s = bars[-1].times_s[-1] if count < len(starts_s) else np.inf
    notes = tuple(note for note in piece.performance.notes if note.onset_s < end_s - 0.05)
    pedals = tuple(pedal for pedal in piece.performance.pedals if pedal.on_s < end_s)
    return Excerpt(piece.name, Performance(notes, pedals, max(note.offset_s for note in notes)), bars)


def _played(piece: AlignedPiece, printed: Any, table: Any, number: int) -> PlayedBar:
    """Bar `number` of the score as it was played. A pickup lacks its front."""
    bar = piece.meter.bars[number]
    following = (
        piece.meter.bars[number + 1].beat_times_s[0] if number + 1 < len(piece.meter.bars) else piece.meter.end_s
    )
    missing_q = quarters(float(table["offset"][number]))
    length_q = bar.time.measure_q - missing_q
    beats = [(float(bar.time.beat_q * beat - missing_q), time_s) for beat, time_s in enumerate(bar.beat_times_s)]
    beats.append((float(length_q), following))
    places_q, times_s = np.array(beats).T
    start_s = float(np.interp(0.0, places_q, times_s))
    beats = [(0.0, start_s), *((place_q, time_s) for place_q, time_s in beats if place_q > 0)]
    own = np.flatnonzero(printed["bar"] == number)
    notes = tuple(_printed(printed, int(row), missing_q) for row in own)
    fifths = int(printed["fifths"][own[0]]) if len(own) else 0
    return PlayedBar(
        bar.time,
        fifths,
        True,
        notes,
        length_q,
        missing_q,
        tuple(place_q for place_q, _ in beats),
        tuple(time_s for _, time_s in beats),
    )


def _printed(printed: Any, row: int, missing_q: Any) -> PrintedNote:
    flags = int(printed["flags"][row])
    return PrintedNote(
        onset_q=quarters(float(printed["pos"][row])) - missing_q,
        length_q=quarters(float(printed["dur"][row])),
        step=STEPS[int(printed["step"][row])],  # type: ignore[arg-type]
        alter=int(printed["alter"][row]),
        octave=int(printed["octave"][row]),
        staff=int(printed["staff"][row]) - 1,
        voice=str(int(printed["voice"][row])),
        grace=bool(flags & GRACE),
        tie_start=False,
        tie_stop=False,
        hidden=bool(flags & HIDDEN),
    )


def misheard(performance: Performance, seed: int) -> Performance:
    """The notes as a transcriber might hear them; the pedal as it was."""
    rng = np.random.default_rng(seed)
    notes = [note for note in performance.notes if rng.random() >= LOST] or list(performance.notes)
    for index in rng.choice(len(notes), round(ADDED * len(performance.notes))):
        pitch = notes[index].pitch + int(rng.choice(STRAYS))
        if LOWEST_PITCH <= pitch <= HIGHEST_PITCH:
            notes.append(replace(notes[index], pitch=pitch, velocity=max(1, notes[index].velocity // 2)))
    found = []
    for note in notes:
        onset_s = max(0.0, note.onset_s + rng.normal(0, JITTER_S))
        length_s = max(SHORTEST_S, (note.offset_s - note.onset_s) * np.exp(rng.normal(0, LENGTH_SPREAD)))
        found.append(replace(note, onset_s=onset_s, offset_s=onset_s + length_s))
    found.sort(key=lambda note: (note.onset_s, note.pitch))
    return replace(performance, notes=tuple(found), duration_s=max(note.offset_s for note in found))


def given(excerpt: Excerpt, program: str, studio: Studio | None) -> Performance:
    """The notes that a program is to write down."""
    if program == "misheard":
        return misheard(excerpt.performance, seed=0)
    if program == "heard" and studio is not None:
        return studio.heard(excerpt.performance, zlib.crc32(excerpt.name.encode()))
    return excerpt.performance


def measure(excerpt: Excerpt, program: str, studio: Studio | None = None) -> dict[str, float]:
    """Every figure of one program on one excerpt. Raises what the program raises."""
    heard = given(excerpt, program, studio)
    started_s = clock.process_time()
    if program in OWN:
        score = notate(heard)
        cpu_s = clock.process_time() - started_s
        found = figures(excerpt.bars, heard, in_major(score))
    else:
        score, marks = imported(heard, program)
        cpu_s = clock.process_time() - started_s
        found = figures(excerpt.bars, heard, in_major(score))
        found |= {name: marks[name] / marks["heads"] for name in ("tied", "64ths", "rests")}
    found["written value"] = found["position"] * found["value"]
    return {**found, "cpu_s": cpu_s}


def in_major(score: Score) -> Score:
    """The score with the major key of each signature."""
    return replace(
        score,
        measures=tuple(replace(bar, key=KeySignature(bar.key.fifths)) for bar in score.measures),
    )


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Means over the pieces that every program wrote down."""
    programs = list(results)
    shared = set.intersection(*(set(found) for found in results.values()))
    lines = [f"{len(shared)} compositions" + "".join(f"{program:>12}" for program in programs)]
    for name in (*SHOWN, *SHOWN_NOTES):
        means = [float(np.nanmean([results[program][piece][name] for piece in shared])) for program in programs]
        lines.append(f"{name:<16}" + "".join(f"{mean:12.3f}" for mean in means))
    return "\n".join(lines)


def draw(excerpts: dict[str, Excerpt], ours: dict[str, dict[str, float]], out: Path) -> None:
    """Our pages of the worst and the middle pieces."""
    order = sorted(ours, key=lambda name: ours[name]["mv2h"])
    middle = max(0, len(order) // 2 - PICTURES // 2)
    chosen = {
        **{f"worst-{place + 1}": name for place, name in enumerate(order[:PICTURES])},
        **{f"middle-{place + 1}": name for place, name in enumerate(order[middle : middle + PICTURES])},
    }
    for label, name in chosen.items():
        excerpt = excerpts[name]
        score = notate(excerpt.performance, title=name)
        (out / f"{label}.pdf").write_bytes(engrave(score, excerpt.performance, ("pdf",))[".pdf"])
        print(f"{label}.pdf: {name}, MV2H {ours[name]['mv2h']:.3f}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the aligned scores")
    parser.add_argument("--pianos", type=Path, help="folder with pianos/, ir/ and noise/, for the way from sound")
    parser.add_argument("--limit", type=int, help="at most so many compositions")
    parser.add_argument("--seconds", type=float, default=90.0, help="of each performance")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-notate"), help="folder for figures and pages")
    add_weights(parser)
    options = parser.parse_args()
    take_weights(options)
    studio = Studio.load(options.pianos) if options.pianos else None
    programs = [*OWN, "MuseScore", "music21"]
    if studio is None:
        programs.remove("heard")
    if musescore() is None:
        print("MuseScore is not installed and left out (Debian and Ubuntu: apt install musescore3).", file=sys.stderr)
        programs.remove("MuseScore")
    aligned = load_reader(options.data).Aligned()
    groups: set[int] = set()
    chosen = []
    for index, meta in enumerate(aligned.meta):
        group = int(meta["work_group"])
        if part(group) == "validation" and group not in groups:
            groups.add(group)
            chosen.append(index)
    excerpts: dict[str, Excerpt] = {}
    results: dict[str, dict[str, dict[str, float]]] = {program: {} for program in programs}
    for index in chosen[: options.limit]:
        excerpt = excerpt_of(aligned, index, options.seconds)
        excerpts[excerpt.name] = excerpt
        for program in programs:
            try:
                found = measure(excerpt, program, studio)
            except (ImportFailed, UnreadableScore, TranscriberError) as cause:
                print(f"{excerpt.name}, {program}: {cause}", file=sys.stderr)
                continue
            results[program][excerpt.name] = found
            print(f"{excerpt.name[:50]:<50} {program:<10} MV2H {found['mv2h']:.3f}", file=sys.stderr, flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "figures.json").write_text(json.dumps(results, indent=1))
    text = table(results)
    (options.out / "figures.txt").write_text(text + "\n")
    draw(excerpts, results["ours"], options.out)
    print(text)


if __name__ == "__main__":
    main()
