"""Tempo as it is printed: a word and a metronome mark at the start, new ones and rit. only where they are strong."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from transcriber.notate.measures import BarSpan
from transcriber.notate.timeline import Timeline, in_ticks
from transcriber.notate.values import VALUES
from transcriber.score import NoteValue, TempoMark, TimeSignature, Words

# The steps of Maelzel's metronome, which tempo marks have used ever since.
METRONOME = (*range(40, 60, 2), *range(60, 72, 3), *range(72, 120, 4), *range(120, 144, 6), *range(144, 209, 8))
# Lower ends of the usual ranges in felt beats a minute (as printed on metronomes; they differ by a few beats).
WORDS = ((0, "Largo"), (60, "Larghetto"), (66, "Adagio"), (76, "Andante"), (108, "Moderato"), (120, "Allegro"))
FAST_WORDS = ((168, "Presto"), (200, "Prestissimo"))
# Beats that divide in three are slower in music of the same character: the Andante of Mozart's K. 331 and that of
# Chopin's op. 57 are played at some 38 dotted quarters, gigues called Allegro at 90 and more.
COMPOUND_WORDS = (
    *((0, "Largo"), (20, "Adagio"), (30, "Andante"), (50, "Moderato")),
    *((66, "Allegro"), (126, "Presto"), (176, "Prestissimo")),
)
# Three beats as quick as this are felt as one: waltzes and scherzi are counted, and named, by their bars.
IN_ONE = 168
BAR_WORDS = ((0, "Allegro"), (69, "Vivace"), (88, "Presto"))

SECTION_BARS = 8  # a new tempo must hold for so long
SECTION_RATIO = 1.3  # and differ by so much; performers sway by about a tenth around one tempo
RIT_RATIO = 0.72  # of the section's tempo: well beyond the usual breathing at a cadence
BACK_RATIO = 0.9  # in tempo again; where a rit. begins and where it ends
LONGEST_RIT = 3  # bars before the slowest one
RIT_DISTANCE = 8  # bars between two rit.


@dataclass(frozen=True, slots=True)
class TempoSection:
    """Bars from position `first` (in the printed bars) on move at `quarters` a minute."""

    first: int
    quarters: float


def bar_tempi(spans: Sequence[BarSpan], timeline: Timeline) -> list[float]:
    """Quarters a minute in each printed bar."""
    return [
        60.0 * float(span.position_q(span.end)) / (timeline.seconds_at(span.end) - timeline.seconds_at(span.start))
        for span in spans
    ]


def find_sections(tempi: Sequence[float]) -> list[TempoSection]:
    """Stretches of one tempo, each clearly different from the one before."""
    sections = [TempoSection(0, statistics.median(tempi))]
    start = 0
    while start + 2 * SECTION_BARS <= len(tempi):
        cut = _strongest_cut(tempi[start:])
        if cut is None:
            break
        sections[-1] = TempoSection(start, statistics.median(tempi[start : start + cut]))
        sections.append(TempoSection(start + cut, statistics.median(tempi[start + cut :])))
        start += cut
    return sections


def _strongest_cut(tempi: Sequence[float]) -> int | None:
    """Where the first new tempo begins: two stretches of eight bars, far apart, each as even as can be."""
    best: tuple[float, int] | None = None
    for cut in range(SECTION_BARS, len(tempi) - SECTION_BARS + 1):
        if best is not None and cut > best[1] + SECTION_BARS:
            break
        sides = (tempi[cut - SECTION_BARS : cut], tempi[cut : cut + SECTION_BARS])
        before, after = (statistics.median(side) for side in sides)
        if max(before, after) >= SECTION_RATIO * min(before, after):
            spread = sum(abs(math.log(tempo / statistics.median(side))) for side in sides for tempo in side)
            best = min(best or (spread, cut), (spread, cut))
    return None if best is None else best[1]


def tempo_marks(spans: Sequence[BarSpan], timeline: Timeline) -> list[tuple[int, TempoMark | Words]]:
    """Every tempo mark with the position of its bar among the printed bars."""
    tempi = bar_tempi(spans, timeline)
    sections = find_sections(tempi)
    marks: list[tuple[int, TempoMark | Words]] = []
    for number, section in enumerate(sections):
        time = spans[section.first].time
        start = spans[section.first].position_q(spans[section.first].start)
        felt = section.quarters / float(time.beat_q)
        unit = metronome_unit(time, felt)
        per_minute = metronome_mark(section.quarters / float(unit.quarters))
        word = tempo_word(time, felt) if number == 0 else ""
        marks.append((section.first, TempoMark(start, word, unit, per_minute)))
    marks.extend(_ritardandi(spans, tempi, sections))
    return marks


def beat_value(time: TimeSignature) -> NoteValue:
    """The felt beat as a written value."""
    return VALUES[in_ticks(time.beat_q)]


def metronome_unit(time: TimeSignature, per_minute: float) -> NoteValue:
    """What a metronome counts where so many beats are felt a minute.

    Slower than it goes, that is the beat's division; quicker, two beats or, in bars of three, the whole bar.
    """
    unit_q = time.beat_q
    if per_minute < METRONOME[0]:
        unit_q /= 3 if time.compound else 2
    elif per_minute > METRONOME[-1] or _felt_in_one(time, per_minute):
        unit_q *= 2 if time.beat_count % 2 == 0 else time.beat_count
    return VALUES.get(in_ticks(unit_q), beat_value(time))


def metronome_mark(per_minute: float) -> float:
    """The nearest step of the metronome, or a whole number beyond its ends."""
    if METRONOME[0] <= per_minute <= METRONOME[-1]:
        return float(min(METRONOME, key=lambda step: abs(step - per_minute)))
    return float(max(1, round(per_minute)))


def tempo_word(time: TimeSignature, per_minute: float) -> str:
    """For so many beats a minute."""
    if _felt_in_one(time, per_minute):
        return _word(BAR_WORDS, per_minute / time.beat_count)
    return _word(COMPOUND_WORDS if time.compound else (*WORDS, *FAST_WORDS), per_minute)


def _word(words: Sequence[tuple[int, str]], per_minute: float) -> str:
    return [word for lowest, word in words if lowest <= metronome_mark(per_minute)][-1]


def _felt_in_one(time: TimeSignature, per_minute: float) -> bool:
    return time.beat_count == 3 and not time.compound and metronome_mark(per_minute) >= IN_ONE


def _ritardandi(
    spans: Sequence[BarSpan], tempi: Sequence[float], sections: Sequence[TempoSection]
) -> list[tuple[int, TempoMark | Words]]:
    marks: list[tuple[int, TempoMark | Words]] = []
    free_from = 1
    for place in range(1, len(tempi)):
        section = next(section for section in reversed(sections) if section.first <= place)
        slowest = tempi[place] < RIT_RATIO * section.quarters and all(
            tempi[place] <= tempi[other] for other in range(max(0, place - 1), min(len(tempi), place + 2))
        )
        if not slowest or place < free_from:
            continue
        begin = place
        while begin > max(section.first, place - LONGEST_RIT) and tempi[begin - 1] < BACK_RATIO * section.quarters:
            begin -= 1
        if begin == section.first:  # nothing in tempo before it that could slow down
            continue
        marks.append((begin, Words(spans[begin].position_q(spans[begin].start), "rit.")))
        back = next((bar for bar in range(place + 1, len(tempi)) if tempi[bar] >= BACK_RATIO * section.quarters), None)
        if back is not None and back <= place + LONGEST_RIT and all(back != other.first for other in sections):
            marks.append((back, Words(spans[back].position_q(spans[back].start), "a tempo")))
        free_from = place + RIT_DISTANCE
    return marks
