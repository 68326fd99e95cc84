"""A finger for every note: the easiest way through each hand's part, by dynamic programming.

What is easy comes from R. Parncutt, J. Sloboda, E. Clarke, M. Raekallio and P. Desain, "An ergonomic model of keyboard
fingering for melodic fragments" (Music Perception 14, 1997): their table of spans and their rules but for those on
fingers 3, 4 and 5 in succession and on the fourth after the third or on black keys (7 to 9); rule 4 counts every change
of position alike, and of the weak fingers only the fourth counts, by half. A thumb on a black key within a melody
(rule 10) and a passing thumb (rule 12) weigh more than theirs, who judged short fragments: whoever learns scales is
taught to keep the thumb on white keys and to pass it seldom. These two weights were set on the twelve major scales of
two octaves, both hands, up and down, which have 86 % of their fingers as they are taught (with the published weights
73 %), and checked on the twelve harmonic minor ones (75 %, before 68 %). Theirs is a model of melodies. As in
A. Al Kasimi, E. Nichols and C. Raphael, "A simple algorithm for automatic generation of polyphonic piano fingerings"
(ISMIR 2007), the fingers of a chord keep the order of its keys and are judged by the spans between them, and two chords
by how their outer fingers move. A left hand is a right hand in the mirror.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from transcriber.score import LOWER, UPPER, Chord, NoteHead, Score, Voice

Costs = NDArray[np.float64]

FINGERS = (1, 2, 3, 4, 5)
BLACK = frozenset({1, 3, 6, 8, 10})  # pitch classes
# Semitones from the key of the first finger to that of the second (negative: crossed): the least and the most that is
# practical, comfortable, relaxed (Parncutt et al., table 1).
SPANS = {
    (1, 2): (-5, -3, 1, 5, 8, 10),
    (1, 3): (-4, -2, 3, 7, 10, 12),
    (1, 4): (-3, -1, 5, 9, 12, 14),
    (1, 5): (-1, 1, 7, 11, 13, 15),
    (2, 3): (1, 1, 1, 2, 3, 5),
    (2, 4): (1, 1, 3, 4, 5, 7),
    (2, 5): (2, 2, 5, 6, 8, 10),
    (3, 4): (1, 1, 1, 2, 2, 4),
    (3, 5): (1, 1, 3, 4, 5, 7),
    (4, 5): (1, 1, 1, 2, 3, 5),
}
# The model has no word for what a hand does when it is not legato; these were set by playing scales, chords and leaps.
IMPRACTICAL = 10.0  # for each semitone beyond what is practical: theirs are forbidden
HOP = 12.0  # one finger on two keys in succession
WEAKEST, WEAK = 4, 0.5  # the finger that is better spared, and for how much
THUMB_ON_BLACK, THUMB_ON_BLACK_IN_CHORD = 4.0, 1.0  # a hand that strikes a chord lies over the black keys anyway
PASSED = 3.0  # the thumb under another finger, or another over it, on keys of one level
MOVED = 0.5  # a change of position, whatever its size
MOST = 25.0  # of one move: a leap is a leap, whichever finger lands
MOST_CHANGE = 12.0  # of one change of position
AFTER_REST = 0.3  # of a move's cost where the hand had a quarter's time
REST_Q = Fraction(1)
HELD = 40.0  # a finger that still holds a key
WIDEST = 36  # semitones; what lies farther apart is as far


@dataclass(frozen=True, slots=True)
class Strike:
    """Keys that one hand strikes together: places on a keyboard that runs from thumb to little finger, ascending."""

    onset_q: Fraction
    places: tuple[int, ...]
    black: tuple[bool, ...]
    ends_q: tuple[Fraction, ...]


def with_fingering(score: Score) -> Score:
    """The score with a finger at every struck head; more than five keys of one hand at once get none."""
    fingers: dict[str, int] = {}
    for staff in (UPPER, LOWER):
        fingers |= _fingers_of(score, staff)
    measures = tuple(
        replace(
            measure,
            upper=tuple(_fingered(voice, fingers) for voice in measure.upper),
            lower=tuple(_fingered(voice, fingers) for voice in measure.lower),
        )
        for measure in score.measures
    )
    return replace(score, measures=measures)


def choose_fingers(strikes: Sequence[Strike]) -> list[tuple[int, ...]]:
    """The fingers of each strike (of at most five keys), in the order of its places: those of least cost together."""
    if not strikes:
        return []
    total = _alone(strikes[0])[None, :]  # by the way before and the way here
    back: list[NDArray[np.intp]] = []
    rests = [False, *(_rests(before, after) for before, after in pairwise(strikes))]  # before each strike
    for place in range(1, len(strikes)):
        here = strikes[place]
        arrivals = total[:, :, None] + (_move(strikes[place - 1], here, rests[place]) + _alone(here))[None]
        if place > 1 and not (rests[place - 1] or rests[place]):
            arrivals = arrivals + _change(strikes[place - 2], here)[:, None, :]
        back.append(arrivals.argmin(axis=0))
        total = arrivals.min(axis=0)
    before, option = np.unravel_index(int(total.argmin()), total.shape)
    chosen = [int(option), int(before)]
    for links in reversed(back):
        chosen.append(int(links[chosen[-1], chosen[-2]]))
    options = reversed(chosen[: len(strikes)])
    return [_hands(len(strike.places))[option] for strike, option in zip(strikes, options, strict=True)]


@lru_cache
def _hands(keys: int) -> tuple[tuple[int, ...], ...]:
    """Every way to put fingers on so many keys; of equals the one that comes first is taken: the widest open hand."""
    ways = combinations(FINGERS, keys)
    return tuple(sorted(ways, key=lambda way: (way[0] - way[-1] if keys > 1 else abs(way[0] - 3), way)))


def _alone(strike: Strike) -> Costs:
    """Cost of each way to play a strike by itself. Shape: (ways,)."""
    gaps = tuple(min(WIDEST, place - strike.places[0]) for place in strike.places)
    return _alone_at(gaps, strike.black)


@lru_cache(maxsize=4096)
def _alone_at(gaps: tuple[int, ...], black: tuple[bool, ...]) -> Costs:
    costs = []
    thumb = THUMB_ON_BLACK if len(gaps) == 1 else THUMB_ON_BLACK_IN_CHORD
    for way in _hands(len(gaps)):
        keys = list(zip(way, gaps, black, strict=True))
        weak = WEAK * (WEAKEST in way) + thumb * sum(finger == 1 and dark for finger, _, dark in keys)
        spans = sum(_span(low, high, above - below) for (low, below, _), (high, above, _) in combinations(keys, 2))
        costs.append(weak + spans)
    return np.array(costs)


def _move(before: Strike, after: Strike, rests: bool) -> Costs:
    """Cost of going from each way to each other. Shape: (ways before, ways after)."""
    low = after.places[0] - before.places[0], before.black[0], after.black[0]
    high = after.places[-1] - before.places[-1], before.black[-1], after.black[-1]
    costs = _outer_move(len(before.places), len(after.places), low, high)
    if rests:
        costs = costs * AFTER_REST
    for key, end_q in enumerate(before.ends_q):
        if end_q > after.onset_q and before.places[key] not in after.places:
            first, second = _finger_places(len(before.places)), _finger_places(len(after.places))
            held = first[:, key][:, None, None] == second[None, :, :]
            above = np.array(after.places) > before.places[key]
            crossed = (second[None, :, :] > first[:, key][:, None, None]) != above
            costs = costs + HELD * (held | crossed).any(axis=2)
    return costs


@lru_cache(maxsize=4096)
def _outer_move(keys_before: int, keys_after: int, low: tuple[int, bool, bool], high: tuple[int, bool, bool]) -> Costs:
    """The mean cost of how the lowest and the highest finger move. Shape: (ways before, ways after)."""
    return _outer(keys_before, keys_after, _pairs(*low), _pairs(*high))


def _outer(keys_before: int, keys_after: int, low: Costs, high: Costs) -> Costs:
    """The mean of two tables by finger, for the lowest and the highest fingers of each way before and after."""
    first, second = _finger_places(keys_before), _finger_places(keys_after)
    costs: Costs = (low[np.ix_(first[:, 0], second[:, 0])] + high[np.ix_(first[:, -1], second[:, -1])]) / 2
    return costs


@lru_cache
def _finger_places(keys: int) -> NDArray[np.intp]:
    """The ways to put fingers on so many keys, as places in tables by finger. Shape: (ways, keys)."""
    return np.array(_hands(keys), np.intp) - 1


def _rests(before: Strike, after: Strike) -> bool:
    return after.onset_q - max(before.ends_q) >= REST_Q


def _change(first: Strike, third: Strike) -> Costs:
    """Cost of the change of position between a strike and the next but one. Shape: (ways first, ways third)."""
    low, high = third.places[0] - first.places[0], third.places[-1] - first.places[-1]
    return _outer_change(len(first.places), len(third.places), low, high)


@lru_cache(maxsize=4096)
def _outer_change(keys_first: int, keys_third: int, low: int, high: int) -> Costs:
    return _outer(keys_first, keys_third, _positions(low), _positions(high))


@lru_cache(maxsize=4096)
def _positions(semitones: int) -> Costs:
    """Rules 4 and 5 for each finger after each other, with one note between them. Shape: (5, 5)."""
    return np.array([[_position(one, other, semitones) for other in FINGERS] for one in FINGERS])


def _position(one: int, other: int, semitones: int) -> float:
    if one == other:
        beyond = abs(semitones)
    else:
        low, high, across = (one, other, semitones) if one < other else (other, one, -semitones)
        _, least, _, _, most, _ = SPANS[low, high]
        beyond = max(0, least - across) + max(0, across - most)
    return min(MOST_CHANGE, beyond + MOVED * (beyond > 0))


@lru_cache(maxsize=4096)
def _pairs(semitones: int, black_before: bool, black_after: bool) -> Costs:
    """Cost of each finger after each other, so far apart. Shape: (5, 5)."""
    away = max(-WIDEST, min(WIDEST, semitones))
    return np.array([[_pair(one, other, away, black_before, black_after) for other in FINGERS] for one in FINGERS])


def _pair(one: int, other: int, semitones: int, black_one: bool, black_other: bool) -> float:
    if one == other:
        return 0.0 if semitones == 0 else min(MOST, HOP + abs(semitones))
    low, high, across = (one, other, semitones) if one < other else (other, one, -semitones)
    cost = _span(low, high, across)
    black = {one: black_one, other: black_other}
    for finger, neighbour in ((one, other), (other, one)):
        cost += 2.0 * (finger in (1, 5) and black[finger] and not black[neighbour])
    if low == 1 and across < 0:
        cost += PASSED if black_one == black_other else 3.0 * black[1]
    return min(cost, MOST)


def _span(low: int, high: int, semitones: int) -> float:
    """Rules 1 to 3 for fingers `low` < `high`, whose keys are so far apart in the hand's own direction."""
    least, comfortable, relaxed, most_relaxed, most_comfortable, most = SPANS[low, high]
    for_each = 1.0 if low == 1 else 2.0
    cost = for_each * (max(0, relaxed - semitones) + max(0, semitones - most_relaxed))
    cost += 2.0 * (max(0, comfortable - semitones) + max(0, semitones - most_comfortable))
    return cost + IMPRACTICAL * (max(0, least - semitones) + max(0, semitones - most))


