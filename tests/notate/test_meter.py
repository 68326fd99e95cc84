"""Bars and beats from notes, with the shipped network: plain music is understood, odd input never fails."""

from fractions import Fraction

import numpy as np
import pytest

from transcriber.errors import EditError, NoNotes, OptionError
from transcriber.notate.meter import find_meter, other_metres
from transcriber.performance import Note, Performance, sort_notes
from transcriber.score import TimeSignature


def performance(notes):
    played = sort_notes([Note(onset_s, onset_s + length_s, pitch, 70) for onset_s, length_s, pitch in notes])
    return Performance(played, (), max(note.offset_s for note in played))


def dance(count, bars, step_s=0.5, seed=0):
    """Bass on the first beat, chords on the others, a running tune above; played by hand, so a little uneven."""
    rng = np.random.default_rng(seed)
    at_s = 0.4 + np.concatenate([[0], np.cumsum(step_s * (1 + 0.04 * rng.standard_normal(count * bars)))])
    roots = [0, 5, 7, 0, 9, 2, 7, 0]
    tune = [0, 2, 4, 5, 7, 5, 4, 2]
    notes = []
    for beat in range(count * bars):
        bar, place = divmod(beat, count)
        root = roots[bar % 8]
        length_s = at_s[beat + 1] - at_s[beat]
        if place == 0:
            notes.append((at_s[beat], length_s, 36 + root))
        else:
            notes += [(at_s[beat], 0.6 * length_s, 48 + root + interval) for interval in (4, 7)]
        notes.append((at_s[beat], 0.9 * length_s / 2, 72 + root + tune[place]))
        if place != 0:
            notes.append((at_s[beat] + length_s / 2, 0.9 * length_s / 2, 72 + root + tune[place + 1]))
    notes.append((at_s[-1], 1.0, 36))
    jitter = rng.normal(0, 0.006, len(notes))
    return performance(
        [(onset + late, length, pitch) for (onset, length, pitch), late in zip(notes, jitter, strict=True)]
    ), at_s


def beats_of(meter):
    return np.array([beat_s for bar in meter.bars for beat_s in bar.beat_times_s])


def assert_covers(meter, played):
    beats = beats_of(meter)
    assert (np.diff(beats) > 0).all()
    assert beats[0] <= played.notes[0].onset_s
    assert meter.end_s > max(beats[-1], played.notes[-1].onset_s)
    assert all(len(bar.beat_times_s) == bar.time.beat_count for bar in meter.bars)


@pytest.mark.parametrize("count", [3, 4])
def test_a_dance_is_counted_as_it_was_played(count):
    played, at_s = dance(count, 16)
    meter = find_meter(played)
    assert_covers(meter, played)
    assert [bar.time for bar in meter.bars[:16]] == [TimeSignature(count, 4)] * 16
    np.testing.assert_allclose(beats_of(meter)[: count * 16], at_s[:-1], atol=0.05)


def hostile_performances():
    rng = np.random.default_rng(3)
    chord = [(0.0, 1.0, pitch) for pitch in range(21, 109)]
    return {
        "one note": [(1.0, 0.5, 60)],
        "two notes": [(0.0, 0.5, 60), (0.7, 0.5, 62)],
        "two notes an hour apart": [(0.0, 0.5, 60), (3600.0, 0.5, 62)],
        "all at once": chord,
        "one chord for five minutes": [(0.6 * beat, 0.5, pitch) for beat in range(500) for pitch in (48, 64, 67)],
        "very slow": [(7.9 * note, 6.0, 60 + note % 5) for note in range(20)],
        "very fast": [(0.036 * note, 0.03, 40 + note % 40) for note in range(800)],
        "a silence in the middle": [(0.5 * note + 900 * (note > 30), 0.4, 60 + note % 7) for note in range(60)],
        "noise": [(float(onset_s), 0.2, int(rng.integers(21, 109))) for onset_s in rng.uniform(0, 60, 700)],
    }


@pytest.mark.parametrize("name", hostile_performances())
@pytest.mark.parametrize(
    "correction",
    [
        {},
        {"time": TimeSignature(6, 8), "tempo_level": Fraction(1, 2)},
        {"pickup_q": Fraction(3, 2), "tempo_level": Fraction(3)},
        {"tempo_levels_s": [(0.0, Fraction(1, 4)), (3.0, Fraction(3))], "times_s": [(2.0, TimeSignature(5, 4))]},
    ],
)
def test_odd_performances_still_get_bars(name, correction):
    played = performance(hostile_performances()[name])
    meter = find_meter(played, **correction)
    assert_covers(meter, played)
    assert len(meter.bars) < 3 * len(played.notes) + 30


def test_the_same_notes_give_the_same_bars():
    played, _ = dance(3, 8)
    assert find_meter(played) == find_meter(played)


@pytest.mark.parametrize("asked", [TimeSignature(2, 4), TimeSignature(6, 8), TimeSignature(7, 8), TimeSignature(6, 4)])
def test_a_given_time_signature_is_obeyed(asked):
    played, _ = dance(4, 8)
    meter = find_meter(played, time=asked)
    assert_covers(meter, played)
    assert {bar.time for bar in meter.bars} == {asked}


