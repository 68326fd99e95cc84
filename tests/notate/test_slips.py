"""A key that a finger brushes beside its own is not written; a second that is meant is."""

from __future__ import annotations

import pytest

from tests.notate.score_rules import assert_well_formed, meter_of, write
from transcriber.performance import Note, Performance, sort_notes
from transcriber.score import TimeSignature

BEAT_S = 0.6
TUNE = [Note(BEAT_S * k, BEAT_S * (k + 0.9), 72 + k, 80) for k in range(4)]


def written(beside: Note) -> int:
    performance = Performance(sort_notes([*TUNE, beside]), (), 4 * BEAT_S)
    score = write(performance, meter_of(TimeSignature(4, 4), 1, BEAT_S))
    assert_well_formed(score, performance)
    return sum(len(chord.heads) for _, _, _, chord in score.chords())


@pytest.mark.parametrize("late_s", [-0.02, 0.0, 0.03])
@pytest.mark.parametrize("pitch", [71, 75])
def test_a_brushed_key_is_not_written(late_s: float, pitch: int) -> None:
    onset_s = BEAT_S + late_s
    assert written(Note(onset_s, onset_s + 0.05, pitch, 40)) == 4


@pytest.mark.parametrize(("length_s", "velocity"), [(0.5, 40), (0.05, 70)])
def test_a_second_is_written_where_it_is_held_or_as_loud(length_s: float, velocity: int) -> None:
    assert written(Note(BEAT_S, BEAT_S + length_s, 74, velocity)) == 5
