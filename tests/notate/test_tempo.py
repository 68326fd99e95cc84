"""The free-tempo decoder on scores that are written by hand: it must find beats that it was never given a tempo for."""

import numpy as np
import pytest

from tests.notate.beat_evidence import evidence
from transcriber.notate.beats import beat_grids, level_changes
from transcriber.notate.beatscores import PERIOD_BINS
from transcriber.notate.tempo import Section, beat_path


def path_of(onset_s, beat_s):
    return beat_path(Section(np.array(onset_s), evidence(onset_s, beat_s)), np.zeros((len(onset_s), PERIOD_BINS)))


@pytest.mark.parametrize("step_s", [0.2, 0.5, 1.1, 3.0])
def test_steady_beats_are_found_among_off_beats(step_s):
    beat_s = 1.0 + step_s * np.arange(24)
    onset_s = 1.0 + step_s / 2 * np.arange(47)
    path = path_of(onset_s, beat_s)
    np.testing.assert_allclose(path.time_s, beat_s, atol=1e-9)
    assert path.onset.tolist() == list(range(0, 47, 2))


def test_a_tempo_that_halves_in_twenty_beats_is_followed():
    beat_s = np.cumsum(0.4 * 2 ** (np.arange(21) / 20))
    onset_s = np.sort(np.concatenate([beat_s, beat_s[:-1] + np.diff(beat_s) / 3]))
    np.testing.assert_allclose(path_of(onset_s, beat_s).time_s, beat_s, atol=1e-9)


def test_beats_are_placed_where_nothing_is_struck():
    beat_s = 0.5 * np.arange(30)
    onset_s = np.delete(beat_s, [7, 12, 13, 14, 20])
    path = path_of(onset_s, beat_s)
    np.testing.assert_allclose(path.time_s, beat_s, atol=1e-9)
    assert np.nonzero(path.onset < 0)[0].tolist() == [7, 12, 13, 14, 20]


def test_other_tempo_levels_are_offered():
    beat_s = 0.5 * np.arange(40)
    onset_s = 0.25 * np.arange(79)
    steps = [
        round(float(np.median(np.diff(grid.time_s))), 3) for grid in beat_grids(onset_s, evidence(onset_s, beat_s))
    ]
    assert steps[0] == 0.5
    assert 1.0 in steps
    assert 0.25 in steps


def test_a_grid_reaches_over_all_onsets_and_across_a_long_silence():
    onset_s = np.concatenate([0.3 + 0.5 * np.arange(12), 300 + 0.5 * np.arange(12)])
    grid = beat_grids(onset_s, evidence(onset_s, onset_s[1:]))[0]
    assert grid.time_s[0] <= onset_s[0] + 1e-9
    assert grid.time_s[-1] > onset_s[-1]
    assert (np.diff(grid.time_s) > 0).all()
    assert len(grid.time_s) < 40  # a pause, not six hundred beats of rest
    assert set(range(1, 24)) <= set(grid.onset.tolist())


@pytest.mark.parametrize(
    ("steps_s", "count"),
    [
        ([0.5] * 40, 0),
        ([0.5] * 20 + [1.0] * 20, 1),
        ([0.5] * 20 + [0.25] * 20 + [0.5] * 20, 2),
        ([0.5] * 20 + [0.7] * 20, 0),  # a new tempo, but no other level
        ([0.5] * 20 + [1.0] * 4 + [0.5] * 20, 0),  # four slow beats are a ritardando
        ([0.5, 1.0] * 20, 0),
        ([0.5] * 8, 0),
    ],
)
def test_changes_of_level_are_counted(steps_s, count):
    assert level_changes(np.cumsum([1.0, *steps_s])) == count


def test_where_the_level_changes_beats_of_one_level_are_offered():
    beat_s = np.concatenate([0.5 * np.arange(40), 20 + 0.25 * np.arange(60)])  # heard twice as fast from 20 s on
    onset_s = np.sort(np.unique(np.concatenate([0.25 * np.arange(140)])))
    grids = beat_grids(onset_s, evidence(onset_s, beat_s))
    spans = [np.diff(grid.time_s).max() / np.diff(grid.time_s).min() for grid in grids]
    assert spans[0] > 1.9
    assert min(spans) < 1.1