def test_other_metres_leave_out_the_written_one_and_get_it_back_when_another_is_asked_for():
    played, _ = dance(3, 16)
    others = other_metres(played, find_meter(played))
    assert len(set(others)) == 3
    assert TimeSignature(3, 4) not in others
    assert other_metres(played, find_meter(played, time=others[1])) == (TimeSignature(3, 4), others[0], others[2])


@pytest.mark.parametrize("level", [Fraction(1, 2), Fraction(2), Fraction(3), Fraction(2, 3)])
def test_a_tempo_level_multiplies_the_beats(level):
    played, _ = dance(4, 16)
    usual = beats_of(find_meter(played))
    changed = find_meter(played, tempo_level=level)
    assert_covers(changed, played)
    ratio = np.median(np.diff(usual)) / np.median(np.diff(beats_of(changed)))
    assert ratio == pytest.approx(float(level), rel=0.05)


@pytest.mark.parametrize("pickup_q", [Fraction(0), Fraction(1), Fraction(3), Fraction(1, 2), Fraction(3, 2)])
def test_a_given_pickup_sets_the_first_bar_line(pickup_q):
    played, _ = dance(4, 8)
    meter = find_meter(played, time=TimeSignature(4, 4), pickup_q=pickup_q)
    assert_covers(meter, played)
    lines = [bar.beat_times_s[0] for bar in meter.bars]
    quarter_s = float(np.median(np.diff(beats_of(meter))))
    first_line_s = next(line_s for line_s in lines if line_s >= played.notes[0].onset_s - 0.05)
    assert first_line_s - played.notes[0].onset_s == pytest.approx(float(pickup_q) * quarter_s, abs=0.12)


@pytest.mark.parametrize("beat", [1, 2, 5])
def test_a_bar_begins_where_a_listener_says(beat):
    played, at_s = dance(3, 12)
    meter = find_meter(played, bar_lines_s=[at_s[beat]])
    assert min(abs(bar.beat_times_s[0] - at_s[beat]) for bar in meter.bars) < 0.1
    assert_covers(meter, played)


def test_bar_lines_may_break_the_metre_that_is_asked_for():
    played, at_s = dance(3, 12)
    meter = find_meter(played, time=TimeSignature(3, 4), bar_lines_s=[at_s[6], at_s[11]])
    starts = [bar.beat_times_s[0] for bar in meter.bars]
    assert min(abs(start - at_s[6]) for start in starts) < 0.1
    assert min(abs(start - at_s[11]) for start in starts) < 0.1
    other = [bar for bar in meter.bars if bar.time != TimeSignature(3, 4)]
    assert len(other) <= 3  # to meet the second bar line, and to be back with the dance afterwards


def test_another_metre_holds_from_where_a_listener_says_until_the_next():
    played, at_s = dance(3, 24)
    meter = find_meter(played, times_s=[(at_s[48], TimeSignature(6, 4)), (at_s[24], TimeSignature(2, 4))])
    assert_covers(meter, played)
    begins = {bar.beat_times_s[0]: bar.time for bar in meter.bars}
    places = [min(begins, key=lambda time_s: abs(time_s - at_s[beat])) for beat in (24, 48)]
    assert places == pytest.approx([at_s[24], at_s[48]], abs=0.1)
    assert {time for time_s, time in begins.items() if time_s < places[0]} == {TimeSignature(3, 4)}
    assert {time for time_s, time in begins.items() if places[0] <= time_s < places[1]} == {TimeSignature(2, 4)}
    assert {time for time_s, time in begins.items() if time_s >= places[1]} == {TimeSignature(6, 4)}


@pytest.mark.parametrize(("level", "count"), [(Fraction(2), 48), (Fraction(1, 2), 12), (Fraction(3), 72)])
def test_a_tempo_level_holds_from_where_a_listener_says_until_the_next(level, count):
    played, at_s = dance(4, 16)
    meter = find_meter(played, tempo_levels_s=[(at_s[16], level), (at_s[40], Fraction(1))])
    assert_covers(meter, played)
    beats = beats_of(meter)
    assert ((beats > at_s[16] - 0.1) & (beats < at_s[40] - 0.1)).sum() == count
    np.testing.assert_allclose(beats[:16], at_s[:16], atol=0.05)
    np.testing.assert_allclose(beats[(beats > at_s[40] - 0.1)][:24], at_s[40:64], atol=0.05)


def test_bar_lines_that_no_bars_meet_are_refused():
    played, at_s = dance(3, 12)
    with pytest.raises(EditError, match="bar lines"):
        find_meter(played, bar_lines_s=[at_s[6], at_s[7]])
    with pytest.raises(EditError, match="metres"):
        find_meter(played, times_s=[(at_s[6], TimeSignature(3, 4)), (at_s[7], TimeSignature(4, 4))])


def test_errors_name_what_is_wrong():
    played, _ = dance(4, 2)
    with pytest.raises(NoNotes):
        find_meter(Performance((), (), 3.0))
    with pytest.raises(OptionError, match="-1"):
        find_meter(played, pickup_q=Fraction(-1))
    with pytest.raises(OptionError, match="100"):
        find_meter(played, tempo_level=Fraction(100))
