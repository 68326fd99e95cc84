"""Bars over beats: which beats begin a bar, and which metre each bar is in.

A hidden Markov model over the beats whose state is (time signature, beat of the bar). The network's view of downbeats,
bar lengths and metres is summed over the whole piece, so that what is clear in one phrase decides an unclear one. A
metre may change at a bar line, at a price; a bar with a beat too many is then written as one bar of another metre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transcriber.notate.beatscores import METRES, PERIOD_BINS, PERIOD_BINS_PER_OCTAVE, SHORTEST_BAR_S, BeatScores
from transcriber.notate.onsets import Floats, Ints
from transcriber.score import TimeSignature

# Time signature -> the network's class that speaks for it, and its handicap in nats for each onset (rarer in the data).
SIGNATURES: dict[TimeSignature, tuple[tuple[int, int], float]] = {
    TimeSignature(2, 4): ((2, 4), 0.0),
    TimeSignature(3, 4): ((3, 4), 0.0),
    TimeSignature(4, 4): ((4, 4), 0.0),
    TimeSignature(5, 4): ((5, 4), 0.0),
    TimeSignature(2, 2): ((2, 2), 0.0),
    TimeSignature(3, 2): ((2, 2), 3.0),
    TimeSignature(3, 8): ((3, 8), 0.0),
    TimeSignature(2, 8): ((3, 8), 3.0),
    TimeSignature(4, 8): ((3, 8), 3.0),
    TimeSignature(6, 8): ((6, 8), 0.0),
    TimeSignature(9, 8): ((9, 8), 0.0),
    TimeSignature(12, 8): ((12, 8), 0.0),
}
METRE_FLOOR = -4.0  # log-probability below which a class is simply unlikely


@dataclass(frozen=True, slots=True)
class BarWeights:
    """Chosen by a sweep on the development pieces."""

    downbeat: float = 1.0
    silent: float = -1.5  # downbeat logit of a beat at which nothing is struck
    metre: float = 0.15  # of the evidence on the metre, for each onset
    bar: float = 0.1  # of the evidence on the bar's length, for each onset
    other_count: float = 6.0  # cost of a bar with another number of the same beats
    other_beat: float = 12.0  # cost of a change to another kind of beat
    pickup: float = 1.0  # cost of beginning within a bar


WEIGHTS = BarWeights()


@dataclass(frozen=True, slots=True)
class BarPath:
    """The time signature and the beat of the bar (0 = downbeat) at each beat, and the path's score."""

    times: tuple[TimeSignature, ...]
    position: tuple[int, ...]
    score: float


def bar_path(
    beat_s: Floats,
    beat_onset: Ints,
    onset_s: Floats,
    scores: BeatScores,
    *,
    time: TimeSignature | None = None,
    opening: tuple[TimeSignature, int] | None = None,
    weights: BarWeights = WEIGHTS,
) -> BarPath:
    """The most likely bars. `time` allows no other metre; `opening` fixes the first signature and bar line's beat."""
    signatures = [time] if time else list(SIGNATURES)
    state_metre = np.array([index for index, s in enumerate(signatures) for _ in range(s.beat_count)])
    state_position = np.array([position for s in signatures for position in range(s.beat_count)])
    likely = _downbeat_evidence(beat_onset, scores, weights)[:, None] * (state_position == 0)
    likely = likely + _metre_evidence(beat_s, onset_s, scores, signatures, weights)[:, state_metre]
    if opening is not None:
        signature, first_downbeat = opening
        for beat in range(first_downbeat + 1):
            position = (signature.beat_count - first_downbeat + beat) % signature.beat_count
            fits = (state_metre == signatures.index(signature)) & (state_position == position)
            likely[beat] = np.where(fits, 0.0, -np.inf)

    change = _change_costs(signatures, weights)
    starts = np.nonzero(state_position == 0)[0]
    ends = np.array([*(starts[1:] - 1), len(state_metre) - 1])
    inside = np.nonzero(state_position > 0)[0]
    count = len(beat_s)
    best = likely[0] - weights.pickup * (state_position > 0)
    came_from = np.zeros((count, len(state_metre)), dtype=np.int64)
    for beat in range(1, count):
        following = np.empty_like(best)
        following[inside] = best[inside - 1]
        came_from[beat, inside] = inside - 1
        options = best[ends] - change
        chosen = options.argmax(axis=1)
        following[starts] = options[np.arange(len(starts)), chosen]
        came_from[beat, starts] = ends[chosen]
        best = following + likely[beat]
    state = int(best.argmax())
    score = float(best[state])
    path = [state]
    for beat in range(count - 1, 0, -1):
        path.append(int(came_from[beat, path[-1]]))
    path.reverse()
    return BarPath(
        tuple(signatures[state_metre[state]] for state in path),
        tuple(int(state_position[state]) for state in path),
        score,
    )


def _downbeat_evidence(beat_onset: Ints, scores: BeatScores, weights: BarWeights) -> Floats:
    """Log odds of a downbeat against another beat, given a beat. Shape: (beats,)."""
    beat, downbeat = (1 / (1 + np.exp(-logit)) for logit in (scores.beat, scores.downbeat))
    odds = np.log(downbeat + 1e-3) - np.log(np.maximum(beat - downbeat, 0) + 1e-3)
    return weights.downbeat * np.where(beat_onset >= 0, odds[beat_onset], weights.silent)


def _metre_evidence(
    beat_s: Floats, onset_s: Floats, scores: BeatScores, signatures: list[TimeSignature], weights: BarWeights
) -> Floats:
    """What the onsets of each beat say of each signature's class and bar length. Shape: (beats, signatures)."""
    beat_of_onset = np.clip(np.searchsorted(beat_s, onset_s + 1e-9, side="right") - 1, 0, len(beat_s) - 1)
    steps = np.diff(beat_s)
    around = np.concatenate([steps[:1], steps[:1], steps, steps[-1:], steps[-1:], steps[-1:]])
    usual_s = np.median(np.lib.stride_tricks.sliding_window_view(around, 5), axis=1)[: len(beat_s)]
    evidence = np.zeros((len(onset_s), len(signatures)))
    length = np.maximum(scores.bar - scores.bar.max(axis=1, keepdims=True), METRE_FLOOR)
    for index, signature in enumerate(signatures):
        speaker, handicap = SIGNATURES.get(signature, ((4, 4), 0.0))
        evidence[:, index] = weights.metre * np.maximum(scores.metre[:, METRES.index(speaker)], METRE_FLOOR)
        bar_s = usual_s[beat_of_onset] * signature.beat_count
        bin_ = np.rint(np.log2(bar_s / SHORTEST_BAR_S) * PERIOD_BINS_PER_OCTAVE).astype(np.int64)
        possible = (bin_ >= 0) & (bin_ < PERIOD_BINS)
        heard = length[np.arange(len(onset_s)), np.clip(bin_, 0, PERIOD_BINS - 1)]
        evidence[:, index] += weights.bar * np.where(possible, heard, METRE_FLOOR) - weights.metre * handicap
    total = np.zeros((len(beat_s), len(signatures)))
    np.add.at(total, beat_of_onset, evidence)
    return total


def _change_costs(signatures: list[TimeSignature], weights: BarWeights) -> Floats:
    """Cost of going from one signature to another at a bar line. Shape: (new, old)."""
    return np.array(
        [
            [
                0.0
                if new == old
                else weights.other_count
                if (new.beat_type, new.compound) == (old.beat_type, old.compound)
                else weights.other_beat
                for old in signatures
            ]
            for new in signatures
        ]
    )
