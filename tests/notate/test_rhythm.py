"""Played rhythms with the unevenness of hands and microphones come out as they were meant."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from tests.notate.score_rules import assert_well_formed, meter_of, write
from transcriber.performance import Note, Performance, sort_notes
from transcriber.score import UPPER, Chord, Rest, Score, TimeSignature

BEAT_S = 0.6


def play(onsets_q: list[tuple[float, int]], jitter_s: float = 0.012, held: float = 0.9, seed: int = 1) -> Performance:
    """(position in quarters, pitch) at BEAT_S a quarter; each note is held up to the next of its register."""
    rng = random.Random(seed)
    notes = []
    for position, pitch in onsets_q:
        later = [other for other, key in onsets_q if other > position and (key < 55) == (pitch < 55)]
        length_s = held * BEAT_S * (min(later, default=position + 1) - position)
        onset_s = position * BEAT_S + rng.gauss(0, jitter_s)
        notes.append(Note(onset_s, onset_s + length_s, pitch, 64))
    return Performance(sort_notes(notes), (), max(note.offset_s for note in notes))


def positions(score: Score) -> list[tuple[Fraction, int]]:
    """(quarters from the first bar line, pitch) of every main note."""
    starts = [Fraction(0)]
    for measure in score.measures:
        starts.append(starts[-1] + measure.length_q)
    return sorted(
        (starts[index] + chord.onset_q, head.pitch.midi)
        for index, _, _, chord in score.chords()
        for head in chord.heads
        if not head.tie_stop
    )


def test_sixteenths_over_quarters() -> None:
    tune = [(k / 4, 72 + k % 5) for k in range(32)] + [(float(k), 48) for k in range(8)]
    performance = play(tune)
    score = write(performance, meter_of(TimeSignature(4, 4), 2, BEAT_S))
    assert positions(score) == sorted((Fraction(q), pitch) for q, pitch in tune)
    assert all(event.tuplet is None for _, _, _, event in score.chords())


def test_triplets_are_bracketed() -> None:
    tune = [(k / 3, 72 + k % 5) for k in range(24)] + [(float(k), 48) for k in range(8)]
    score = write(play(tune), meter_of(TimeSignature(4, 4), 2, BEAT_S))
    assert positions(score) == sorted((Fraction(round(q * 3), 3), pitch) for q, pitch in tune)
    upper = [event for measure in score.measures for event in measure.upper[0].events]
    assert {(event.value.type, event.tuplet.actual if event.tuplet else 0) for event in upper} == {("eighth", 3)}


def test_three_against_two() -> None:
    tune = [(k / 3, 72 + k % 5) for k in range(24)] + [(k / 2, 48 + k % 3) for k in range(16)]
    score = write(play(tune, jitter_s=0.006), meter_of(TimeSignature(4, 4), 2, BEAT_S))
    assert positions(score) == sorted((Fraction(round(q * 6), 6), pitch) for q, pitch in tune)
    lower = [event for measure in score.measures for event in measure.lower[0].events]
    assert {(event.value.type, event.tuplet) for event in lower} == {("eighth", None)}


def test_eighths_in_a_jig() -> None:
    tune = [(k / 2, 72 + k % 5) for k in range(24)] + [(1.5 * k, 48) for k in range(8)]
    performance = play(tune)
    score = write(performance, meter_of(TimeSignature(6, 8), 4, 1.5 * BEAT_S))
    assert positions(score) == sorted((Fraction(q), pitch) for q, pitch in tune)


def test_short_notes_of_dotted_beats_that_come_early_are_no_duplets() -> None:
    places = [1.0] * 4 + [0.86] * 12
    tune = [(1.5 * k + place, 72 + k % 4 + (place > 0)) for k in range(16) for place in (0.0, places[k])]
    tune += [(1.5 * k, 48) for k in range(16)]
    score = write(play(tune, jitter_s=0.008), meter_of(TimeSignature(6, 8), 8, 1.5 * BEAT_S))
    assert {position % Fraction(3, 2) for position, _ in positions(score)} == {0, 1}


def test_duplets_that_are_even_are_written() -> None:
    tune = [(0.75 * k, 72 + k % 4) for k in range(32)] + [(1.5 * k, 48) for k in range(16)]
    score = write(play(tune, jitter_s=0.008), meter_of(TimeSignature(6, 8), 8, 1.5 * BEAT_S))
    assert positions(score) == sorted((Fraction(q), pitch) for q, pitch in tune)


def test_quintuplets_that_are_even_are_written() -> None:
    tune = [(k / 5, 72 + k % 4) for k in range(40)] + [(float(k), 48) for k in range(8)]
    score = write(play(tune, jitter_s=0.006), meter_of(TimeSignature(4, 4), 2, BEAT_S))
    assert positions(score) == sorted((Fraction(round(q * 5), 5), pitch) for q, pitch in tune)


def test_a_hand_that_lags_is_still_together() -> None:
    tune = [(float(k), 72 + k % 5) for k in range(8)] + [(float(k) + 0.06, 48) for k in range(8)]
    score = write(play(tune, jitter_s=0.004), meter_of(TimeSignature(4, 4), 2, BEAT_S))
    assert {position.denominator for position, _ in positions(score)} == {1}


@pytest.mark.parametrize(("pitch", "graced"), [(74, True), (80, False)])
def test_a_quick_step_before_a_beat_is_a_grace_note_and_a_leap_a_chord(pitch: int, graced: bool) -> None:
    tune = [(float(k), 72 + k % 3) for k in range(8)] + [(float(k), 48) for k in range(8)]
    performance = play(tune, jitter_s=0.002)
    early = Note(4 * BEAT_S - 0.06, 4 * BEAT_S, pitch, 60)
    performance = Performance(sort_notes([*performance.notes, early]), (), performance.duration_s)
    score = write(performance, meter_of(TimeSignature(4, 4), 2, BEAT_S))
    assert_well_formed(score, performance)
    graces = [(index, chord.onset_q) for index, _, _, chord in score.chords() if chord.graces]
    assert graces == [(1, Fraction(0))] * graced
    chords = {(index, chord.onset_q): len(chord.heads) for index, staff, _, chord in score.chords() if staff == UPPER}
    assert chords[1, Fraction(0)] == (1 if graced else 2)


def test_a_late_note_of_a_chord_that_stands_alone_joins_it() -> None:
    notes = [Note(0.5 * k, 0.5 * k + 0.45, 67, 64) for k in range(4)]
    notes += [Note(0.5 * k + 0.065, 0.5 * k + 0.45, 71, 64) for k in range(4)]
    score = write(Performance(sort_notes(notes), (), 2.0), meter_of(TimeSignature(4, 4), 1, 0.5))
    assert [len(chord.heads) for _, _, _, chord in score.chords()] == [2, 2, 2, 2]


def test_a_last_chord_may_be_looser() -> None:
    notes = [Note(0.6 * k, 0.6 * k + 0.55, pitch, 64) for k in range(3) for pitch in (48, 79)]
    notes += [Note(1.8 + late, 4.0, pitch, 64) for late, pitch in ((0.0, 48), (0.0, 76), (0.095, 84), (0.02, 79))]
    score = write(Performance(sort_notes(notes), (), 4.0), meter_of(TimeSignature(4, 4), 1, BEAT_S))
    upper, lower = score.measures[0].staves
    assert [len(event.heads) for event in upper[0].events if isinstance(event, Chord)] == [1, 1, 1, 3]
    assert [len(event.heads) for event in lower[0].events if isinstance(event, Chord)] == [1, 1, 1, 1]
    assert (len(upper), len(lower)) == (1, 1)


def test_the_short_note_of_a_dotted_rhythm_is_no_early_chord() -> None:
    notes = [Note(0.4 * k, 0.4 * k + 0.35, 48, 64) for k in range(5)]
    notes += [Note(0.4 * k, 0.4 * k + 0.29, 76, 64) for k in range(4)] + [Note(1.6, 3.5, 76, 64)]
    notes += [Note(0.4 * k + 0.3, 0.4 * k + 0.65, 79, 64) for k in range(4)]
    score = write(Performance(sort_notes(notes), (), 3.5), meter_of(TimeSignature(4, 4), 2, 0.4))
    upper = [event for measure in score.measures for event in measure.upper[0].events if isinstance(event, Chord)]
    assert [len(event.heads) for event in upper] == [1] * 9


def test_a_quick_run_is_no_late_chord() -> None:
    run = [Note(0.075 * k, 0.075 * k + 0.2, 60 + k, 64) for k in range(16)]
    score = write(Performance(sort_notes(run), (), 2.4), meter_of(TimeSignature(4, 4), 2, 0.3))
    assert [len(chord.heads) for _, _, _, chord in score.chords() if not chord.heads[0].tie_stop] == [1] * 16


def test_a_rolled_chord_is_one_chord() -> None:
    roll = [Note(0.06 * k, 1.5, pitch, 64) for k, pitch in enumerate((60, 64, 67, 72))]
    after = [Note(0.18 + BEAT_S * k, 0.5 + BEAT_S * k, 76, 64) for k in range(2, 4)]
    performance = Performance(sort_notes([*roll, *after]), (), 3.0)
    score = write(performance, meter_of(TimeSignature(4, 4), 1, BEAT_S, 0.18))
    first = [chord for _, _, _, chord in score.chords() if chord.onset_q == 0]
    assert sum(len(chord.heads) for chord in first) == 4
    assert any(chord.arpeggio for chord in first)


@pytest.mark.parametrize("interval", [1, 2])
def test_a_trill_is_one_note(interval: int) -> None:
    shakes = [Note(0.08 * k, 0.08 * k + 0.07, 72 + interval * (k % 2), 64) for k in range(15)]
    performance = Performance(sort_notes([*shakes, Note(2 * BEAT_S, 2.5 * BEAT_S, 74, 64)]), (), 2.0)
    score = write(performance, meter_of(TimeSignature(4, 4), 1, BEAT_S))
    assert_well_formed(score, performance)
    (trill,) = [chord for _, _, _, chord in score.chords() if chord.ornament == "trill"]
    assert (trill.heads[0].pitch.midi, trill.duration_q) == (72, Fraction(2))
    assert len(score.dropped) == 14


def test_values_run_to_the_next_note_and_long_silences_are_rests() -> None:
    tune = [(0.0, 72), (1.0, 74), (4.0, 76)]
    performance = play(tune, held=0.6)
    short = [Note(note.onset_s, min(note.offset_s, note.onset_s + 0.35), note.pitch, 64) for note in performance.notes]
    score = write(Performance(tuple(short), (), 4.0), meter_of(TimeSignature(4, 4), 2, BEAT_S))
    first = [(type(event).__name__, event.duration_q) for event in score.measures[0].upper[0].events]
    assert first == [("Chord", Fraction(1)), ("Chord", Fraction(1)), ("Rest", Fraction(2))]


def test_a_held_note_over_moving_ones_gets_its_own_voice() -> None:
    held = [Note(0.0, 3.9 * BEAT_S, 79, 70)]
    moving = [Note(k * BEAT_S, (k + 0.95) * BEAT_S, 67 + k, 64) for k in range(4)]
    bass = [Note(0.0, 3.9 * BEAT_S, 43, 64)]
    score = write(Performance(sort_notes([*held, *moving, *bass]), (), 3.0), meter_of(TimeSignature(4, 4), 1, BEAT_S))
    upper = score.measures[0].upper
    assert [[event.duration_q for event in voice.events] for voice in upper] == [[4], [1, 1, 1, 1]]


def test_a_broken_chord_whose_keys_are_held_on_is_one_voice() -> None:
    step_s = BEAT_S / 4
    broken = [Note(k * step_s, (k + 3.5) * step_s, (67, 72, 76, 79)[k % 4], 64) for k in range(16)]
    bass = [Note(0.0, 3.9 * BEAT_S, 43, 64)]
    score = write(Performance(sort_notes([*broken, *bass]), (), 3.0), meter_of(TimeSignature(4, 4), 1, BEAT_S))
    assert [[event.duration_q for event in voice.events] for voice in score.measures[0].upper] == [
        [Fraction(1, 4)] * 16
    ]


def test_a_tuplet_shows_the_rest_that_it_begins_with_even_in_a_second_voice() -> None:
    held = [Note(k * BEAT_S, (k + 0.95) * BEAT_S, 79, 70) for k in range(4)]
    moving = [
        Note((k + third / 3) * BEAT_S, (k + third / 3 + 0.3) * BEAT_S, 73 - third, 64)
        for k in range(4)
        for third in (1, 2)
    ]
    bass = [Note(k * BEAT_S, (k + 0.95) * BEAT_S, 43 + k, 64) for k in range(4)]
    notes = sort_notes([*held, *moving, *bass])
    score = write(Performance(notes, (), 3.0), meter_of(TimeSignature(4, 4), 1, BEAT_S))
    lower = score.measures[0].upper[1].events
    assert [isinstance(event, Rest) for event in lower] == [True, False, False] * 4
    assert all(event.visible for event in lower if isinstance(event, Rest))


def test_a_hand_a_little_early_that_holds_over_the_beat_is_on_the_beat() -> None:
    step_s = BEAT_S / 8
    run = [Note(k * step_s, (k + 0.9) * step_s, 72 + k % 8, 64) for k in range(64)]
    left = [Note((8 * k - (k > 0)) * step_s, (8 * k + 14) * step_s, 45 + k, 64) for k in (0, 2, 4, 6)]
    score = write(Performance(sort_notes([*run, *left]), (), 8 * BEAT_S), meter_of(TimeSignature(4, 4), 2, BEAT_S))
    assert [place for place, pitch in positions(score) if pitch < 60] == [0, 2, 4, 6]
