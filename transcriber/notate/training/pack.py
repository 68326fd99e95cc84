"""Note-level alignments of human performances with their printed scores, as bars and beats that notation can stand on.

The pack is a folder with `reader.py`, `aligned.npz` and their companions; its own reader is loaded from the folder.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from transcriber.notate.meter import Bar, Meter
from transcriber.performance import Note, Performance, pedal_presses
from transcriber.score import TimeSignature

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AlignedPiece:
    """One performance, its true metre, and for every performed note what the printed score says (see the pack)."""

    name: str
    work_group: int
    performance: Performance
    meter: Meter
    rows: dict[str, npt.NDArray[Any]]  # in the order of performance.notes


def load_reader(folder: Path) -> Any:
    """The pack's own reader module. Raises FileNotFoundError where the folder is no pack."""
    path = folder / "reader.py"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: --data must name the folder of the aligned scores")
    spec = importlib.util.spec_from_file_location("score_pack_reader", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def aligned_piece(aligned: Any, index: int) -> AlignedPiece:
    """Performance `index` of the pack with its true metre, notes in (onset, pitch) order."""
    rows = aligned.rows(index)
    order = np.lexsort((rows["offset"], rows["pitch"], rows["onset"]))
    rows = {key: np.asarray(value)[order] for key, value in rows.items()}
    rows["grace"] = rows["grace"] > 0
    notes = tuple(
        Note(float(on), float(max(off, on + 0.001)), int(pitch), max(1, int(velocity)))
        for on, off, pitch, velocity in zip(rows["onset"], rows["offset"], rows["pitch"], rows["velocity"], strict=True)
    )
    meta = aligned.meta[index]
    performance = Performance(notes, pedal_presses(aligned.pedal(index).tolist()), max(note.offset_s for note in notes))
    bars = aligned.bars(meta["score"])
    meter = true_meter(aligned.beats(index), bars)
    name = f"{meta['composer']} {meta['title']} ({meta['performance']})"
    return AlignedPiece(name, int(meta["work_group"]), performance, meter, rows)


def true_meter(beats: dict[str, npt.NDArray[Any]], bars: dict[str, npt.NDArray[Any]]) -> Meter:
    """The printed bars at the times of the annotated beats; a short first bar is filled up to a full one."""
    known = np.isfinite(beats["q"])
    seconds = _Line(beats["q"][known], beats["time"][known])
    written = []
    for on, length, num, den, offset in zip(
        bars["on"], bars["length"], bars["num"], bars["den"], bars["offset"], strict=True
    ):
        time = TimeSignature(int(num), int(den))
        start = float(on)
        if offset > 0:
            start, length = start - float(offset), float(time.measure_q)
        elif abs(length - float(time.measure_q)) > 0.01:
            time = TimeSignature(max(1, round(length * time.beat_type / 4)), time.beat_type)
        step = float(length) / time.beat_count
        written.append(Bar(time, tuple(float(seconds(start + step * beat)) for beat in range(time.beat_count))))
    return Meter(tuple(written), float(seconds(float(bars["on"][-1] + bars["length"][-1]))))


def quarters(position: float) -> Fraction:
    """A stored position as the exact fraction that it stands for (the pack counts 10,080 ticks a quarter)."""
    return Fraction(round(position * 10080), 10080)


class _Line:
    """A rising piecewise line through (x, y), carried on at both ends with the mean slope of the nearest four steps."""

    def __init__(self, x: FloatArray, y: FloatArray) -> None:
        reach = min(4, len(x) - 1)
        first = (y[reach] - y[0]) / (x[reach] - x[0])
        last = (y[-1] - y[-1 - reach]) / (x[-1] - x[-1 - reach])
        far = 1e4
        self.x = np.concatenate([[x[0] - far], x, [x[-1] + far]])
        self.y = np.concatenate([[y[0] - far * first], y, [y[-1] + far * last]])

    def __call__(self, x: float) -> float:
        return float(np.interp(x, self.x, self.y))
