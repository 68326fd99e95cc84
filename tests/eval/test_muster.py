"""MUSTER by hand: what each kind of mistake costs."""

from fractions import Fraction

import pytest

from eval.muster import QuarterNote, muster, rhythm_changes

SCALE = [QuarterNote(Fraction(place), Fraction(place + 1), 60 + place) for place in range(8)]


def alike(count=8):
    return [(place, place) for place in range(count)]


def changed(notes, place, **values):
    onset_q, offset_q, pitch = notes[place].onset_q, notes[place].offset_q, notes[place].pitch
    other = {"onset_q": onset_q, "offset_q": offset_q, "pitch": pitch} | values
    return [*notes[:place], QuarterNote(**other), *notes[place + 1 :]]


def test_a_score_against_itself_has_no_mistake():
    found = muster(SCALE, SCALE, alike())
    assert (found.pitch, found.missing, found.extra, found.onset, found.offset, found.mean) == (0,) * 6


def test_missing_and_extra_notes():
    shorter = muster(SCALE, [*SCALE[:3], *SCALE[4:]], [(n, n - (n > 3)) for n in range(8) if n != 3])
    assert shorter.missing == 1 / 8
    assert (shorter.extra, shorter.onset) == (0, 0)
    longer = muster(SCALE, [*SCALE, QuarterNote(Fraction(3), Fraction(4), 40)], alike())
    assert longer.extra == 1 / 9
    assert longer.mean == pytest.approx(1 / 45)


def test_what_follows_the_last_note_that_was_played_does_not_count():
    assert muster(SCALE, SCALE[:5], alike(5)).missing == 0


def test_a_note_that_two_voices_share_is_wanted_once():
    assert muster([*SCALE, SCALE[2]], SCALE, alike()).mean == 0


def test_another_pitch():
    assert muster(SCALE, changed(SCALE, 2, pitch=61), alike()).pitch == 1 / 8


def test_all_values_halved_cost_one_change():
    half = [QuarterNote(note.onset_q / 2, note.offset_q / 2, note.pitch) for note in SCALE]
    found = muster(SCALE, half, alike())
    assert found.onset == 1 / 8
    assert found.offset == 0  # the last note ends after the last onset, and is taken at the speed found


def test_one_note_late_costs_two_shifts_and_the_rest_stays():
    late = changed(SCALE, 3, onset_q=Fraction(7, 2))
    assert rhythm_changes([note.onset_q for note in SCALE], [note.onset_q for note in late]) == (2, 1)


def test_all_that_follows_late_costs_one_shift():
    late = SCALE[:4] + [QuarterNote(n.onset_q + 1, n.offset_q + 1, n.pitch) for n in SCALE[4:]]
    assert rhythm_changes([note.onset_q for note in SCALE], [note.onset_q for note in late]) == (1, 1)


def test_a_passage_at_double_speed_costs_two_changes_of_speed():
    wanted = [Fraction(place) for place in range(60)]
    given = [Fraction(place) for place in range(20)]
    given += [19 + Fraction(place, 2) for place in range(1, 21)]
    given += [given[-1] + place for place in range(1, 21)]
    assert rhythm_changes(wanted, given) == (2, 1)


def test_lengths_that_no_editor_would_scale_by_are_shifts():
    wanted = [Fraction(place) for place in range(5)]
    assert rhythm_changes(wanted, [Fraction(place, 5) for place in range(5)])[0] == 4


def test_an_end_that_misses_the_next_onset_is_one_mistake():
    short = changed(SCALE, 3, offset_q=Fraction(7, 2))
    found = muster(SCALE, short, alike())
    assert found.offset == 1 / 8
    assert found.onset == 0


def test_an_end_between_two_onsets_is_carried_along_with_them():
    printed = changed(SCALE, 3, offset_q=Fraction(7, 2))
    assert muster(printed, printed, alike()).offset == 0
    half = [QuarterNote(note.onset_q / 2, note.offset_q / 2, note.pitch) for note in printed]
    assert muster(printed, half, alike()).offset == 0


def test_an_end_at_an_onset_follows_that_onset_when_the_rhythm_is_mended():
    """Each later onset is a quarter late and the note before it held on: one shift mends both."""
    late = SCALE[:4] + [QuarterNote(n.onset_q + 1, n.offset_q + 1, n.pitch) for n in SCALE[4:]]
    held = changed(late, 3, offset_q=Fraction(5))
    found = muster(SCALE, held, alike())
    assert (found.onset, found.offset) == (1 / 8, 0)


def test_nothing_in_common():
    found = muster(SCALE, SCALE[:2], [])
    assert (found.missing, found.extra, found.mean) == (1, 1, 2 / 5)
