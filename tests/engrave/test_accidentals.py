from __future__ import annotations

from fractions import Fraction

from tests.engrave.scores import bar, finished, voice, whole_rest
from transcriber.engrave.accidentals import Accidental, key_alters, shown_accidentals
from transcriber.score import UPPER, KeySignature, Ottava, Score, TimeSignature

COMMON = TimeSignature(4, 4)


def shown(score: Score) -> list[str]:
    """What stands before the heads in reading order: their alteration, in brackets where it is a courtesy."""
    marks = shown_accidentals(score)
    out = []
    for _, _, _, chord in score.chords():
        for head in [*(head for grace in chord.graces for head in grace.heads), *chord.heads]:
            mark = marks.get(head.id)
            out.append("" if mark is None else f"({mark.alter})" if mark.courtesy else str(mark.alter))
    return out


def bars(*texts: str, fifths: int = 0) -> Score:
    rest = whole_rest(Fraction(4))
    measures = [
        bar(number, COMMON, KeySignature(fifths), [voice(1, text)], [rest]) for number, text in enumerate(texts, 1)
    ]
    return finished(measures)[0]


def test_key_signatures_alter_in_the_order_of_fifths() -> None:
    assert key_alters(KeySignature(3)) == {"F": 1, "C": 1, "G": 1}
    assert key_alters(KeySignature(-2)) == {"B": -1, "E": -1}
    assert key_alters(KeySignature(0)) == {}


def test_an_accidental_holds_until_the_bar_line() -> None:
    assert shown(bars("F#5/4 F#5/4 F5/4 F5/4")) == ["1", "", "0", ""]


def test_the_signature_speaks_for_its_own_notes() -> None:
    assert shown(bars("F#5/4 C#5/4 F5/4 F#5/4", fifths=2)) == ["", "", "0", "1"]


def test_the_bar_after_gets_a_courtesy_sign_once() -> None:
    assert shown(bars("F#5/1", "F5/2 F5/2")) == ["1", "(0)", ""]
    assert shown(bars("F#5/1", "E5/1", "F5/1")) == ["1", "", ""]


def test_another_octave_of_the_same_bar_gets_a_courtesy_sign() -> None:
    assert shown(bars("F#5/4 F4/4 F4/4 E4/4")) == ["1", "(0)", "", ""]


def test_a_tie_over_the_bar_line_carries_its_accidental_for_one_note() -> None:
    assert shown(bars("F#5~/1", "~F#5/2 F#5/4 F5/4")) == ["1", "", "1", "0"]
    assert shown(bars("F#5~/1", "~F#5/2 F5/2")) == ["1", "", "(0)"]


def test_double_sharps_and_flats() -> None:
    assert shown(bars("F##5/4 F#5/4 Bbb4/4 B4/4", fifths=1)) == ["2", "1", "-2", "0"]


def test_a_new_signature_needs_no_courtesy() -> None:
    rest = whole_rest(Fraction(4))
    measures = [
        bar(1, COMMON, KeySignature(0), [voice(1, "F5/1")], [rest]),
        bar(2, COMMON, KeySignature(1), [voice(1, "F#5/1")], [rest]),
    ]
    assert shown(finished(measures)[0]) == ["", ""]


def test_voices_of_a_staff_share_the_line_and_staves_do_not() -> None:
    measures = [bar(1, COMMON, KeySignature(0), [voice(1, "C5/2 F#4/2"), voice(2, "F#4/1")], [voice(1, "F#4/1")])]
    score = finished(measures)[0]
    # Reading order is voice 1, voice 2, lower staff: the sharp is shown where it comes first in time.
    assert shown(score) == ["", "", "1", "1"]


def test_an_octave_line_moves_notes_to_other_places_of_the_staff() -> None:
    lines = (Ottava(Fraction(2), UPPER, "start"), Ottava(Fraction(4), UPPER, "stop"))
    text = "F#5/4 F#6/4 F#6/4 F#5/4"  # under the line the last two are drawn at F5 and F4
    measures = [bar(1, COMMON, KeySignature(0), [voice(1, text)], [whole_rest(Fraction(4))], directions=lines)]
    assert shown(finished(measures)[0]) == ["1", "1", "", "1"]


def test_heads_without_a_sign_are_absent() -> None:
    score = bars("C5/1")
    assert shown_accidentals(score) == {}
    assert shown_accidentals(bars("C#5/1")) == {"n1": Accidental(1)}
