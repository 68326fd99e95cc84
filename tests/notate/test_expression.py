"""Dynamics, accents, tempo, pedal, clefs: what is marked, and that little is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import pytest

from tests.notate.score_rules import meter_of, write
from transcriber.notate.meter import Bar, Meter
from transcriber.notate.tempi import beat_value, metronome_mark, metronome_unit, tempo_word
from transcriber.performance import Note, Pedal, Performance, sort_notes
from transcriber.score import Clef, Dynamic, NoteValue, Ottava, PedalMark, Score, TempoMark, TimeSignature, Wedge, Words

FOUR = TimeSignature(4, 4)
Mark = TypeVar("Mark")


def steady(bars: int, *, pitch: int = 72, velocities: list[int] | None = None) -> list[Note]:
    """Quarters at 120 a minute in the right hand, a low note on each bar."""
    notes = [
        Note(0.5 * beat, 0.5 * beat + 0.45, pitch + beat % 5, velocities[beat // 4] if velocities else 64)
        for beat in range(4 * bars)
    ]
    return notes + [Note(2.0 * bar, 2.0 * bar + 1.9, 43, velocities[bar] if velocities else 64) for bar in range(bars)]


def score_of(notes: list[Note], bars: int, pedals: tuple[Pedal, ...] = ()) -> Score:
    return write(Performance(sort_notes(notes), pedals, 2.0 * bars), meter_of(FOUR, bars, 0.5))


def marks(score: Score, kind: type[Mark]) -> list[tuple[int, Mark]]:
    return [
        (index, mark) for index, bar in enumerate(score.measures) for mark in bar.directions if isinstance(mark, kind)
    ]


def test_dynamics_follow_the_phrases() -> None:
    score = score_of(steady(16, velocities=[49] * 8 + [96] * 8), 16)
    assert marks(score, Dynamic) == [(0, Dynamic(Fraction(0), "p")), (8, Dynamic(Fraction(0), "f"))]


def test_one_loud_bar_is_no_new_dynamic() -> None:
    score = score_of(steady(12, velocities=[64] * 6 + [80] + [64] * 5), 12)
    assert [mark for _, mark in marks(score, Dynamic)] == [Dynamic(Fraction(0), "mp")]


def test_a_phrase_that_grows_gets_a_hairpin_up_to_its_end() -> None:
    notes = steady(12)
    swelling = [
        Note(note.onset_s, note.offset_s, note.pitch, 48 + round(6 * (note.onset_s - 8)))
        if 8 <= note.onset_s < 14
        else Note(note.onset_s, note.offset_s, note.pitch, 48 if note.onset_s < 8 else 84)
        for note in notes
    ]
    found = marks(score_of(swelling, 12), Wedge)
    assert [mark.kind for _, mark in found] == ["crescendo", "stop"]
    assert 3 <= found[0][0] <= 4
    assert 6 <= found[1][0] <= 7


def test_steady_playing_has_no_hairpins() -> None:
    assert marks(score_of(steady(12, velocities=[60, 66] * 6), 12), Wedge) == []


@pytest.mark.parametrize(("held_s", "fermata"), [(1.9, False), (6.0, True)])
def test_a_last_chord_that_is_held_on_gets_a_fermata(held_s: float, fermata: bool) -> None:
    last = [Note(8.0, 8.0 + held_s, pitch, 64) for pitch in (43, 72, 76)]
    score = score_of([*steady(4), *last], 5)
    marked = [(bar, staff) for bar, staff, _, chord in score.chords() if "fermata" in chord.articulations]
    assert marked == ([(4, 0), (4, 1)] if fermata else [])


def test_a_note_that_stands_out_is_accented() -> None:
    notes = steady(8)
    notes[10] = Note(notes[10].onset_s, notes[10].offset_s, notes[10].pitch, 110)
    accented = [(index, chord.onset_q) for index, _, _, chord in score_of(notes, 8).chords() if chord.articulations]
    assert accented == [(2, Fraction(2))]


def test_a_steady_tempo_is_marked_once() -> None:
    (found,) = marks(score_of(steady(12), 12), TempoMark)
    assert found == (0, TempoMark(Fraction(0), "Allegro", NoteValue("quarter"), 120.0))
    assert marks(score_of(steady(12), 12), Words) == []


def test_a_strong_ritardando_and_a_new_tempo() -> None:
    beat_s = [0.5] * 40 + [0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9] + [0.5] * 16 + [0.3] * 64
    times = [sum(beat_s[:beat]) for beat in range(len(beat_s) + 1)]
    bars = tuple(Bar(FOUR, tuple(times[beat : beat + 4])) for beat in range(0, len(beat_s), 4))
    notes = [Note(time, time + 0.25, 72 + beat % 5, 64) for beat, time in enumerate(times[:-1])]
    score = write(Performance(tuple(notes), (), times[-1]), Meter(bars, times[-1]))
    assert [(index, mark.text) for index, mark in marks(score, Words)] == [
        (10, "rit."),
        (12, "a tempo"),
    ]
    tempi = [(index, mark.per_minute) for index, mark in marks(score, TempoMark)]
    assert tempi == [(0, 120.0), (16, 200.0)]


def test_a_slow_beginning_is_no_ritardando() -> None:
    beat_s = [0.8] * 8 + [0.5] * 40
    times = [sum(beat_s[:beat]) for beat in range(len(beat_s) + 1)]
    bars = tuple(Bar(FOUR, tuple(times[beat : beat + 4])) for beat in range(0, len(beat_s), 4))
    notes = [Note(time, time + 0.25, 72 + beat % 5, 64) for beat, time in enumerate(times[:-1])]
    assert marks(write(Performance(tuple(notes), (), times[-1]), Meter(bars, times[-1])), Words) == []


@pytest.mark.parametrize(
    ("time", "value"),
    [
        ((4, 4), NoteValue("quarter")),
        ((6, 8), NoteValue("quarter", 1)),
        ((2, 2), NoteValue("half")),
        ((3, 8), NoteValue("eighth")),
    ],
)
def test_the_felt_beat(time: tuple[int, int], value: NoteValue) -> None:
    assert beat_value(TimeSignature(*time)) == value


@pytest.mark.parametrize(
    ("time", "per_minute", "unit"),
    [
        (TimeSignature(3, 4), 60, NoteValue("quarter")),
        (TimeSignature(3, 4), 30, NoteValue("eighth")),
        (TimeSignature(2, 2), 37, NoteValue("quarter")),
        (TimeSignature(12, 8), 22, NoteValue("eighth")),
        (TimeSignature(3, 4), 278, NoteValue("half", 1)),
        (TimeSignature(3, 4), 168, NoteValue("half", 1)),
        (TimeSignature(3, 8), 200, NoteValue("quarter", 1)),
        (TimeSignature(4, 4), 239, NoteValue("half")),
        (TimeSignature(6, 8), 230, NoteValue("half", 1)),
        (TimeSignature(5, 4), 240, NoteValue("quarter")),
    ],
)
def test_a_metronome_counts_what_it_can(time: TimeSignature, per_minute: float, unit: NoteValue) -> None:
    assert metronome_unit(time, per_minute) == unit


def test_metronome_steps_and_words() -> None:
    assert [metronome_mark(pace) for pace in (41.1, 61.0, 118.5, 205.0, 251.3, 12.0)] == [42, 60, 120, 208, 251, 12]
    assert [tempo_word(FOUR, pace) for pace in (30, 63, 72, 100, 112, 132, 180, 220)] == [
        "Largo",
        "Larghetto",
        "Adagio",
        "Andante",
        "Moderato",
        "Allegro",
        "Presto",
        "Prestissimo",
    ]


def test_dotted_beats_are_named_as_slower_plain_ones() -> None:
    paces = (15, 24, 38, 60, 90, 140, 180)
    words = ["Largo", "Adagio", "Andante", "Moderato", "Allegro", "Presto", "Prestissimo"]
    assert [tempo_word(TimeSignature(6, 8), pace) for pace in paces] == words


def test_quick_bars_of_three_are_named_by_the_bar() -> None:
    paces = (132, 160, 167, 210, 300)
    words = ["Allegro", "Allegro", "Allegro", "Vivace", "Presto"]
    for time in (TimeSignature(3, 4), TimeSignature(3, 8)):
        assert [tempo_word(time, pace) for pace in paces] == words


def test_legato_pedalling_becomes_changes() -> None:
    pedals = tuple(Pedal(2.0 * bar + 0.15, 2.0 * bar + 2.02) for bar in range(4))
    found = marks(score_of(steady(5), 5, pedals), PedalMark)
    kinds = [(index, float(mark.onset_q), mark.kind) for index, mark in found]
    assert kinds == [(0, 0.5, "start"), (1, 0, "change"), (2, 0, "change"), (3, 0, "change"), (3, 4, "stop")]


def test_separate_presses_start_and_stop_and_touches_are_left_out() -> None:
    pedals = (Pedal(0.0, 1.5), Pedal(2.0, 3.5), Pedal(4.0, 4.05), Pedal(5.0, 6.5))
    found = marks(score_of(steady(4), 4, pedals), PedalMark)
    kinds = [(index, float(mark.onset_q), mark.kind) for index, mark in found]
    starts, stops = (
        [(0, 0, "start"), (1, 0, "start"), (2, 2, "start")],
        [(0, 3, "stop"), (1, 3, "stop"), (3, 1, "stop")],
    )
    assert kinds == sorted(starts + stops)


def test_touches_of_the_pedal_are_marked_nowhere_and_pedalled_phrases_throughout() -> None:
    touched = tuple(Pedal(8.0 * k, 8.0 * k + 1.5) for k in range(8))
    pedalled = tuple(Pedal(64 + 2.0 * k + 0.2, 64 + 2.0 * k + 1.9) for k in range(32))
    found = marks(score_of(steady(64), 64, touched + pedalled), PedalMark)
    assert {mark.kind for index, mark in found if index > 32} == {"change", "stop"}
    assert 28 <= found[0][0] <= 34
    assert found[0][1].kind == "start"


def test_a_press_that_nobody_holds_so_long_is_left_out() -> None:
    assert marks(score_of(steady(12), 12, (Pedal(0.5, 23.0),)), PedalMark) == []


def test_a_high_phrase_goes_under_an_octave_line_and_a_high_bass_into_the_treble_clef() -> None:
    phrase = [Note(8 + 0.5 * k, 8.4 + 0.5 * k, 100 + k % 5, 64) for k in range(16)]
    after = [Note(16 + 0.5 * k, 16.4 + 0.5 * k, 72 + k % 5, 64) for k in range(16)]
    bass = [Note(2.0 * bar, 2.0 * bar + 1.9, 43, 64) for bar in range(4, 12)]
    high = score_of(steady(4) + phrase + after + bass, 12)
    assert [(index, mark.kind, float(mark.onset_q)) for index, mark in marks(high, Ottava)] == [
        (4, "start", 0),
        (7, "stop", 4),
    ]
    assert all(bar.clefs == () for bar in high.measures)
    middle = [
        note
        for bar in range(8)
        for k in range(4)
        for note in (
            Note(2 * bar + 0.5 * k, 2 * bar + 0.5 * k + 0.45, 84 + k, 64),
            Note(2 * bar + 0.5 * k, 2 * bar + 0.5 * k + 0.45, (72 if bar >= 4 else 48) + k % 3, 64),
        )
    ]
    assert [(index, clef) for index, bar in enumerate(score_of(middle, 8).measures) for clef in bar.clefs] == [
        (4, Clef(1, "treble"))
    ]


def beat_by_beat(velocities: list[int]) -> Score:
    """Three phrases of four bars; the one in the middle has these velocities, the others those of its ends."""
    levels = [velocities[0]] * 16 + velocities + [velocities[-1]] * 16
    notes = [replace(note, velocity=levels[round(2 * note.onset_s)]) for note in steady(12)]
    return score_of(notes, 12)


def test_a_hairpin_leads_to_its_mark_and_has_none_inside() -> None:
    score = beat_by_beat([33 + 4 * beat for beat in range(16)])
    assert [mark.mark for _, mark in marks(score, Dynamic)] == ["pp", "f"]
    start, end = (4 * bar + mark.onset_q for bar, mark in marks(score, Wedge))
    pianissimo, forte = (4 * bar + mark.onset_q for bar, mark in marks(score, Dynamic))
    assert pianissimo <= start < end <= forte


def test_a_sudden_step_is_no_hairpin() -> None:
    score = beat_by_beat([49] * 8 + [96] * 8)
    assert marks(score, Wedge) == []
    assert marks(score, Dynamic) == [(0, Dynamic(Fraction(0), "p")), (6, Dynamic(Fraction(0), "f"))]


def test_a_clef_changes_within_the_bar_where_the_phrase_does() -> None:
    left_hand = [48, 50, 74, 76, 74, 76, 74, 77, 48, 50, 52, 48]
    notes = [
        Note(0.5 * beat, 0.5 * beat + 0.45, pitch, 64)
        for beat, left in enumerate(left_hand)
        for pitch in (left, 88 + beat % 3)
    ]
    score = score_of(notes, 3)
    assert [(index, clef) for index, bar in enumerate(score.measures) for clef in bar.clefs] == [
        (0, Clef(1, "treble", Fraction(2))),
        (2, Clef(1, "bass")),
    ]
