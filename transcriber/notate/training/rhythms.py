"""Count how printed scores divide their beats: the table that the quantiser's costs are made of.

    python -m transcriber.notate.training.rhythms --data DIR --out rhythms.json

Each score of the training part counts once, whatever its number of recorded performances. A pulse counts for the
smallest grid that holds every onset in it; pulses that fit none are left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from transcriber.notate.grids import GRIDS, PulseKind, pulse_kind
from transcriber.notate.leads import LEADS, SILENT, lead
from transcriber.notate.timeline import TICKS
from transcriber.notate.training.pack import load_reader
from transcriber.notate.training.split import Wanted, add_choice, is_wanted
from transcriber.score import TimeSignature

HIDDEN = 128  # the pack's flag for the playback of an ornament, which no reader sees

Rhythm = list[tuple[PulseKind, int, tuple[int, ...]] | None]  # (kind, grid, slots with an onset); None fits no grid


def rhythms(data: Path, learn: Wanted = "train") -> Iterator[Rhythm]:
    """The pulses of every score to learn from, in order."""
    reader = load_reader(data)
    aligned, scores = reader.Aligned(), reader.Scores()
    group_of = {meta["score"]: int(meta["work_group"]) for meta in aligned.meta}
    for index, group in sorted(group_of.items()):
        if is_wanted(group, learn):
            yield _pulses(aligned.score(index), aligned.bars(index))
    for index, meta in enumerate(scores.meta):
        if is_wanted(int(meta["work_group"]), learn):
            yield _pulses(scores.score(index), scores.bars(index))


def count(all_rhythms: Iterator[Rhythm]) -> dict[str, Any]:
    """Counts by kind of pulse: grid after grid, first slot, that by the end of the pulse before, slot after slot."""
    follow = {kind: np.zeros((len(grids), len(grids)), int) for kind, grids in GRIDS.items()}
    first = {kind: {grid: np.zeros(grid + 1, int) for grid in grids} for kind, grids in GRIDS.items()}
    leads = {kind: {grid: np.zeros((len(LEADS), grid + 1), int) for grid in grids} for kind, grids in GRIDS.items()}
    jump = {kind: {grid: np.zeros((grid, grid + 1), int) for grid in grids} for kind, grids in GRIDS.items()}
    for rhythm in all_rhythms:
        before: tuple[PulseKind, int] | None = None
        ended = SILENT
        for pulse in rhythm:
            if pulse is None:
                before, ended = None, SILENT
                continue
            kind, grid, slots = pulse
            if before is not None and before[0] == kind:
                follow[kind][GRIDS[kind].index(before[1]), GRIDS[kind].index(grid)] += 1
            before = (kind, grid)
            path = [*slots, grid]
            first[kind][grid][path[0]] += 1
            leads[kind][grid][ended, path[0]] += 1
            ended = lead(slots[-1], grid) if slots else SILENT
            for slot, after in itertools.pairwise(path):
                jump[kind][grid][slot, after] += 1
    return {
        kind: {
            "follow": follow[kind].tolist(),
            "first": {str(grid): first[kind][grid].tolist() for grid in grids},
            "lead": {str(grid): leads[kind][grid].tolist() for grid in grids},
            "jump": {str(grid): jump[kind][grid].tolist() for grid in grids},
        }
        for kind, grids in GRIDS.items()
    }


def _pulses(score: dict[str, Any], bars: dict[str, Any]) -> Rhythm:
    main = (score["grace"] == 0) & ((score["flags"] & HIDDEN) == 0)
    rhythm: Rhythm = []
    for index, (num, den, length) in enumerate(zip(bars["num"], bars["den"], bars["length"], strict=True)):
        time = TimeSignature(int(num), int(den))
        beat = int(time.beat_q * TICKS)
        pulse = TICKS if beat > TICKS and beat % TICKS == 0 else beat
        onsets = {round(float(pos) * TICKS) for pos in score["pos"][main & (score["bar"] == index)]}
        if abs(float(length) - float(time.measure_q)) > 0.01:
            rhythm.append(None)
            continue
        for start in range(0, int(time.measure_q * TICKS), pulse):
            rhythm.append(
                _fit(pulse_kind(pulse), pulse, [tick - start for tick in onsets if start <= tick < start + pulse])
            )
    return rhythm


def _fit(kind: PulseKind, pulse: int, onsets: list[int]) -> tuple[PulseKind, int, tuple[int, ...]] | None:
    for grid in GRIDS[kind]:
        if all(tick * grid % pulse == 0 for tick in onsets):
            return kind, grid, tuple(sorted(tick * grid // pulse for tick in onsets))
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the aligned scores")
    parser.add_argument("--out", type=Path, required=True)
    add_choice(parser)
    arguments = parser.parse_args()
    text = json.dumps(count(rhythms(arguments.data, arguments.learn)), separators=(",", ":"))
    arguments.out.write_text(
        text.replace('"first"', '\n"first"').replace('"lead"', '\n"lead"').replace('"jump"', '\n"jump"') + "\n",
        encoding="ascii",
    )


if __name__ == "__main__":
    main()
