"""Curves to notes: peaks of the onset curve, each with an end, a velocity and a confidence.

An onset is a local maximum of the onset curve whose calibrated confidence, which looks at more than the height of the
peak, is high enough. Its exact time is read from the two sides of the peak, which training draws as a triangle (Kong et
al., "High-resolution piano transcription", 2021, equation 9). A note ends with the first sign of an end: its key is no
longer held, it no longer sounds, the offset curve peaks, or the key is struck again.

Curves arrive stretch by stretch, so that an hour takes no more memory than a minute. Each stretch is judged together
with a few frames of its neighbours; notes that have not ended go on in the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transcriber.listen import calibration as calibrations
from transcriber.listen.calibration import Calibration
from transcriber.listen.features import FRAME_S
from transcriber.performance import KEYS, LOWEST_PITCH, Note, Pedal, sort_notes

Curve = NDArray[np.float32]
StoredCurve = NDArray[np.float16]
AnyCurve = NDArray[np.floating]
Frames = NDArray[np.int32]

CONTEXT = calibrations.REACH + 1  # frames of the neighbouring stretches that are seen together with one
RISE = 3  # frames from an onset to its first possible end: before that, the curves of a sounding note still rise
LEAST_SLOPE = 1e-6  # of a peak; flat curves have no time between frames
CANDIDATE = 0.2  # the lowest peak that may be an onset


@dataclass(frozen=True)
class DecoderConfig:
    """What eval/sweep.py fits on real recordings: thresholds on probabilities, and the confidence that `onset` is of.

    The defaults suit any network.
    """

    onset: float = 0.4  # the least confidence: the height of the peak where nothing was calibrated
    held: float = 0.4
    frame: float = 0.5
    offset: float = 0.2  # training draws ends as triangles too, and they are spread over more frames than onsets
    pedal: float = 0.7
    shortest_pedal_s: float = 0.08
    latency_s: float = 0.0  # how late onsets are heard, measured on rendered audio by eval/latency.py
    calibration: Calibration = field(default_factory=Calibration)


class Probabilities(NamedTuple):
    """float16 or float32 (frames, KEYS) each, `velocity` as a share of 127; `pedal` (frames,).

    `context`: log odds of an onset by all that is played around it, at peaks of the onset curve; 0 where not known.
    """

    onset: AnyCurve
    frame: AnyCurve
    offset: AnyCurve
    held: AnyCurve
    velocity: AnyCurve
    pedal: AnyCurve
    context: AnyCurve


class Heard(NamedTuple):
    notes: tuple[Note, ...]
    pedals: tuple[Pedal, ...]


class Onsets(NamedTuple):
    """Columns of equal length, in order of time; `frame` counts from the start, `key` from the lowest.

    `velocity` 1..127; `evidence` as calibration.py has it.
    """

    frame: NDArray[np.intp]
    key: NDArray[np.intp]
    onset_s: NDArray[np.float64]
    velocity: NDArray[np.intp]
    evidence: NDArray[np.float64]


class Strike(NamedTuple):
    """The beginning of one note."""

    frame: int
    key: int
    onset_s: float
    velocity: int
    confidence: float


def decode(stretches: Iterable[Probabilities], config: DecoderConfig | None = None) -> Heard:
    """What successive stretches of curves say was played."""
    config = config or DecoderConfig()
    notes: list[Note] = []
    sounding: dict[int, Strike] = {}  # by key: notes that have not ended yet
    pedal: list[AnyCurve] = []
    frames = 0

    def end(strike: Strike, end_s: float) -> None:
        end_s = max(end_s, strike.onset_s + FRAME_S)
        notes.append(Note(strike.onset_s, end_s, LOWEST_PITCH + strike.key, strike.velocity, strike.confidence))

    for first, curves in _overlapping(stretches):
        next_end = _next_end(curves, config)
        judged = range(first + CONTEXT, first + CONTEXT + len(next_end))

        def end_of(strike: Strike, next_end: Frames = next_end, judged: range = judged) -> int:
            """Frame at which a sounding note ends by itself; the end of the stretch where that is later."""
            start = max(strike.frame + RISE, judged.start)
            return judged.start + int(next_end[start - judged.start, strike.key]) if start < judged.stop else start

        for strike in _strikes(_onsets(curves, first, config), config):
            before = sounding.get(strike.key)
            if before is not None:
                by_itself = end_of(before)
                end(before, _seconds(by_itself, config) if by_itself < strike.frame else strike.onset_s)
            sounding[strike.key] = strike
        for strike in list(sounding.values()):
            if (at := end_of(strike)) < judged.stop:
                end(sounding.pop(strike.key), _seconds(at, config))
        pedal.append(curves.pedal[CONTEXT:-CONTEXT])
        frames = judged.stop
    for strike in sounding.values():
        end(strike, _seconds(frames, config))
    return Heard(sort_notes(notes), decode_pedals(np.concatenate(pedal)[CONTEXT:], config))


def decode_notes(curves: Probabilities, config: DecoderConfig | None = None) -> tuple[Note, ...]:
    return decode([curves], config).notes


def decode_pedals(curve: AnyCurve, config: DecoderConfig | None = None) -> tuple[Pedal, ...]:
    config = config or DecoderConfig()
    down = np.concatenate(([False], curve >= config.pedal, [False]))
    edges = np.flatnonzero(down[1:] != down[:-1])
    presses = [
        Pedal(_seconds(on, config), _seconds(off, config)) for on, off in zip(edges[::2], edges[1::2], strict=True)
    ]
    return tuple(press for press in presses if press.off_s - press.on_s >= config.shortest_pedal_s)


def _seconds(frame: float, config: DecoderConfig) -> float:
    return max(0.0, float(frame * FRAME_S) - config.latency_s)


def _overlapping(stretches: Iterable[Probabilities]) -> Iterator[tuple[int, Probabilities]]:
    """Each stretch as float32 with 2 * CONTEXT frames of those before it, and the frame at which that begins.

    All but CONTEXT frames at both ends are to be judged. Silence stands before the first stretch and after the last.
    """
    quiet = np.zeros((CONTEXT, KEYS), np.float32)
    silence = Probabilities(quiet, quiet, quiet, quiet, quiet, pedal=quiet[:, 0], context=quiet)
    tail = Probabilities(*(np.concatenate((curve, curve)) for curve in silence))
    first = -2 * CONTEXT
    for stretch in chain(stretches, [silence]):
        block = Probabilities(
            *(np.concatenate((old, new.astype(np.float32))) for old, new in zip(tail, stretch, strict=True))
        )
        yield first, block
        first += len(stretch.onset)
        tail = Probabilities(*(curve[-2 * CONTEXT :] for curve in block))


def find_onsets(stretches: Iterable[Probabilities], config: DecoderConfig) -> Onsets:
    """Everything that may be an onset, in order: what a calibration is fitted to."""
    found = [_onsets(curves, first, config) for first, curves in _overlapping(stretches)]
    return Onsets(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _onsets(curves: Probabilities, first: int, config: DecoderConfig) -> Onsets:
    """Peaks among the judged frames of `curves`, which begin at frame `first` of the recording."""
    onset = curves.onset
    at, keys = np.nonzero(peaks(onset, CANDIDATE)[CONTEXT:-CONTEXT])
    at += CONTEXT
    left, top, right = onset[at - 1, keys], onset[at, keys], onset[at + 1, keys]
    # On a triangle of reach 2 the shift from the highest frame is (right - left) / (2 (top - lower side)).
    shift = (right - left) / (2 * np.maximum(top - np.minimum(left, right), LEAST_SLOPE))
    velocity = np.mean([curves.velocity[at + near, keys] for near in (-1, 0, 1)], axis=0)
    return Onsets(
        frame=first + at,
        key=keys,
        onset_s=np.maximum(0.0, (first + at + shift.astype(np.float64)) * FRAME_S - config.latency_s),
        velocity=np.clip(np.rint(velocity * 127), 1, 127).astype(np.intp),
        evidence=calibrations.evidence(onset, curves.frame, curves.context, at, keys),
    )


def _strikes(onsets: Onsets, config: DecoderConfig) -> Iterator[Strike]:
    confidence = config.calibration.confidence(onsets.evidence)
    columns = (onsets.frame, onsets.key, onsets.onset_s, onsets.velocity, confidence)
    sure = confidence >= config.onset
    return map(Strike._make, zip(*(column[sure].tolist() for column in columns), strict=True))


def peaks(curve: AnyCurve, threshold: float) -> NDArray[np.bool_]:
    """(frames, keys): at or above `threshold`, not below the frame before, above the one after."""
    found = np.zeros(curve.shape, bool)
    inner = curve[1:-1]
    found[1:-1] = (inner >= threshold) & (inner >= curve[:-2]) & (inner > curve[2:])
    return found


def _next_end(curves: Probabilities, config: DecoderConfig) -> Frames:
    """(judged, KEYS): how many frames into the judged ones a note sounding there ends, their number where it lasts."""
    ends = (curves.held < config.held) | (curves.frame < config.frame) | peaks(curves.offset, config.offset)
    ends = ends[CONTEXT:-CONTEXT]
    frames = np.arange(len(ends), dtype=np.int32)[:, None]
    return np.minimum.accumulate(np.where(ends, frames, np.int32(len(ends)))[::-1])[::-1]
