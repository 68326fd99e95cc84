from __future__ import annotations

from fractions import Fraction

import pytest

from tests.engrave.scores import bar, head, voice
from transcriber.engrave.beams import beam_graces, beam_voice, beat_starts
from transcriber.score import Grace, KeySignature, NoteValue, TimeSignature

SHORT = {"begin": "[", "continue": "-", "end": "]", "forward hook": ">", "backward hook": "<"}


def beams(beats: int, beat_type: int, text: str, length_q: Fraction | None = None) -> str:
    """The beams of one voice: a word a note, one sign a level."""
    time = TimeSignature(beats, beat_type)
    line = voice(1, text)
    measure = bar(1, time, KeySignature(0), [line], [line], length_q=length_q or time.measure_q)
    words = ("".join(SHORT[state] for state in states) for states in beam_voice(measure, line))
    return " ".join(word or "." for word in words)


@pytest.mark.parametrize(
    ("beats", "beat_type", "starts"),
    [
        (4, 4, "0 1 2 3"),
        (6, 8, "0 3/2"),
        (3, 8, "0"),
        (5, 8, "0 3/2"),
        (7, 8, "0 1 2"),
        (2, 2, "0 1 2 3"),
        (4, 8, "0 1"),
        (12, 16, "0 3/4 3/2 9/4"),
    ],
)
def test_groups_of_the_metre(beats: int, beat_type: int, starts: str) -> None:
    assert " ".join(str(start) for start in beat_starts(TimeSignature(beats, beat_type))) == starts


@pytest.mark.parametrize(
    ("metre", "text", "expected"),
    [
        ((4, 4), "C5/8 " * 8, "[ - - ] [ - - ]"),
        ((3, 4), "C5/8 " * 6, "[ - - - - ]"),
        ((2, 4), "C5/8 " * 4, "[ - - ]"),
        ((6, 8), "C5/8 " * 6, "[ - ] [ - ]"),
        ((4, 4), "C5/8 C5/8 C5/8 C5/16 C5/16 C5/2", "[ ] [ -[ ]] ."),
        ((4, 4), "C5/4 C5/8 C5/8 r/8 C5/8 C5/4", ". [ ] . . ."),
        ((4, 4), "C5/8 C5/4 C5/8 C5/2", ". . . ."),
        ((4, 4), "C5/4. C5/8 C5/2", ". . ."),
        ((2, 4), "C5/8. C5/16 C5/16 C5/8.", "[ ]< [> ]"),
        ((2, 4), "C5/16 C5/8 C5/16 C5/4", "[> - ]< ."),
        ((2, 4), "C5/16 C5/8 C5/8 C5/8 C5/16", "[> - ] [ ]<"),
        ((6, 8), "C5/8. C5/16 C5/8 C5/4.", "[ -< ] ."),
        ((1, 4), "C5/32 " * 8, "[[[ --- --- -]] -[[ --- --- ]]]"),
        ((2, 4), "C5/8x3:2[ C5/8x3:2 C5/8x3:2] C5/8 C5/8", "[ - ] [ ]"),
        ((2, 4), "C5/16x3:2[ C5/16x3:2 C5/16x3:2] C5/16x3:2[ C5/16x3:2 C5/16x3:2] C5/4", "[[ -- -] -[ -- ]] ."),
        ((2, 4), "C5/8x3:2[ C5/4x3:2 C5/8x3:2 C5/8x3:2 C5/8x3:2]", ". . [ - ]"),
        ((5, 8), "C5/8 " * 5, "[ - ] [ ]"),
    ],
)
def test_beams_follow_the_metre(metre: tuple[int, int], text: str, expected: str) -> None:
    assert beams(*metre, text) == expected


def test_a_pickup_is_counted_from_its_end() -> None:
    assert beams(3, 4, "C5/8 C5/8 C5/8", Fraction(3, 2)) == "[ - ]"
    assert beams(4, 4, "C5/16 C5/8", Fraction(3, 4)) == "[> ]"
    assert beams(6, 8, "C5/8 C5/8 C5/8 C5/8", Fraction(2)) == ". [ - ]"


def test_grace_notes_are_beamed_together() -> None:
    graces = [Grace((head("C5"),), NoteValue("16th")), Grace((head("D5"),), NoteValue("16th"))]
    assert beam_graces(graces) == (("begin", "begin"), ("end", "end"))
    assert beam_graces(graces[:1]) == ((),)
