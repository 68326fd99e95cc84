"""Clefs and octave lines: phrases that would need many ledger lines move to where they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from transcriber.score import LOWER, STEP_SEMITONES, UPPER, Chord, Clef, ClefSign, Event, Measure, Ottava, SpelledPitch

STEPS = tuple(STEP_SEMITONES)
BOTTOM_LINE: dict[ClefSign, int] = {"treble": 30, "bass": 18}  # E4 and G2, in diatonic steps above C0
TOP_LINE = 8  # steps from the bottom line to the top line

# Costs in heads that a reader must count out. Two ledger lines are read at a glance, four are not.
EASY_LINES = 2
CHANGE_CLEF = 9.0
CHANGE_OCTAVE = 8.0
BACK = 0.3  # share of these costs for the way back to the usual, which the reader expects
WITHIN_BAR = 2.0  # a change within a bar is seen later than one at its beginning
UNUSUAL_BAR = 0.5  # for each bar away from the staff's usual clef, or under a line
NEEDLESS_OCTAVE, NEEDLESS_CLEF = 1.0, 0.1  # for each head there that reads easily without


@dataclass(frozen=True, slots=True)
class _Reading:
    """A clef with the octaves that its heads are written below their sound."""

    clef: ClefSign
    octaves: int = 0


READINGS: dict[int, tuple[_Reading, ...]] = {  # the first is the usual one
    UPPER: (_Reading("treble"), _Reading("treble", 1), _Reading("bass")),
    LOWER: (_Reading("bass"), _Reading("bass", -1), _Reading("treble"), _Reading("treble", 1)),
}


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a bar that is read in one way: from a beat where all voices of the staff move on to the next such."""

    bar: int
    start_q: Fraction
    end_q: Fraction
    heights: tuple[int, ...]


def place_clefs(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The measures with the clef changes and octave lines that they need."""
    result = list(measures)
    for staff in (UPPER, LOWER):
        stretches = [stretch for bar, measure in enumerate(measures) for stretch in _stretches(bar, measure, staff)]
        chosen = _readings(measures, stretches, READINGS[staff])
        usual = READINGS[staff][0]
        before = usual
        for index, (stretch, reading) in enumerate(zip(stretches, chosen, strict=True)):
            measure = result[stretch.bar]
            if reading.clef != before.clef:
                measure = replace(measure, clefs=(*measure.clefs, Clef(staff, reading.clef, stretch.start_q)))
            marks = []
            if reading.octaves and reading != before:
                marks.append(Ottava(stretch.start_q, staff, "start", reading.octaves))
            after = chosen[index + 1] if index + 1 < len(chosen) else usual
            if reading.octaves and reading != after:
                marks.append(Ottava(stretch.end_q, staff, "stop", reading.octaves))
            result[stretch.bar] = replace(measure, directions=(*measure.directions, *marks))
            before = reading
    return tuple(result)


def _stretches(bar: int, measure: Measure, staff: int) -> list[_Stretch]:
    voices = measure.staves[staff]
    beat_q = measure.time.beat_q
    moves = [{event.onset_q for event in voice.events if not _tied_on(event)} for voice in voices]
    inner = [place for place in set.intersection(*moves) if place > 0 and (place / beat_q).denominator == 1]
    edges = [Fraction(0), *sorted(inner), measure.length_q]
    stretches = []
    for start_q, end_q in pairwise(edges):
        heights = tuple(
            _height(head.pitch)
            for voice in voices
            for event in voice.events
            if isinstance(event, Chord) and start_q <= event.onset_q < end_q
            for head in event.heads
        )
        stretches.append(_Stretch(bar, start_q, end_q, heights))
    return stretches


def _tied_on(event: Event) -> bool:
    return isinstance(event, Chord) and any(head.tie_stop for head in event.heads)


def _readings(
    measures: Sequence[Measure], stretches: Sequence[_Stretch], options: Sequence[_Reading]
) -> list[_Reading]:
    """Viterbi over the stretches of a staff: the cheapest way to read them."""
    usual = options[0]
    changes = [[_change(before, after, usual) for before in options] for after in options]
    costs = [_change(usual, option, usual) for option in options]
    back: list[list[int]] = []
    for stretch in stretches:
        share = float((stretch.end_q - stretch.start_q) / measures[stretch.bar].length_q)
        late = WITHIN_BAR if stretch.start_q > 0 else 0.0
        links, total = [], []
        for place, option in enumerate(options):
            arrivals = [cost + changes[place][source] + late * (source != place) for source, cost in enumerate(costs)]
            best = min(range(len(options)), key=arrivals.__getitem__)
            links.append(best)
            total.append(arrivals[best] + _reading_cost(stretch.heights, share, option, usual))
        costs = total
        back.append(links)
    state = min(range(len(options)), key=costs.__getitem__)
    chosen = []
    for links in reversed(back):
        chosen.append(options[state])
        state = links[state]
    return chosen[::-1]


def _change(before: _Reading, after: _Reading, usual: _Reading) -> float:
    cost = CHANGE_CLEF * (before.clef != after.clef) + CHANGE_OCTAVE * (before.octaves != after.octaves)
    return cost * BACK if after == usual else cost


def _reading_cost(heights: Sequence[int], share: float, reading: _Reading, usual: _Reading) -> float:
    """Of heads at these heights, which fill this share of a bar."""
    cost = 0.0 if reading == usual else UNUSUAL_BAR * share
    needless = NEEDLESS_OCTAVE if reading.octaves else NEEDLESS_CLEF if reading != usual else 0.0
    for height in heights:
        lines = _ledger_lines(height, reading)
        cost += 0.1 * lines + max(0, lines - EASY_LINES) ** 2 / 4
        cost += needless * (_ledger_lines(height, usual) <= EASY_LINES)
    return cost


def _ledger_lines(height: int, reading: _Reading) -> int:
    bottom = BOTTOM_LINE[reading.clef] + 7 * reading.octaves
    return max(0, (height - bottom - TOP_LINE) // 2, (bottom - height) // 2)


def _height(pitch: SpelledPitch) -> int:
    return 7 * pitch.octave + STEPS.index(pitch.step)
