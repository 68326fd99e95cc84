"""Train the voice model on printed scores: which notes of a staff stand in a lower voice.

    python -m transcriber.notate.training.voices --data DIR --out voices.safetensors

Notes stand at their printed places and are held as they were played, or, in plain scores, for a random share of their
values. In a bar whose staff has several voices all but the highest count as lower.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from transcriber.notate.linenetwork import LineInput
from transcriber.notate.timeline import TICKS, in_ticks, pulse_of_beat
from transcriber.notate.training.corpus import GRACE_OR_HIDDEN
from transcriber.notate.training.linenetwork import LineNetwork, filled_up, train_lines
from transcriber.notate.training.pack import load_reader
from transcriber.notate.training.split import Part, add_choice, is_wanted, part
from transcriber.notate.voicescores import VOICE_FEATURES, places, voice_input
from transcriber.score import LOWER, UPPER, TimeSignature

BATCH = 16  # excerpts
EXCERPT = 256  # notes
SHORTEST = 32  # notes
MOST_PERFORMANCES = 3  # of one composition
TRANSPOSE = 5
OTHER_LEVEL = 0.15  # share of excerpts counted twice too fast, and of those twice too slow
LOST = ADDED = 0.06  # shares of the notes, each in half of the excerpts
STRAYS = (-24, -12, -7, 7, 12, 19, 24)  # semitones from a note to what is heard along with it
UNKNOWN_PLACE = 0.2  # share of excerpts of which it is not said where beats and bars begin


@dataclass(frozen=True)
class StaffNotes:
    """Notes of one staff in (onset, pitch) order. Shape of each array: (notes,), of `place` (notes, PLACES)."""

    work_group: int
    part: Part
    staff: int
    onset_q: npt.NDArray[np.float64]
    length_q: npt.NDArray[np.float64]
    pitch: npt.NDArray[np.float64]
    place: npt.NDArray[np.float32]
    lower: npt.NDArray[np.float32]
    played: bool  # whether `length_q` was played; else it is the printed value


def staves(data: Path) -> Iterator[StaffNotes]:
    reader = load_reader(data)
    aligned, scores = reader.Aligned(), reader.Scores()
    count: Counter[int] = Counter()
    for index, meta in enumerate(aligned.meta):
        count[meta["work_group"]] += 1
        if count[meta["work_group"]] <= MOST_PERFORMANCES:
            rows, beats = aligned.rows(index), aligned.beats(index)
            known = np.isfinite(beats["q"])
            begin_q, end_q = (
                np.interp(rows[name], beats["time"][known], beats["q"][known]) for name in ("onset", "offset")
            )
            rows["length"] = np.maximum(end_q - begin_q, 0.05)
            rows["on"] = rows["q_on"]
            yield from _staves(rows, rows["row"] >= 0, int(meta["work_group"]), True)
    for index, meta in enumerate(scores.meta):
        rows = scores.score(index)
        rows["length"] = rows["dur"]
        yield from _staves(rows, np.ones(len(rows["on"]), bool), int(meta["work_group"]), False)


def _staves(rows: dict[str, Any], kept: npt.NDArray[np.bool_], work_group: int, played: bool) -> Iterator[StaffNotes]:
    kept = kept & ((rows["flags"] & GRACE_OR_HIDDEN) == 0)
    for number, staff in ((1, UPPER), (2, LOWER)):
        own = np.flatnonzero(kept & (rows["staff"] == number))
        own = own[np.lexsort((rows["pitch"][own], rows["on"][own]))]
        if len(own) < SHORTEST:
            continue
        signatures = zip(rows["num"][own].tolist(), rows["den"][own].tolist(), strict=True)
        beat_q = np.array([pulse_of_beat(in_ticks(TimeSignature(*pair).beat_q)) / TICKS for pair in signatures])
        in_bar_q = rows["pos"][own].astype(np.float64)
        yield StaffNotes(
            work_group,
            part(work_group),
            staff,
            rows["on"][own].astype(np.float64),
            rows["length"][own].astype(np.float64),
            rows["pitch"][own].astype(np.float64),
            places(in_bar_q, (in_bar_q + 1e-3) % beat_q, beat_q),
            lower_voices(rows["bar"][own], rows["voice"][own], rows["pitch"][own]),
            played,
        )


def lower_voices(bar: npt.NDArray[Any], voice: npt.NDArray[Any], pitch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """1 for notes of a voice that is not its bar's highest, by mean pitch; 0 for others. Shape: (notes,) each."""
    _, member = np.unique(np.stack([bar, voice]), axis=1, return_inverse=True)
    mean = np.bincount(member, pitch) / np.bincount(member)
    _, of_bar = np.unique(bar, return_inverse=True)
    highest = np.full(of_bar.max() + 1, -1.0)
    np.maximum.at(highest, of_bar, mean[member])
    return (mean[member] < highest[of_bar]).astype(np.float32)


