"""Clefs and octave lines: whole phrases that would need many ledger lines move to where they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transcriber.score import LOWER, STEP_SEMITONES, UPPER, Chord, Clef, ClefSign, Measure, Ottava, SpelledPitch

STEPS = tuple(STEP_SEMITONES)
BOTTOM_LINE: dict[ClefSign, int] = {"treble": 30, "bass": 18}  # E4 and G2, in diatonic steps above C0
TOP_LINE = 8  # steps from the bottom line to the top line

# Costs in heads that a reader must count out. Two ledger lines are read at a glance, four are not.
EASY_LINES = 2
CHANGE_CLEF = 16.0
CHANGE_OCTAVE = 14.0
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


def place_clefs(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The measures with the clef changes and octave lines that they need."""
    result = list(measures)
    for staff in (UPPER, LOWER):
        chosen = _readings(measures, staff)
        usual = READINGS[staff][0]
        before = usual
        for index, reading in enumerate(chosen):
            measure = result[index]
            if reading.clef != before.clef:
                measure = replace(measure, clefs=(*measure.clefs, Clef(staff, reading.clef)))
            marks = []
            if reading.octaves and reading != before:
                marks.append(Ottava(measure.length_q * 0, staff, "start", reading.octaves))
            after = chosen[index + 1] if index + 1 < len(chosen) else usual
            if reading.octaves and reading != after:
                marks.append(Ottava(measure.length_q, staff, "stop", reading.octaves))
            result[index] = replace(measure, directions=(*measure.directions, *marks))
            before = reading
    return tuple(result)


def _readings(measures: Sequence[Measure], staff: int) -> list[_Reading]:
    """Viterbi over the bars of a staff: the cheapest way to read them."""
    options = READINGS[staff]
    costs = [_change(options[0], option) for option in options]
    back: list[list[int]] = []
    for measure in measures:
        heights = [
            _height(head.pitch)
            for voice in measure.staves[staff]
            for event in voice.events
            if isinstance(event, Chord)
            for head in event.heads
        ]
        easy = [_ledger_lines(height, options[0]) <= EASY_LINES for height in heights]
        links, total = [], []
        for option in options:
            arrivals = [cost + _change(options[source], option) for source, cost in enumerate(costs)]
            best = min(range(len(options)), key=arrivals.__getitem__)
            links.append(best)
            total.append(arrivals[best] + _reading_cost(heights, easy, option, options[0]))
        costs = total
        back.append(links)
    state = min(range(len(options)), key=costs.__getitem__)
    chosen = []
    for links in reversed(back):
        chosen.append(options[state])
        state = links[state]
    return chosen[::-1]


def _change(before: _Reading, after: _Reading) -> float:
    return CHANGE_CLEF * (before.clef != after.clef) + CHANGE_OCTAVE * (before.octaves != after.octaves)


def _reading_cost(heights: Sequence[int], easy: Sequence[bool], reading: _Reading, usual: _Reading) -> float:
    """Of the heads of a bar, of which some are `easy` to read in the usual way."""
    cost = 0.0 if reading == usual else UNUSUAL_BAR
    needless = NEEDLESS_OCTAVE if reading.octaves else NEEDLESS_CLEF if reading != usual else 0.0
    for height, reads_easily in zip(heights, easy, strict=True):
        lines = _ledger_lines(height, reading)
        cost += 0.1 * lines + max(0, lines - EASY_LINES) ** 2 / 4
        cost += needless * reads_easily
    return cost


def _ledger_lines(height: int, reading: _Reading) -> int:
    bottom = BOTTOM_LINE[reading.clef] + 7 * reading.octaves
    return max(0, (height - bottom - TOP_LINE) // 2, (bottom - height) // 2)


def _height(pitch: SpelledPitch) -> int:
    return 7 * pitch.octave + STEPS.index(pitch.step)
