"""Fingers as they are taught: scales, chords and broken chords of either hand, and no finger in two places."""

from fractions import Fraction
from itertools import pairwise

import pytest

from tests.engrave.scores import SCORES as MAKERS
from transcriber.notate.fingering import BLACK, FINGERS, Strike, choose_fingers, with_fingering
from transcriber.score import Chord

ALL_SCORES = {name: make()[0] for name, make in MAKERS.items()}

RIGHT, LEFT = 1, -1
C_MAJOR = [60, 62, 64, 65, 67, 69, 71, 72]
F_MAJOR = [53, 55, 57, 58, 60, 62, 64, 65, 67, 69, 70, 72, 74, 76, 77]
E_FLAT_MAJOR = [51, 53, 55, 56, 58, 60, 62, 63, 65, 67, 68, 70, 72, 74, 75]
A_MAJOR = [57, 59, 61, 62, 64, 66, 68, 69, 71, 73, 74, 76, 78, 80, 81]
MAJOR = (0, 2, 4, 5, 7, 9, 11)
# Two octaves upwards, right hand and left, by the tonic: as in any book of scales.
TAUGHT = {
    60: ("123123412312345", "543213214321321"),
    67: ("123123412312345", "543213214321321"),
    62: ("123123412312345", "543213214321321"),
    69: ("123123412312345", "543213214321321"),
    64: ("123123412312345", "543213214321321"),
    59: ("123123412312345", "432143213214321"),
    66: ("234123123412312", "432132143213214"),
    61: ("231234123123412", "321432132143213"),
    68: ("341231234123123", "321432132143213"),
    63: ("312341231234123", "321432132143213"),
    70: ("212312341231234", "321432132143213"),
    65: ("123412312341234", "543213214321321"),
}
TWO_OCTAVES = [*C_MAJOR, 74, 76, 77, 79, 81, 83, 84]


def strikes(chords, hand=RIGHT, length=1, step=1):
    found = []
    for index, chord in enumerate(chords):
        places = sorted(hand * key for key in ([chord] if isinstance(chord, int) else chord))
        ends = tuple(Fraction(step * index + length) for _ in places)
        found.append(Strike(Fraction(step * index), tuple(places), tuple(hand * p % 12 in BLACK for p in places), ends))
    return found


def fingers(chords, hand=RIGHT, **times):
    return " ".join("".join(map(str, way)) for way in choose_fingers(strikes(chords, hand, **times)))


@pytest.mark.parametrize(
    ("chords", "hand", "taught"),
    [
        (C_MAJOR, RIGHT, "1 2 3 1 2 3 4 5"),
        (C_MAJOR[::-1], RIGHT, "5 4 3 2 1 3 2 1"),
        (TWO_OCTAVES, RIGHT, "1 2 3 1 2 3 4 1 2 3 1 2 3 4 5"),
        (F_MAJOR, RIGHT, "1 2 3 4 1 2 3 1 2 3 4 1 2 3 4"),
        (F_MAJOR[::-1], RIGHT, "4 3 2 1 4 3 2 1 3 2 1 4 3 2 1"),
        (E_FLAT_MAJOR, RIGHT, "2 1 2 3 4 1 2 3 1 2 3 4 1 2 3"),  # or 3 on the first
        (E_FLAT_MAJOR, LEFT, "3 2 1 4 3 2 1 3 2 1 4 3 2 1 2"),  # or 3 on the last
        (A_MAJOR, RIGHT, "1 2 3 1 2 3 4 1 2 3 1 2 3 4 5"),
        (C_MAJOR, LEFT, "5 4 3 2 1 3 2 1"),
        (C_MAJOR[::-1], LEFT, "1 2 3 1 2 3 4 5"),
        ([67, 69, 71, 72, 74, 76, 78, 79], RIGHT, "1 2 3 1 2 3 4 5"),
        ([70, 72, 74, 75, 77, 79, 81, 82], RIGHT, "2 1 2 3 1 2 3 4"),
        ([60, 62, 64, 65, 67, 65, 64, 62, 60], RIGHT, "1 2 3 4 5 4 3 2 1"),
        ([60, 64, 67, 72, 67, 64, 60], RIGHT, "1 2 3 5 3 2 1"),
        ([48, 55, 52, 55] * 2, LEFT, "5 1 3 1 5 1 3 1"),
        ([[60, 72], [62, 74], [64, 76]], RIGHT, "15 15 15"),
    ],
)
def test_as_it_is_taught(chords, hand, taught):
    found = fingers(chords, hand)
    if isinstance(chords[0], list):
        assert all(way in ("14", "15") for way in found.split())
    else:
        assert found == taught


def test_major_scales_are_mostly_fingered_as_they_are_taught():
    same = total = 0
    for tonic, hands in TAUGHT.items():
        scale = [tonic + 12 * octave + step for octave in range(2) for step in MAJOR] + [tonic + 24]
        for hand, taught in zip((RIGHT, LEFT), hands, strict=True):
            for keys, wanted in ((scale, taught), (scale[::-1], taught[::-1])):
                found = fingers(keys, hand).replace(" ", "")
                assert all(one != other for one, other in pairwise(found)), found
                same += sum(one == other for one, other in zip(found, wanted, strict=True))
                total += len(keys)
    assert same / total > 0.86


@pytest.mark.parametrize(
    ("chords", "hand", "taught"),
    [
        ([[61, 65, 68]], RIGHT, "135"),
        ([44, 51, 56, 51] * 2, LEFT, "52125212"),
        ([[54, 58, 61], [54, 58, 61]], LEFT, "135135"),
    ],
)
def test_chords_on_black_keys_are_played_with_the_thumb(chords, hand, taught):
    assert fingers(chords, hand).replace(" ", "") == taught


def test_the_thumb_keeps_off_black_keys():
    for key, after in ((61, 62), (63, 64), (66, 67), (68, 69), (70, 71)):
        assert fingers([key, after, after + 2]).split()[0] != "1"


def test_a_held_key_keeps_its_finger():
    """The little finger holds a key while the others play below it."""
    held = Strike(Fraction(0), (72,), (False,), (Fraction(4),))
    below = strikes([64, 65, 67, 65])
    ways = choose_fingers([held, *(Strike(s.onset_q + Fraction(1, 2), s.places, s.black, s.ends_q) for s in below)])
    assert ways[1] < ways[0]


def test_after_a_rest_the_hand_is_anywhere():
    apart = fingers([60, 79], length=1, step=1)
    assert fingers([60, 79], length=1, step=8).split()[1] in "1 2 3"
    assert apart


@pytest.mark.parametrize("score", ALL_SCORES.values(), ids=ALL_SCORES.keys())
def test_every_struck_head_of_any_score(score):
    fingered = with_fingering(score)
    for (_, staff, _, before), (_, _, _, chord) in zip(score.chords(), fingered.chords(), strict=True):
        assert [head.id for head in chord.heads] == [head.id for head in before.heads]
        struck = [head for head in chord.heads if not head.tie_stop]
        assert all(head.finger is None for head in chord.heads if head.tie_stop)
        if len(chord.heads) <= len(FINGERS):
            used = [head.finger for head in struck if head.finger is not None]
            assert used == sorted(used, reverse=staff == 1), "fingers keep the order of the keys"
            assert len(set(used)) == len(used)
    assert any(head.finger for _, _, _, chord in fingered.chords() if isinstance(chord, Chord) for head in chord.heads)


def test_nothing_to_play():
    assert choose_fingers([]) == []
    assert fingers([60]) == "3"
