"""Wishes in a musician's words."""

from __future__ import annotations

import pytest

from transcriber.errors import OptionError
from transcriber.notate.edits import DeleteNote, SetKey, SetMetre
from transcriber.options import FORMATS, Options, View, read_key, read_metre
from transcriber.score import KeySignature, TimeSignature


@pytest.mark.parametrize(
    ("text", "fifths", "mode"),
    [
        ("C major", 0, "major"),
        ("Bb major", -2, "major"),
        ("B♭ major", -2, "major"),
        ("B flat major", -2, "major"),
        ("b-flat minor", -5, "minor"),
        ("f# minor", 3, "minor"),
        ("F# minor", 3, "minor"),
        ("F Sharp Minor", 3, "minor"),
        ("Am", 0, "minor"),
        ("AM", 3, "major"),
        ("Bbm", -5, "minor"),
        ("bb", -5, "minor"),
        ("Bb", -2, "major"),
        ("b", 2, "minor"),
        ("d", -1, "minor"),
        ("D", 2, "major"),
        ("Eb maj", -3, "major"),
        ("g# min", 5, "minor"),
        ("Cb major", -7, "major"),
        ("C# major", 7, "major"),
        ("ab minor", -7, "minor"),
        ("-3", -3, "major"),
        ("+2", 2, "major"),
        ("0", 0, "major"),
    ],
)
def test_a_key_is_understood(text: str, fifths: int, mode: str) -> None:
    assert read_key(f" {text} ") == KeySignature(fifths, mode)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "H major", "Bbb major", "G# major", "8", "-9", "major", "C dorian", "C#b", "Fb major"]
)
def test_what_is_no_key_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(OptionError) as raised:
        read_key(text)
    assert f'"{text}"' in raised.value.message


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("3/4", TimeSignature(3, 4)),
        (" 6 / 8 ", TimeSignature(6, 8)),
        ("2/2", TimeSignature(2, 2)),
        ("12/8", TimeSignature(12, 8)),
    ],
)
def test_a_metre_is_understood(text: str, time: TimeSignature) -> None:
    assert read_metre(text) == time


@pytest.mark.parametrize("text", ["", "3", "3/5", "0/4", "25/4", "-3/4", "3/4/4", "¾", "three four"])
def test_what_is_no_metre_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(OptionError) as raised:
        read_metre(text)
    assert f'"{text}"' in raised.value.message


@pytest.mark.parametrize(
    "wrong",
    [{"formats": ("pdf", "docx")}, {"formats": ()}, {"device": "tpu"}, {"metre": "3/5"}, {"key": "H"}],
    ids=str,
)
def test_options_are_checked_when_they_are_made(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Options(**wrong)  # type: ignore[arg-type]


def test_metre_and_key_become_edits_before_the_others() -> None:
    options = Options(metre="3/4", key="Bb major", edits=(DeleteNote(3),))
    assert options.all_edits() == [SetMetre(TimeSignature(3, 4)), SetKey(KeySignature(-2)), DeleteNote(3)]
    assert Options().all_edits() == []
    assert Options().formats == FORMATS


@pytest.mark.parametrize("wishes", [{"level": "hard"}, {"size": "huge"}, {"transpose": 13}, {"transpose": -13}])
def test_a_view_that_makes_no_sense(wishes: dict[str, object]) -> None:
    for kind in (Options, View):
        with pytest.raises(OptionError):
            kind(**wishes)  # type: ignore[arg-type]


def test_the_view_of_options() -> None:
    options = Options(level="simple", fingering=True, transpose=-3, pedal=False)
    assert options.view == View(level="simple", fingering=True, transpose=-3, pedal=False)
    assert Options().view == View()
