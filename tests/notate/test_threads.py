"""Small matrices are multiplied by one thread, wherever notation runs."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from transcriber.notate import hands
from transcriber.notate.beatscores import METRES
from transcriber.notate.onsets import NoteTable, find_onsets
from transcriber.notate.patternmodel import Judgement
from transcriber.notate.patterns import judge_grid
from transcriber.performance import Note


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(limits=2, user_api="blas"):
        yield
        assert blas_threads() == {2}


def test_grids_are_judged_by_one_thread():
    seen = []

    class Model:
        def judge(self, features):
            seen.append(blas_threads())
            return Judgement(np.zeros(len(METRES)), 0.0)

    onset_s = np.arange(40) * 0.5
    notes = NoteTable(onset_s, onset_s + 0.4, np.full(40, 60), np.full(40, 64.0), np.array([]))
    judge_grid(notes, find_onsets(onset_s), onset_s, Model())
    assert seen
    assert all(threads == {1} for threads in seen)


def test_hands_are_scored_by_one_thread(monkeypatch):
    seen = []

    def network(given, weights):
        seen.append(blas_threads())
        return np.zeros(len(given.features), np.float32)

    monkeypatch.setattr(hands, "line_scores", network)
    hands.hand_scores([Note(0.5 * index, 0.5 * index + 0.4, 60, 64) for index in range(8)])
    assert seen == [{1}]
