"""The measuring stick itself: a perfect answer must score 1, a wrong metre must not."""

import numpy as np
import pytest

from eval import beats as evaluation
from tests.notate.test_meter import dance
from transcriber.notate.meter import Bar, Meter
from transcriber.notate.onsets import NoteTable
from transcriber.notate.training.corpus import BEAT, DOWNBEAT, BeatTrack, Piece
from transcriber.score import TimeSignature


@pytest.fixture
def waltz():
    played, at_s = dance(3, 16)
    beat_s = at_s[:-1]
    kind = np.where(np.arange(len(beat_s)) % 3 == 0, DOWNBEAT, BEAT)
    track = BeatTrack(beat_s, kind, np.full(len(beat_s), 3), np.full(len(beat_s), 4))
    return Piece("hand", "", "waltz", 1, NoteTable.of(played), track)


def answer(piece, count):
    beats = piece.track.time_s
    bars = [Bar(TimeSignature(count, 4), tuple(beats[k : k + count])) for k in range(0, len(beats), count)]
    return Meter(tuple(bars), float(beats[-1] + 0.5))


def test_the_annotated_bars_score_one_and_another_metre_less(waltz, monkeypatch):
    monkeypatch.setattr(evaluation, "find_meter", lambda performance: answer(waltz, 3))
    right = evaluation.evaluate(waltz, baseline=False)
    assert (right.beat, right.downbeat, right.signature, right.offered, right.metre) == (1, 1, 1, 1, 1)
    monkeypatch.setattr(evaluation, "find_meter", lambda performance: answer(waltz, 4))
    wrong = evaluation.evaluate(waltz, baseline=False)
    assert wrong.beat == 1
    assert wrong.downbeat < 0.5
    assert (wrong.signature, wrong.offered, wrong.metre) == (0, 1, 0)


def test_an_excerpt_keeps_what_begins_within_it(waltz):
    cut = evaluation.excerpt(waltz, 5.0)
    assert cut.notes.onset_s.max() < 5
    assert cut.track.time_s.max() < 5
    assert 0 < len(cut.track.time_s) < len(waltz.track.time_s)


def test_the_baseline_covers_the_piece(waltz):
    result = evaluation.evaluate(waltz, baseline=True)
    assert 0 <= result.beat <= 1
    assert result.found == (4, 4)


def test_the_table_counts_each_composition_once(waltz):
    results = [
        evaluation.Result(waltz, beat, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, (3, 4), (3, 4))
        for beat in (1.0, 0.5)  # two performances of one composition
    ]
    lines = evaluation.table(results).splitlines()
    assert lines[1].split()[:3] == ["hand", "1", "0.750"]