def _fingers_of(score: Score, staff: int) -> dict[str, int]:
    """Finger by the id of the head."""
    fingers: dict[str, int] = {}
    for phrase in _phrases(score, staff):
        ways = choose_fingers([strike for strike, _ in phrase])
        for (_, ids), way in zip(phrase, ways, strict=True):
            for together, finger in zip(ids, way, strict=True):
                fingers |= dict.fromkeys(together, finger)
    return fingers


def _phrases(score: Score, staff: int) -> Iterator[list[tuple[Strike, list[list[str]]]]]:
    """Runs of strikes that a hand can finger, each with the ids of the heads at each of its places."""
    starts_q = tuple(accumulate((measure.length_q for measure in score.measures), initial=Fraction(0)))
    ends_q: dict[int, Fraction] = {}  # by source
    struck: dict[Fraction, list[NoteHead]] = {}
    for index, place, _, chord in score.chords():
        if place != staff:
            continue
        onset_q = starts_q[index] + chord.onset_q
        for head in chord.heads:
            ends_q[head.source] = max(onset_q + chord.duration_q, ends_q.get(head.source, onset_q))
            if not head.tie_stop:
                struck.setdefault(onset_q, []).append(head)
    direction = 1 if staff == UPPER else -1
    phrase: list[tuple[Strike, list[list[str]]]] = []
    for onset_q in sorted(struck, key=float):  # ten times quicker than to compare fractions
        heads: dict[int, list[NoteHead]] = {}
        for head in struck[onset_q]:
            heads.setdefault(direction * head.pitch.midi, []).append(head)
        if len(heads) > len(FINGERS):
            yield phrase
            phrase = []
            continue
        places = sorted(heads)
        strike = Strike(
            onset_q,
            tuple(places),
            tuple(direction * place % 12 in BLACK for place in places),
            tuple(max(ends_q[head.source] for head in heads[place]) for place in places),
        )
        phrase.append((strike, [[head.id for head in heads[place]] for place in places]))
    yield phrase


def _fingered(voice: Voice, fingers: Mapping[str, int]) -> Voice:
    events = tuple(
        replace(event, heads=tuple(replace(head, finger=fingers.get(head.id)) for head in event.heads))
        if isinstance(event, Chord)
        else event
        for event in voice.events
    )
    return replace(voice, events=events)