def excerpt(staff: StaffNotes, rng: np.random.Generator) -> tuple[LineInput, npt.NDArray[np.float32]]:
    """Input and labels of EXCERPT notes in another key, held otherwise, with notes lost and added."""
    start = int(rng.integers(0, max(1, len(staff.pitch) - EXCERPT + 1)))
    window = slice(start, start + EXCERPT)
    onset_q, length_q, pitch = staff.onset_q[window], staff.length_q[window], staff.pitch[window]
    held = rng.uniform(0.7, 1.3) if staff.played else rng.uniform(0.4, 1.1)
    length_q = np.maximum(length_q * held * np.exp(rng.normal(0, rng.choice([0.05, 0.2, 0.4]), len(pitch))), 0.05)
    level = rng.choice([1.0, 0.5, 2.0], p=[1 - 2 * OTHER_LEVEL, OTHER_LEVEL, OTHER_LEVEL])
    pitch = np.clip(pitch + rng.integers(-TRANSPOSE, TRANSPOSE + 1), 21, 108)
    place = staff.place[window] * (rng.random() > UNKNOWN_PLACE)
    lower = staff.lower[window]
    kept = np.flatnonzero(rng.random(len(pitch)) > rng.choice([0.0, LOST]))
    strays = rng.choice(kept, int(len(kept) * rng.choice([0.0, ADDED])))
    moved = np.clip(pitch[strays] + rng.choice(STRAYS, len(strays)), 21, 108)
    chosen = np.concatenate([kept, strays])
    pitch = np.concatenate([pitch[kept], moved])
    lower = np.concatenate([lower[kept], np.full(len(strays), np.nan, np.float32)])
    order = np.lexsort((pitch, onset_q[chosen]))[:EXCERPT]
    chosen, pitch, lower = chosen[order], pitch[order], lower[order]
    onset_q, length_q = onset_q[chosen] * level, length_q[chosen] * level
    seen = voice_input(onset_q, onset_q + length_q, pitch, place[chosen], staff.staff)
    return filled_up(seen, lower, EXCERPT)


def report(model: LineNetwork, pool: list[StaffNotes]) -> str:
    """Over all notes of the played staves: the shares found of the lower voices, and right of those found."""
    found, wanted = [], []
    for staff in pool:
        if staff.played:
            seen = voice_input(staff.onset_q, staff.onset_q + staff.length_q, staff.pitch, staff.place, staff.staff)
            found.append(model.scores_of(seen) > 0)
            wanted.append(staff.lower > 0)
    given, true = np.concatenate(found), np.concatenate(wanted)
    both = float((given & true).sum())
    return (
        f"{len(found)} staves: lower {100 * true.mean():.1f} %, recall {100 * both / true.sum():.1f} %,"
        f" precision {100 * both / given.sum():.1f} %, right {100 * (given == true).mean():.1f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the aligned scores")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--steps", type=int, default=1600)
    add_choice(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pool = list(staves(options.data))
    wanted = [staff for staff in pool if is_wanted(staff.work_group, options.learn)]
    model = train_lines(wanted, VOICE_FEATURES, BATCH, options.steps, excerpt)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in model.state_dict().items()}, options.out)
    for name in ("development", "validation"):
        print(name, report(model, [staff for staff in pool if staff.part == name]))


if __name__ == "__main__":
    main()
