"""Chord symbols of plain progressions."""

from __future__ import annotations

from tests.notate.score_rules import meter_of
from transcriber.notate import notate_on
from transcriber.notate.edits import gather
from transcriber.performance import Note, Performance, sort_notes
from transcriber.score import ChordSymbol, TimeSignature

FOUR = TimeSignature(4, 4)
C, F, G7, AM, E_MINOR_7 = (48, 60, 64, 67), (41, 60, 65, 69), (43, 59, 62, 65), (45, 60, 64, 69), (40, 55, 59, 62, 67)


def symbols(chords: list[tuple[int, ...]], beats: int = 4) -> list[tuple[int, ChordSymbol]]:
    """Each chord played in quarters for `beats` beats of half a second."""
    notes = [
        Note(0.5 * (beats * place + beat), 0.5 * (beats * place + beat) + 0.45, pitch, 64)
        for place, chord in enumerate(chords)
        for beat in range(beats)
        for pitch in chord
    ]
    performance = Performance(sort_notes(notes), (), 0.5 * beats * len(chords))
    bars = -(-beats * len(chords) // 4)
    score = notate_on(performance, meter_of(FOUR, bars, 0.5), gather((), performance), chords=True)
    return [
        (number, mark)
        for number, bar in enumerate(score.measures)
        for mark in bar.directions
        if isinstance(mark, ChordSymbol)
    ]


def test_a_progression_of_one_chord_a_bar() -> None:
    found = [(bar, mark.root, mark.kind, mark.bass) for bar, mark in symbols([C, AM, F, G7, C])]
    assert found == [
        (0, ("C", 0), "major", None),
        (1, ("A", 0), "minor", None),
        (2, ("F", 0), "major", None),
        (3, ("G", 0), "dominant", None),
        (4, ("C", 0), "major", None),
    ]


def test_two_chords_a_bar() -> None:
    found = [(bar, float(mark.onset_q), mark.root[0]) for bar, mark in symbols([C, F, G7, C], beats=2)]
    assert found == [(0, 0.0, "C"), (0, 2.0, "F"), (1, 0.0, "G"), (1, 2.0, "C")]


def test_a_chord_that_goes_on_is_named_once_and_an_inversion_has_its_bass() -> None:
    found = [(bar, mark.root, mark.bass) for bar, mark in symbols([C, C, (52, 60, 67, 72), F])]
    assert found == [(0, ("C", 0), None), (2, ("C", 0), ("E", 0)), (3, ("F", 0), None)]


def test_the_bare_third_in_the_bass_is_no_augmented_chord() -> None:
    found = [(mark.root, mark.kind, mark.bass) for _, mark in symbols([(36, 55, 64, 67), (47, 67), C])]
    assert found == [(("C", 0), "major", None), (("G", 0), "major", ("B", 0)), (("C", 0), "major", None)]


def test_an_augmented_chord_whose_notes_all_sound_is_one() -> None:
    found = [(mark.root, mark.kind) for _, mark in symbols([C, (48, 60, 64, 68), F])]
    assert found == [(("C", 0), "major"), (("C", 0), "augmented"), (("F", 0), "major")]


def test_flat_keys_have_flat_names() -> None:
    e_flat, b_flat_7 = (39, 58, 63, 67), (46, 62, 65, 68)
    assert [mark.root for _, mark in symbols([e_flat, b_flat_7, e_flat])] == [("E", -1), ("B", -1), ("E", -1)]


def test_a_chord_is_named_as_the_notes_of_its_bar_are() -> None:
    flats = [(39, 58, 63, 67), (46, 62, 65, 68)] * 8  # Eb and Bb7
    sharps = [(40, 59, 64, 68), (47, 63, 66, 69), (44, 60, 63, 66)] * 6  # E, B7, G#7 without its third
    names = {mark.root for bar, mark in symbols([*flats, *sharps]) if bar >= 20}
    assert names <= {("E", 0), ("B", 0), ("G", 1), ("D", 1)}


def test_none_without_being_asked_for() -> None:
    performance = Performance((Note(0.0, 1.9, 60, 64),), (), 2.0)
    score = notate_on(performance, meter_of(FOUR, 1, 0.5), gather((), performance))
    assert not any(isinstance(mark, ChordSymbol) for bar in score.measures for mark in bar.directions)
