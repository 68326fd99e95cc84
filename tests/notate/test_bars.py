"""The bar model on scores that are written by hand."""

import numpy as np
import pytest

from tests.notate.beat_evidence import evidence, no_patterns
from transcriber.notate.bars import SIGNATURES, bar_path, metre_scores
from transcriber.score import TimeSignature


def evidence_of(beat_s, downbeats, metre=None):
    """Every beat is struck, and one more closes the last bar."""
    return evidence(beat_s, np.append(beat_s, 2 * beat_s[-1] - beat_s[-2]), beat_s[downbeats], metre)


def best_bars(beat_s, scores, **given):
    return bar_path(beat_s, np.arange(len(beat_s)), beat_s, scores, no_patterns(), **given)


def bars_of(beat_s, downbeats, metre=None, **given):
    return best_bars(beat_s, evidence_of(beat_s, downbeats, metre), **given)


@pytest.mark.parametrize(
    ("beats", "beat_type"), [(2, 4), (3, 4), (4, 4), (5, 4), (3, 8), (6, 8), (9, 8), (12, 8), (2, 2)]
)
def test_each_metre_is_found_with_its_pickup(beats, beat_type):
    signature = TimeSignature(beats, beat_type)
    count = signature.beat_count
    path = bars_of(0.5 * np.arange(8 * count), np.arange(1, 8 * count, count), (beats, beat_type))
    assert set(path.times) == {signature}
    assert path.position[:3] == ((count - 1) % count, 0, 1)


def test_a_metre_may_change_at_a_bar_line():
    downbeats = [*range(0, 32, 4), *range(32, 62, 3)]
    beat_s = 0.5 * np.arange(62)
    scores = evidence_of(beat_s, downbeats, (4, 4))
    scores.metre[32:] = evidence_of(beat_s, downbeats, (3, 4)).metre[32:]
    path = best_bars(beat_s, scores)
    assert [beat for beat, position in enumerate(path.position) if position == 0] == downbeats
    assert [time.beats for time in path.times] == [4] * 32 + [3] * 30


def test_one_extra_beat_does_not_move_the_bar_lines_after_it():
    downbeats = [*range(0, 24, 4), *range(25, 57, 4)]
    path = bars_of(0.5 * np.arange(57), downbeats, (4, 4))
    assert [beat for beat, position in enumerate(path.position) if position == 0] == downbeats
    assert [time.beats for time in path.times] == [4] * 20 + [5] * 5 + [4] * 32


def test_a_metre_does_not_change_for_a_doubtful_phrase():
    beat_s = 0.5 * np.arange(64)
    scores = evidence_of(beat_s, slice(None, None, 4), (4, 4))
    scores.metre[:32] = evidence_of(beat_s, slice(None, None, 2), (2, 4)).metre[:32]
    scores.downbeat[2:32:4] = 0.5  # in the first half of the piece the middle of each bar is nearly a downbeat too
    path = best_bars(beat_s, scores)
    assert set(path.times) == {TimeSignature(4, 4)}
    assert path.position == tuple(range(4)) * 16


def test_unclear_downbeats_are_carried_by_the_clear_ones():
    beat_s = 0.5 * np.arange(60)
    scores = evidence_of(beat_s, slice(None, None, 3), (3, 4))
    scores.downbeat[12:48] = 0.0  # half as likely as a beat: could be either
    path = best_bars(beat_s, scores)
    assert path.position == tuple(range(3)) * 20


def test_a_given_time_signature_is_the_only_one_used():
    asked = TimeSignature(7, 8)
    path = bars_of(0.5 * np.arange(40), range(0, 40, 4), (4, 4), time=asked)
    assert set(path.times) == {asked}


@pytest.mark.parametrize("first_downbeat", [0, 1, 2, 3])
def test_a_given_first_bar_line_is_obeyed(first_downbeat):
    signature = TimeSignature(4, 4)
    path = bars_of(0.5 * np.arange(40), range(0, 40, 4), (4, 4), opening=(signature, first_downbeat))
    assert path.position.index(0) == first_downbeat
    assert path.times[0] == signature


@pytest.mark.parametrize("metre", [(3, 4), (6, 8)])
def test_a_metres_score_is_that_of_its_best_bars(metre):
    beat_s = 0.5 * np.arange(36)
    scores = evidence_of(beat_s, slice(1, None, TimeSignature(*metre).beat_count), metre)
    of_metre = metre_scores(beat_s, np.arange(36), beat_s, scores, no_patterns())
    assert of_metre == {time: pytest.approx(best_bars(beat_s, scores, time=time).score) for time in SIGNATURES}
    assert max(of_metre, key=of_metre.__getitem__) == TimeSignature(*metre)
