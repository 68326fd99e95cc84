"""Curves to notes: peaks of the onset curve, each with an end, a velocity and a confidence.

An onset is a local maximum of the onset curve above a threshold. Its exact time is read from the two sides of the peak,
which training draws as a triangle (Kong et al., "High-resolution piano transcription", 2021, equation 9). A note ends
where its key is no longer held, or where the key is struck again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from transcriber.listen.features import FRAME_S
from transcriber.performance import LOWEST_PITCH, Note, Pedal, sort_notes

Curve = NDArray[np.float32]
StoredCurve = NDArray[np.float16]


@dataclass(frozen=True)
class DecoderConfig:
    """Thresholds on probabilities; chosen by the sweep in eval/sweep.py on real recordings."""

    onset: float = 0.4
    held: float = 0.4
    frame: float = 0.45
    pedal: float = 0.7
    shortest_pedal_s: float = 0.08


@dataclass(frozen=True)
class Probabilities:
    """float16 (frames, KEYS) each, `velocity` as a share of 127; `pedal` (frames,)."""

    onset: StoredCurve
    frame: StoredCurve
    offset: StoredCurve
    held: StoredCurve
    velocity: StoredCurve
    pedal: StoredCurve


def decode_notes(curves: Probabilities, config: DecoderConfig | None = None) -> tuple[Note, ...]:
    config = config or DecoderConfig()
    notes: list[Note] = []
    for key in range(curves.onset.shape[1]):
        onset = curves.onset[:, key].astype(np.float32)
        peaks = onset_peaks(onset, config.onset)
        for peak, following in pairwise([*peaks.tolist(), len(onset)]):
            onset_s = (peak + peak_shift(onset, peak)) * FRAME_S
            offset_s = _release(curves, key, peak, following, config) * FRAME_S
            velocity = float(curves.velocity[max(0, peak - 1) : peak + 2, key].mean(dtype=np.float32))
            notes.append(
                Note(
                    onset_s=max(0.0, onset_s),
                    offset_s=max(offset_s, max(0.0, onset_s) + FRAME_S),
                    pitch=LOWEST_PITCH + key,
                    velocity=int(np.clip(round(velocity * 127), 1, 127)),
                    confidence=float(onset[peak]),
                )
            )
    return sort_notes(notes)


def onset_peaks(curve: Curve, threshold: float) -> NDArray[np.int64]:
    """Frames whose value is above `threshold`, not below the one before and above the one after."""
    before = np.concatenate(([-1.0], curve[:-1]))
    after = np.concatenate((curve[1:], [-1.0]))
    return np.flatnonzero((curve >= threshold) & (curve >= before) & (curve > after))


def peak_shift(curve: Curve, peak: int) -> float:
    """How far the true maximum lies from frame `peak`, in frames, -0.5..0.5."""
    if not 0 < peak < len(curve) - 1:
        return 0.0
    left, top, right = (float(value) for value in curve[peak - 1 : peak + 2])
    slope = top - min(left, right)
    return 0.0 if slope <= 0 else (right - left) / (2 * slope)


def _release(curves: Probabilities, key: int, onset: int, following: int, config: DecoderConfig) -> int:
    """First frame after the onset in which the key is no longer held; it must also have had time to speak."""
    silent = (curves.held[onset + 1 : following, key] < config.held) | (
        curves.frame[onset + 1 : following, key] < config.frame
    )
    # Within two frames of the onset the curves still rise.
    late = np.flatnonzero(silent[2:])
    return onset + 3 + int(late[0]) if len(late) else following


def decode_pedals(curve: StoredCurve, config: DecoderConfig | None = None) -> tuple[Pedal, ...]:
    config = config or DecoderConfig()
    down = np.concatenate(([False], curve >= config.pedal, [False]))
    edges = np.flatnonzero(down[1:] != down[:-1])
    presses = [
        Pedal(float(on * FRAME_S), float(off * FRAME_S)) for on, off in zip(edges[::2], edges[1::2], strict=True)
    ]
    return tuple(press for press in presses if press.off_s - press.on_s >= config.shortest_pedal_s)
