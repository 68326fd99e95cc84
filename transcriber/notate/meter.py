"""Bars and beats in performed time: what every later decision of notation stands on."""

from __future__ import annotations

from dataclasses import dataclass

from transcriber.score import TimeSignature


@dataclass(frozen=True, slots=True)
class Bar:
    """One full bar: the performed second of each of its `time.beat_count` beats; it ends where the next bar starts."""

    time: TimeSignature
    beat_times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """Bars that cover every note. A pickup is a first bar whose leading beats hold no note; `end_s` closes the last."""

    bars: tuple[Bar, ...]
    end_s: float
