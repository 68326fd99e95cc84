"""Another key, the same music: intervals between names stay, signatures stay readable, and back is where it began."""

from dataclasses import replace

import pytest

from tests.engrave.scores import SCORES as MAKERS
from tests.notate.test_meter import dance
from transcriber.notate import hear_beats, notate
from transcriber.notate.transposition import transposed
from transcriber.score import ChordSymbol, KeySignature

ALL_SCORES = {name: make()[0] for name, make in MAKERS.items()}


def heads(measures):
    return [
        head
        for measure in measures
        for voices in measure.staves
        for voice in voices
        for event in voice.events
        for chord in (*getattr(event, "graces", ()), event)
        for head in getattr(chord, "heads", ())
    ]


@pytest.mark.parametrize("semitones", range(-12, 13))
@pytest.mark.parametrize("score", ALL_SCORES.values(), ids=ALL_SCORES.keys())
def test_every_pitch_moves_by_as_much(score, semitones):
    moved = transposed(score.measures, semitones)
    assert [head.pitch.midi for head in heads(moved)] == [head.pitch.midi + semitones for head in heads(score.measures)]
    assert all(abs(head.pitch.alter) <= 2 for head in heads(moved))
    assert all(abs(measure.key.fifths) <= 7 for measure in moved)
    for before, after in zip(score.measures, moved, strict=True):
        assert (after.key.fifths - before.key.fifths - 7 * semitones) % 12 == 0
        assert after.key.mode == before.key.mode


@pytest.mark.parametrize(
    ("fifths", "semitones", "expected"),
    [(0, 2, 2), (0, -2, -2), (0, 1, -5), (-4, 1, 3), (5, 2, -5), (3, 12, 3), (-1, -12, -1)],
)
def test_signature_with_few_signs(fifths, semitones, expected):
    measure = replace(next(iter(ALL_SCORES.values())).measures[0], key=KeySignature(fifths))
    assert transposed([measure], semitones)[0].key.fifths == expected


def test_chord_symbols_move_too():
    measure = replace(next(iter(ALL_SCORES.values())).measures[0], key=KeySignature(0))
    mark = ChordSymbol(measure.length_q * 0, ("G", 0), "dominant", ("B", 0))
    (moved,) = transposed([replace(measure, directions=(mark,))], 2)
    (symbol,) = moved.directions
    assert (symbol.root, symbol.bass, symbol.kind) == (("A", 0), ("C", 1), "dominant")


def test_there_and_back():
    score = next(iter(ALL_SCORES.values()))
    assert transposed(transposed(score.measures, 2), -2) == transposed(transposed(score.measures, 0), 0)


def test_a_whole_piece_keeps_its_rhythm_and_its_sources():
    played, _ = dance(3, 6)
    evidence = hear_beats(played)
    plain, higher = (notate(played, evidence=evidence, transpose=semitones, chords=True) for semitones in (0, 12))
    assert [head.source for head in heads(higher.measures)] == [head.source for head in heads(plain.measures)]
    assert [m.beat_times_s for m in higher.measures] == [m.beat_times_s for m in plain.measures]
    assert heads(higher.measures)[0].pitch.midi == heads(plain.measures)[0].pitch.midi + 12
