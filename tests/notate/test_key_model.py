"""The key model knows no tonic from another, and its training sees keys where they stand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transcriber.notate.key import signature
from transcriber.notate.keymodel import VIEWS, key_scores, key_views, turned
from transcriber.notate.training.keys import Example, train

TUNE = np.array([60, 64, 67, 72, 71, 72, 69, 65, 67, 64, 62, 65, 64, 60, 62, 59, 60])


def views(pitch: np.ndarray) -> np.ndarray:
    onset_q = np.arange(len(pitch), dtype=np.float64)
    return key_views(onset_q, np.ones(len(pitch)), pitch, np.arange(len(pitch)) // 4)


def test_a_transposed_piece_is_the_same_piece_from_another_tonic() -> None:
    low = TUNE - 24  # so that no bass is taken for another part when it is moved
    scores = key_scores(views(low))
    for semitones in range(1, 12):
        moved = key_scores(views(low + semitones)).reshape(2, 12)
        assert np.roll(scores.reshape(2, 12), semitones, axis=1) == pytest.approx(moved, abs=1e-4)


def test_views_are_shares() -> None:
    seen = views(TUNE)
    assert seen.shape == (VIEWS, 12)
    assert (seen[:6] ** 2).sum(axis=1) == pytest.approx(1.0)
    assert seen[6:].sum(axis=1) == pytest.approx(1.0)
    assert seen[6].argmax() == 0


def test_one_note_has_views() -> None:
    assert np.isfinite(key_scores(views(np.array([90])))).all()


def test_training_learns_signatures_from_each_tonic() -> None:
    shapes = {"major": [0, 2, 4, 5, 7, 9, 11, 12], "minor": [0, 2, 3, 5, 7, 8, 11, 12]}
    given = []
    for tonic in range(12):
        for number, (mode, steps) in enumerate(shapes.items()):
            pitch = 60 + tonic + np.array(steps * 3)
            wanted = (signature(tonic + 12 * (mode == "minor")).fifths + 6) % 12
            given.append(Example("hand", number, turned(views(pitch)), wanted))
    learned = train(given[:6], 60)

    found = learned(torch.from_numpy(np.stack([example.seen for example in given]))).argmax(dim=1)
    assert found.tolist() == [example.signature for example in given]
