"""Bars over beats: which beats begin a bar, and which metre each bar is in.

A hidden Markov model over the beats whose state is (metre, time signature of the bar, beat of the bar). The network's
view of downbeats and metres and the patterns' view of metres are summed over the piece, so that a clear phrase decides
an unclear one. A bar with a beat too many or too few stands alone, at a price, in the metre around it; that the metre
itself changes costs more: of 508 pieces 25 change theirs for three bars or more within their first 90 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from transcriber.notate.beatscores import METRES, BeatScores, OnsetScores
from transcriber.notate.onsets import Floats, Ints
from transcriber.notate.patterns import PatternScores
from transcriber.score import TimeSignature

# Time signature -> the network's class that speaks for it, and its handicap in nats for each onset (rarer in the data).
SIGNATURES: dict[TimeSignature, tuple[tuple[int, int], float]] = {
    TimeSignature(2, 4): ((2, 4), 0.0),
    TimeSignature(3, 4): ((3, 4), 0.0),
    TimeSignature(4, 4): ((4, 4), 0.3),  # likelier to the network than it is: a part of its training is pop in 4/4
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
UNKNOWN = ((4, 4), 0.0)  # speaks for a signature that only a listener asks for
METRE_FLOOR = -4.0  # log-probability below which a class is simply unlikely


@dataclass(frozen=True, slots=True)
class BarWeights:
    """Chosen by a random search over 364 training and development performances (first 90 s, a third with errors).

    A metre now changes in 1 % of them for three bars or more (in print in 5 %); at half that price it did in 26 %, and
    beats, bar lines and time signatures were no more often right. The network's view of the bar's length was tried as
    well, as evidence for each onset, and a metre model's view of downbeats: no gain beside the patterns.
    """

    downbeat: float = 1.0
    lean: float = 0.3  # added to the downbeat logit: without it bars of two beats are joined to bars of four
    silent: float = -0.75  # downbeat logit of a beat at which nothing is struck
    metre: float = 0.03  # of the network's evidence on the metre, for each onset
    pattern: float = 4.0  # of the patterns' evidence on the metre, for each stretch
    odd: float = 9.0  # cost of a bar with another number of beats than its metre has
    odd_asked: float = 20.0  # the same in the metre that a listener asked for
    other_count: float = 12.0  # cost of a change to a metre with another number of the same beats
    other_beat: float = 20.0  # cost of a change to another kind of beat
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
    scores: BeatScores | OnsetScores,
    patterns: PatternScores,
    *,
    time: TimeSignature | None = None,
    opening: tuple[TimeSignature, int] | None = None,
    bar_lines: Sequence[int] = (),
    later: Sequence[tuple[int, TimeSignature]] = (),
    weights: BarWeights = WEIGHTS,
) -> BarPath:
    """The most likely bars. `opening` fixes the first signature and bar line's beat; `bar_lines` are beats that begin a
    bar, and so are those of `later`, with which another metre begins. `time`, and each of these in its turn, allows no
    other metre, but for the bars that such bar lines make longer or shorter.

    The score is -inf where no bars meet all that is asked for.
    """
    asked = {metre for _, metre in later} | ({time} if time else set())
    bar_lines = [*bar_lines, *(beat for beat, _ in later)]
    metres = dict.fromkeys([*([time] if time else SIGNATURES), *(metre for _, metre in later)])
    states = _States.of(list(metres), odd_bars=bool(bar_lines) or not time)
    likely = _likely(states, beat_s, beat_onset, onset_s, scores, patterns, weights)
    if opening is not None:
        signature, first_downbeat = opening
        opens = np.array([bar == signature for bar in states.bars])[states.kind]
        for beat in range(first_downbeat + 1):
            position = (signature.beat_count - first_downbeat + beat) % signature.beat_count
            likely[beat] = np.where(opens & (states.position == position), 0.0, -np.inf)
    for beat in bar_lines:
        likely[beat] = np.where(states.position == 0, likely[beat], -np.inf)
    spans = [(0, time), *sorted(later, key=lambda change: change[0]), (len(likely), None)]
    for (first, metre), (end, _) in pairwise(spans):
        if metre is not None:
            own = np.array([metre == states.metres[index] for index in states.metre])[states.kind]
            likely[first:end] = np.where(own, likely[first:end], -np.inf)

    is_asked = np.array([states.metres[index] in asked for index in states.metre])
    odd = np.where(states.is_odd, np.where(is_asked, weights.odd_asked, weights.odd), 0.0)
    change = _change_costs(states.metres, weights)[np.ix_(states.metre, states.metre)] + odd[:, None]
    best, came_from = _search(states, likely, odd, change, weights)
    state = int(best.argmax())
    path = [state]
    for beat in range(len(beat_s) - 1, 0, -1):
        path.append(int(came_from[beat, path[-1]]))
    path.reverse()
    return BarPath(
        tuple(states.bars[states.kind[state]] for state in path),
        tuple(int(states.position[state]) for state in path),
        float(best[state]),
    )


def metre_scores(
    beat_s: Floats,
    beat_onset: Ints,
    onset_s: Floats,
    scores: BeatScores | OnsetScores,
    patterns: PatternScores,
    weights: BarWeights = WEIGHTS,
) -> dict[TimeSignature, float]:
    """The score of the most likely bars that are all in one metre, for each of SIGNATURES."""
    states = _States.of(list(SIGNATURES), odd_bars=False)
    likely = _likely(states, beat_s, beat_onset, onset_s, scores, patterns, weights)
    never = np.where(np.eye(len(states.bars), dtype=bool), 0.0, np.inf)
    best, _ = _search(states, likely, np.zeros(len(states.bars)), never, weights)
    return {metre: float(best[states.kind == kind].max()) for kind, metre in enumerate(states.bars)}


@dataclass(frozen=True, slots=True, eq=False)
class _States:
    """Each beat of each kind of bar; a kind is a metre and the time signature of one bar in it.

    By kind: `bars`, and `metre` as an index of `metres`. By state: `kind`, and `position`, 0 the downbeat.
    """

    metres: list[TimeSignature]
    bars: list[TimeSignature]
    metre: Ints
    kind: Ints
    position: Ints

    @classmethod
    def of(cls, metres: list[TimeSignature], *, odd_bars: bool) -> _States:
        kinds = [(metre, metre) for metre in metres]
        if odd_bars:
            kinds += [(metre, other) for metre in metres for other in SIGNATURES if _is_odd_bar(other, metre)]
        beats = [(kind, position) for kind, (_, bar) in enumerate(kinds) for position in range(bar.beat_count)]
        kind, position = np.array(beats).T
        return cls(metres, [bar for _, bar in kinds], np.array([metres.index(own) for own, _ in kinds]), kind, position)

    @property
    def is_odd(self) -> NDArray[np.bool_]:
        return np.array([bar != self.metres[metre] for bar, metre in zip(self.bars, self.metre, strict=True)])


def _likely(
    states: _States,
    beat_s: Floats,
    beat_onset: Ints,
    onset_s: Floats,
    scores: BeatScores | OnsetScores,
    patterns: PatternScores,
    weights: BarWeights,
) -> Floats:
    """What each beat says for each state. Shape: (beats, states)."""
    downbeat = _downbeat_evidence(beat_onset, scores, weights)[:, None] * (states.position == 0)
    metre = weights.metre * _metre_evidence(beat_s, onset_s, scores, states.metres)
    metre += weights.pattern * _pattern_evidence(beat_s, patterns, states.metres)
    return np.asarray(downbeat + metre[:, states.metre[states.kind]])


def _search(
    states: _States, likely: Floats, begin: Floats, change: Floats, weights: BarWeights
) -> tuple[Floats, NDArray[np.int64]]:
    """The score of the best path to each state of the last beat, and the state before each one. Shape: (beats, states).

    `begin`: cost of a first bar of each kind; `change` (new, old): of a bar after another.
    """
    starts = np.nonzero(states.position == 0)[0]
    ends = np.array([*(starts[1:] - 1), len(states.kind) - 1])
    best = likely[0] - weights.pickup * (states.position > 0) - begin[states.kind]
    came_from = np.tile(np.arange(len(states.kind)) - 1, (len(likely), 1))  # the beat before, but for a bar's first
    for beat in range(1, len(likely)):
        following = best[came_from[0]]
        options = best[ends] - change
        following[starts] = options.max(axis=1)
        came_from[beat, starts] = ends[options.argmax(axis=1)]
        best = following + likely[beat]
    return best, came_from


def _downbeat_evidence(beat_onset: Ints, scores: BeatScores | OnsetScores, weights: BarWeights) -> Floats:
    """Log odds of a downbeat against another beat, given a beat. Shape: (beats,)."""
    beat, downbeat = (1 / (1 + np.exp(-logit)) for logit in (scores.beat, scores.downbeat))
    odds = np.log(downbeat + 1e-3) - np.log(np.maximum(beat - downbeat, 0) + 1e-3)
    return weights.downbeat * np.where(beat_onset >= 0, odds[beat_onset] + weights.lean, weights.silent)


def _metre_evidence(
    beat_s: Floats, onset_s: Floats, scores: BeatScores | OnsetScores, signatures: list[TimeSignature]
) -> Floats:
    """What the onsets of each beat say of each signature. Shape: (beats, signatures)."""
    beat_of_onset = np.clip(np.searchsorted(beat_s, onset_s + 1e-9, side="right") - 1, 0, len(beat_s) - 1)
    speakers, handicaps = zip(*(SIGNATURES.get(signature, UNKNOWN) for signature in signatures), strict=True)
    heard = np.maximum(scores.metre, METRE_FLOOR)[:, [METRES.index(speaker) for speaker in speakers]]
    total = np.zeros((len(beat_s), len(signatures)))
    np.add.at(total, beat_of_onset, heard - np.array(handicaps))
    return total


def _pattern_evidence(beat_s: Floats, patterns: PatternScores, signatures: list[TimeSignature]) -> Floats:
    """What the patterns of each stretch say of each signature, shared among its beats. Shape: (beats, signatures)."""
    stretch = np.clip(np.searchsorted(patterns.start_s, beat_s, side="right") - 1, 0, len(patterns.start_s) - 1)
    share = 1 / np.bincount(stretch, minlength=len(patterns.start_s))[stretch]
    speakers = [METRES.index(SIGNATURES.get(signature, UNKNOWN)[0]) for signature in signatures]
    return np.asarray(np.maximum(patterns.metre, METRE_FLOOR)[stretch][:, speakers] * share[:, None])


def _same_beats(one: TimeSignature, other: TimeSignature) -> bool:
    return (one.beat_type, one.compound) == (other.beat_type, other.compound)


def _is_odd_bar(bar: TimeSignature, metre: TimeSignature) -> bool:
    """Whether such a bar among those of a metre has a beat too many or too few."""
    return bar != metre and _same_beats(bar, metre)


def _change_costs(metres: list[TimeSignature], weights: BarWeights) -> Floats:
    """Cost of going from one metre to another at a bar line. Shape: (new, old)."""
    return np.array(
        [
            [
                0.0 if new == old else weights.other_count if _same_beats(new, old) else weights.other_beat
                for old in metres
            ]
            for new in metres
        ]
    )
