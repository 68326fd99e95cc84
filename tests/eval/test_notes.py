"""Known answers: what arithmetic says must come out."""

import numpy as np
import pytest

from eval.notes import METRICS, Table, mean, note_scores

RNG = np.random.default_rng(4)
ONSETS = np.arange(40) * 0.3
PLAYED = np.stack([ONSETS, ONSETS + 0.25, RNG.integers(30, 90, 40), RNG.integers(20, 120, 40)], axis=1).astype(float)


def shifted(onset_s: float = 0.0, end_s: float = 0.0, pitch: float = 0.0) -> Table:
    return PLAYED + np.array([onset_s, end_s, pitch, 0.0])


def test_the_same_notes_score_one_in_every_metric() -> None:
    assert {name: score.f1 for name, score in note_scores(PLAYED, PLAYED).items()} == dict.fromkeys(METRICS, 1.0)


def test_half_of_the_notes_are_full_precision_and_half_recall() -> None:
    score = note_scores(PLAYED, PLAYED[::2])["note"]
    assert (score.precision, score.recall) == (1.0, 0.5)
    assert score.f1 == pytest.approx(2 / 3)


def test_doubled_notes_count_once() -> None:
    score = note_scores(PLAYED, np.concatenate([PLAYED, PLAYED]))["note"]
    assert (score.precision, score.recall) == (0.5, 1.0)


def test_a_semitone_off_is_wrong() -> None:
    assert note_scores(PLAYED, shifted(pitch=1))["note"].f1 == 0.0


@pytest.mark.parametrize(("shift_s", "right"), [(0.045, 1.0), (0.055, 0.0)])
def test_onsets_are_right_within_50_ms(shift_s: float, right: float) -> None:
    assert note_scores(PLAYED, shifted(onset_s=shift_s, end_s=shift_s))["note"].f1 == right


def test_late_ends_spoil_only_the_metrics_with_offsets() -> None:
    scores = note_scores(PLAYED, shifted(end_s=0.2))
    assert scores["note"].f1 == scores["note + velocity"].f1 == 1.0
    assert scores["note + offset"].f1 == scores["note + offset + velocity"].f1 == 0.0


def test_velocities_are_compared_after_a_linear_fit() -> None:
    scaled = PLAYED * np.array([1, 1, 1, 0.5]) + np.array([0, 0, 0, 10])
    assert note_scores(PLAYED, scaled)["note + velocity"].f1 == 1.0
    shuffled = PLAYED.copy()
    shuffled[:, 3] = RNG.permutation(shuffled[:, 3])
    assert note_scores(PLAYED, shuffled)["note + velocity"].f1 < 0.7


def test_nothing_against_nothing_is_right_and_against_something_wrong() -> None:
    nothing = np.zeros((0, 4))
    assert note_scores(nothing, nothing)["note"].f1 == 1.0
    assert note_scores(PLAYED, nothing)["note"].f1 == 0.0


def test_the_mean_is_over_files() -> None:
    scores = [note_scores(PLAYED, PLAYED), note_scores(PLAYED, np.zeros((0, 4)))]
    assert mean(scores)["note"].f1 == 0.5
