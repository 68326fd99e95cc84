"""Values that a reader of scores expects, bar by bar."""

from __future__ import annotations

from fractions import Fraction

import pytest

from transcriber.notate.timeline import TICKS
from transcriber.notate.values import Zone, note_parts, rest_parts, tuplet_parts, zones_of
from transcriber.score import TimeSignature, Tuplet

COMMON, WALTZ, JIG = TimeSignature(4, 4), TimeSignature(3, 4), TimeSignature(6, 8)


def names(start: float, end: float, time: TimeSignature, rest: bool = False) -> str:
    parts = (rest_parts if rest else note_parts)(int(start * TICKS), int(end * TICKS), time)
    assert [part.start for part in parts[1:]] == [part.end for part in parts[:-1]]
    assert (parts[0].start, parts[-1].end) == (start * TICKS, end * TICKS)
    return " ".join(part.value.type + "." * part.value.dots for part in parts)


@pytest.mark.parametrize(
    ("start", "end", "time", "expected"),
    [
        (0, 4, COMMON, "whole"),
        (0, 3, COMMON, "half."),
        (1, 3, COMMON, "half"),  # the plain syncopation over the middle of the bar
        (0.5, 1.5, COMMON, "quarter"),
        (1.5, 2.5, COMMON, "eighth eighth"),  # the middle of the bar must show
        (1, 2.5, COMMON, "quarter eighth"),
        (0, 2.5, COMMON, "half eighth"),
        (0.75, 1.25, COMMON, "16th 16th"),
        (0.25, 0.75, COMMON, "eighth"),
        (1, 1.875, COMMON, "eighth.."),
        (2, 3.75, COMMON, "quarter.."),
        (1, 2.75, COMMON, "quarter eighth."),  # no double dots over the middle of the bar
        (0.25, 2, COMMON, "eighth. quarter"),
        (0.5, 3.5, COMMON, "quarter. quarter."),
        (1, 3, WALTZ, "half"),
        (0.5, 2.5, WALTZ, "eighth quarter."),
        (0, 3, JIG, "half."),
        (1, 2, JIG, "eighth eighth"),  # compound metres show their beats
        (0.5, 1.5, JIG, "quarter"),
        (0, 4.5, TimeSignature(9, 8), "quarter. half."),
        (0, 8, TimeSignature(4, 2), "breve"),
    ],
)
def test_notes_show_the_beats(start: float, end: float, time: TimeSignature, expected: str) -> None:
    assert names(start, end, time) == expected


@pytest.mark.parametrize(
    ("start", "end", "time", "expected"),
    [
        (0, 2, COMMON, "half"),
        (1, 3, COMMON, "quarter quarter"),  # no syncopated rests
        (0.5, 4, COMMON, "eighth quarter half"),
        (0, 2, WALTZ, "quarter quarter"),
        (1, 3, JIG, "eighth quarter."),
        (0, 1, JIG, "quarter"),
        (0.5, 1.5, JIG, "eighth eighth"),
    ],
)
def test_rests_are_stricter(start: float, end: float, time: TimeSignature, expected: str) -> None:
    assert names(start, end, time, rest=True) == expected


@pytest.mark.parametrize(
    ("length", "parts", "expected"),
    [
        (TICKS, 2, []),
        (TICKS, 4, []),
        (TICKS, 8, []),
        (TICKS, 3, [(0, TICKS, 3, 2)]),
        (TICKS, 5, [(0, TICKS, 5, 4)]),
        (TICKS, 6, [(0, TICKS, 6, 4)]),
        (3 * TICKS // 2, 3, []),
        (3 * TICKS // 2, 2, []),
        (3 * TICKS // 2, 4, [(0, 3 * TICKS // 2, 4, 3)]),
        (TICKS // 2, 3, [(0, TICKS // 2, 3, 2)]),
    ],
)
def test_even_divisions_of_a_pulse(length: int, parts: int, expected: list[tuple[int, int, int, int]]) -> None:
    zones = zones_of([part * length // parts for part in range(parts)], 0, length)
    assert [(zone.start, zone.end, zone.tuplet.actual, zone.tuplet.normal) for zone in zones] == expected


def test_an_eighth_and_three_triplet_sixteenths_need_a_bracket_over_half_the_beat() -> None:
    zones = zones_of([0, 240, 320, 400], 0, TICKS)
    assert zones == [Zone(240, 480, Tuplet(3, 2))]


def test_a_triplet_eighth_is_an_eighth_in_three_to_two() -> None:
    zone = Zone(0, TICKS, Tuplet(3, 2))
    (part,) = tuplet_parts(160, 320, zone)
    assert (part.value.type, part.value.dots) == ("eighth", 0)
    assert part.value.quarters * Fraction(2, 3) == Fraction(160, TICKS)
    (long,) = tuplet_parts(0, 320, zone)
    assert long.value.type == "quarter"
