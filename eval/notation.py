"""How well performances are written down, measured against the printed scores that were played.

    python -m eval.notation --data DIR [--limit N] [--beats true|ours] [--part validation]

One performance of each composition, mean over performances:

- staff: share of matched notes on the printed staff; `middle C` is the same for a division there
- key: share of performances whose first key signature is the printed one; `key notes`: share of notes under it
- spelling: share of notes named as printed
- position: share of notes at the printed position in the bar (and, with the true beats, in the printed bar)
- value: share of the notes at the right position whose written length, ties joined, is the printed one
- grace recall: share of the printed grace notes that are written as such; `grace false`: others so written, per note
- tied, 64ths, rests, second voice, tuplets: marks on the page, per note

Printed notes that stand for an ornament's playback do not count. With `--beats ours`, a position is right if it lies at
the right distance from the bar line, whichever bar that is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time as clock
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from eval.heldout import add_weights, take_weights
from eval.writtennotes import written_notes
from transcriber.notate import notate, notate_on
from transcriber.notate.edits import gather
from transcriber.notate.training.pack import AlignedPiece, aligned_piece, load_reader, quarters
from transcriber.notate.training.split import part
from transcriber.score import Chord, Rest, Score

HIDDEN = 128  # the pack's flag for the playback of an ornament
MIDDLE_C = 60
STEPS = "CDEFGAB"
CLOSE_Q = Fraction(1, 200)  # rounding of the pack's tuplets


@dataclass
class Figures:
    """Sums for one performance."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)

    def share(self, part: str, whole: str) -> float:
        return self.counts[part] / self.counts[whole] if self.counts[whole] else float("nan")


def compare(piece: AlignedPiece, score: Score, beats: str) -> Figures:
    figures = Figures(piece.name)
    count = figures.counts
    written = written_notes(score)
    rows = piece.rows
    bar_s = [bar.beat_times_s[0] for bar in piece.meter.bars]
    first = next(index for index in range(len(rows["row"])) if rows["row"][index] >= 0)
    count["key"] = int(score.measures[0].key.fifths == rows["fifths"][first])
    count["pieces"] = 1
    for source in range(len(rows["row"])):
        if rows["row"][source] < 0 or rows["flags"][source] & HIDDEN:
            continue
        note = written.get(source)
        if rows["grace"][source]:
            count["graces"] += 1
            count["graces found"] += note is not None and note.grace
            continue
        count["notes"] += 1
        count["middle C"] += (piece.performance.notes[source].pitch >= MIDDLE_C) == (rows["staff"][source] == 1)
        if note is None:
            continue
        count["staff"] += note.staff == rows["staff"][source] - 1
        measure = score.measures[note.measure]
        count["key notes"] += measure.key.fifths == rows["fifths"][source]
        name = (STEPS[rows["step"][source]], int(rows["alter"][source]))
        count["spelling"] += name == (note.pitch.step, note.pitch.alter)
        count["graces false"] += note.grace
        missing_q = measure.time.measure_q - measure.length_q if note.measure == 0 else Fraction(0)
        line_s = bar_s[rows["bar"][source]]
        right_bar = beats == "ours" or bool(missing_q) or abs(measure.beat_times_s[0] - line_s) <= 1e-6
        position_q = note.onset_q + missing_q
        right = right_bar and not note.grace
        if right and abs(position_q - quarters(float(rows["pos"][source]))) <= CLOSE_Q:
            count["position"] += 1
            count["value"] += abs(note.length_q - quarters(float(rows["q_dur"][source]))) <= CLOSE_Q
    count.update(_marks(score))
    return figures


def _marks(score: Score) -> Counter[str]:
    marks: Counter[str] = Counter()
    for measure in score.measures:
        marks["bars"] += 1
        for voices in measure.staves:
            for voice in voices:
                for event in voice.events:
                    marks["64ths"] += event.value.type == "64th"
                    marks["second voice"] += voice.number == 2 and isinstance(event, Chord)
                    if isinstance(event, Rest):
                        marks["rests"] += event.visible and not event.whole_measure
                        continue
                    marks["tuplets"] += event.tuplet is not None and event.tuplet.start
                    marks["staccato"] += "staccato" in event.articulations
                    marks["heads"] += sum(not head.tie_stop for head in event.heads)
                    marks["tied"] += sum(head.tie_start and not head.tie_stop for head in event.heads)
                    marks["trills"] += event.ornament == "trill"
                    marks["rolls"] += event.arpeggio
    return marks


def measure(data: Path, beats: str, which: str, limit: int | None) -> list[Figures]:
    aligned = load_reader(data).Aligned()
    seen: set[int] = set()
    results = []
    for index, meta in enumerate(aligned.meta):
        group = int(meta["work_group"])
        if part(group) != which or group in seen:
            continue
        seen.add(group)
        piece = aligned_piece(aligned, index)
        started = clock.process_time()
        if beats == "true":
            score = notate_on(piece.performance, piece.meter, gather((), piece.performance))
        else:
            score = notate(piece.performance)
        figures = compare(piece, score, beats)
        figures.counts["milliseconds"] = round(1000 * (clock.process_time() - started))
        results.append(figures)
        print(_line(figures), file=sys.stderr, flush=True)
        if limit is not None and len(results) >= limit:
            break
    return results


SHARES = {
    "staff": ("staff", "notes"),
    "middle C": ("middle C", "notes"),
    "key": ("key", "pieces"),
    "key notes": ("key notes", "notes"),
    "spelling": ("spelling", "notes"),
    "position": ("position", "notes"),
    "value": ("value", "position"),
    "grace recall": ("graces found", "graces"),
    "grace false": ("graces false", "notes"),
    "tied": ("tied", "heads"),
    "64ths": ("64ths", "heads"),
    "rests": ("rests", "heads"),
    "second voice": ("second voice", "heads"),
    "tuplets": ("tuplets", "heads"),
    "staccato": ("staccato", "heads"),
}


def summary(results: list[Figures]) -> dict[str, float]:
    table = {name: float(np.nanmean([figures.share(*pair) for figures in results])) for name, pair in SHARES.items()}
    table["ms for a note"] = sum(figures.counts["milliseconds"] for figures in results) / sum(
        figures.counts["heads"] for figures in results
    )
    table["pieces"] = len(results)
    return table


def _line(figures: Figures) -> str:
    shown = ("staff", "key", "spelling", "position", "value", "tied", "rests", "second voice")
    columns = "  ".join(f"{name} {100 * figures.share(*SHARES[name]):5.1f}" for name in shown)
    return f"{figures.name[:48]:48} {columns}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the aligned scores")
    parser.add_argument("--limit", type=int, help="at most so many performances")
    parser.add_argument("--beats", choices=("true", "ours"), default="true")
    parser.add_argument("--part", choices=("train", "development", "validation"), default="validation")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    add_weights(parser)
    arguments = parser.parse_args()
    take_weights(arguments)
    table = summary(measure(arguments.data, arguments.beats, arguments.part, arguments.limit))
    if arguments.json:
        print(json.dumps(table, indent=1))
    else:
        for name, value in table.items():
            print(f"{name:14} {value:8.4f}")


if __name__ == "__main__":
    main()
