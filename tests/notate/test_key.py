"""Key signatures and names."""

from __future__ import annotations

import pytest

from tests.notate.score_rules import meter_of
from transcriber.notate.key import find_keys, signature
from transcriber.notate.ornaments import Attack
from transcriber.notate.rhythm import Placed
from transcriber.notate.spelling import pitch_at, spell
from transcriber.notate.timeline import TICKS, Timeline, lay_out
from transcriber.score import KeySignature, TimeSignature

MAJOR_TUNE = [0, 4, 7, 12, 11, 12, 9, 5, 7, 4, 2, 5, 4, 0, 2, -1, 0, 4, 7, 0]
MINOR_TUNE = [0, 3, 7, 12, 11, 12, 8, 5, 7, 3, 2, 5, 3, 0, 2, -1, 0, 3, 7, 0]


def placed(pitches: list[int], beats: int = 4) -> tuple[list[Placed], Timeline]:
    notes = [
        Placed(Attack(index, pitch, 64, 1.0, 0.5 * index, 0.5 * index + 0.5, 0), index * TICKS, (index + 1.0) * TICKS)
        for index, pitch in enumerate(pitches)
    ]
    bars = -(-len(pitches) // beats)
    return notes, lay_out(meter_of(TimeSignature(beats, 4), bars, 0.5), 0.0, 0.5 * len(pitches) - 0.5)


@pytest.mark.parametrize("tonic", range(12))
def test_every_major_and_minor_key(tonic: int) -> None:
    (region,) = find_keys(*placed([60 + tonic + step for step in MAJOR_TUNE]))
    assert region.key == signature(tonic)
    (region,) = find_keys(*placed([60 + tonic + step for step in MINOR_TUNE]))
    assert region.key == signature(12 + tonic)


def test_signatures() -> None:
    assert signature(0) == KeySignature(0, "major")
    assert signature(2) == KeySignature(2, "major")
    assert signature(6) == KeySignature(-6, "major")
    assert signature(12 + 9) == KeySignature(0, "minor")
    assert signature(12) == KeySignature(-3, "minor")


def test_a_trio_in_another_key_gets_its_signature_and_a_cadence_does_not() -> None:
    opening, trio = [60 + step for step in MAJOR_TUNE * 4], [64 + step for step in MAJOR_TUNE * 8]
    regions = find_keys(*placed(opening + trio + opening))
    assert [region.key.fifths for region in regions] == [0, 4, 0]
    assert 18 <= regions[1].first <= 22
    cadence = [67 + step for step in MAJOR_TUNE[:12]]
    assert [region.key.fifths for region in find_keys(*placed(opening + cadence + opening))] == [0]


@pytest.mark.parametrize("length", [60, 100, 160])
def test_signatures_do_not_depend_on_how_bars_are_counted(length: int) -> None:
    opening, trio = [60 + step for step in MAJOR_TUNE * 4], [64 + step for step in MAJOR_TUNE * 8]
    notes = opening + trio[:length] + opening
    in_two, in_four = (find_keys(*placed(notes, beats)) for beats in (2, 4))
    assert [region.key for region in in_two] == [region.key for region in in_four]


def names(pitches: list[int], fifths: int) -> str:
    signs = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "x"}
    return " ".join(pitch.step + signs[pitch.alter] for pitch in spell(pitches, [fifths] * len(pitches)))


def test_scales_keep_their_letters() -> None:
    scale = [0, 2, 4, 5, 7, 9, 11, 12]
    assert names([62 + step for step in scale], 2) == "D E F# G A B C# D"
    assert names([58 + step for step in scale], -2) == "Bb C D Eb F G A Bb"
    assert names([61 + step for step in scale], -5) == "Db Eb F Gb Ab Bb C Db"
    minor = [0, 2, 3, 5, 7, 8, 11, 12]
    assert names([57 + step for step in minor], 0) == "A B C D E F G# A"
    assert names([60 + step for step in minor], -3) == "C D Eb F G Ab B C"


def test_names_sound_as_played() -> None:
    for midi in range(21, 109):
        for place in range(-30, 31):
            if (7 * place - midi) % 12 == 0:
                pitch = pitch_at(midi, place)
                assert pitch.midi == midi
                assert abs(pitch.alter) <= 2
