"""What eval/sweep.py fits, on curves and labels made by hand."""

from pathlib import Path

import numpy as np
import pytest

from eval.reliability import draw, folds, held_out
from eval.sweep import choose_ends, choose_onset, note_f1, offset_f1, release_share, sounds_like_piano
from tests.listen.test_decode import perfect_curves
from transcriber.listen.calibration import EVIDENCE, calibration_error
from transcriber.listen.decode import DecoderConfig, Probabilities
from transcriber.listen.training.judging import Judged, judge
from transcriber.listen.training.recordings import LabelledRecording
from transcriber.listen.training.validation import Excerpt

ROWS = [(0.5 + 0.4 * i, 0.8 + 0.4 * i, 0.8 + 0.4 * i, 50 + i, 70) for i in range(10)]
SILENCE = np.zeros(6 * 16_000, np.int16)


def played(rows: list[tuple[float, float, float, int, int]], delay_s: float = 0.0, from_s: float = 0.0) -> Excerpt:
    return Excerpt(LabelledRecording("made", SILENCE, np.array(rows, float), None), delay_s, from_s)


def with_false_onsets(curves: Probabilities, height: float) -> Probabilities:
    onset = curves.onset.copy()
    onset[30::50, 70] = height
    return curves._replace(onset=onset)


def test_label_delays_and_the_start_of_the_labels_are_kept() -> None:
    curves = perfect_curves(ROWS, [])
    early = [(on - 0.04, off - 0.04, end - 0.04, *rest) for on, off, end, *rest in ROWS]
    assert note_f1([(played(early, delay_s=0.04), curves)], [DecoderConfig()]) == [1.0]
    assert offset_f1([(played(early, delay_s=0.04), curves)], DecoderConfig()) == [1.0]
    judged = judge([played(ROWS[3:], from_s=1.6)], [curves], DecoderConfig())
    assert judged.right.tolist() == [True] * 7


def test_the_onset_threshold_keeps_what_is_false_out() -> None:
    heard = [(played(ROWS), with_false_onsets(perfect_curves(ROWS, []), 0.42))] * 5
    start = DecoderConfig(onset=0.3)
    chosen = choose_onset(heard, heard, start, [start.calibration])
    assert chosen.onset >= 0.45
    assert note_f1(heard, [chosen]) == [1.0] * 5


def test_doubtful_curves_do_not_sound_like_a_piano() -> None:
    curves = perfect_curves(ROWS, [])
    assert sounds_like_piano(curves)
    assert not sounds_like_piano(curves._replace(frame=np.full_like(curves.frame, 0.3)))


def test_a_key_held_beyond_the_recording_must_be_held_to_its_end() -> None:
    held = [(1.0, -1.0, -1.0, 60, 70)]
    lasting, short = (perfect_curves([(1.0, end, end, 60, 70)], []) for end in (9.0, 2.0))
    assert release_share([(played(held), lasting)], DecoderConfig()) == 1.0
    assert release_share([(played(held), short)], DecoderConfig()) == 0.0


def test_the_ends_are_fitted_to_the_labels() -> None:
    """A faint trace of sound after every note must not lengthen it."""
    curves = perfect_curves(ROWS, [])
    frame, held = (np.maximum(curve, np.float16(0.45)) for curve in (curves.frame, curves.held))
    heard = [(played(ROWS), curves._replace(frame=frame, held=held, offset=np.zeros_like(frame)))]
    start = DecoderConfig(frame=0.3, held=0.3)
    assert offset_f1(heard, start)[0] < 0.5
    assert offset_f1(heard, choose_ends(heard, heard, start)) == [1.0]


def test_confidence_is_judged_by_recordings_it_has_not_seen(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets = []
    for _ in range(2):
        evidence = rng.normal(0, 2, (1500, len(EVIDENCE)))
        right = rng.random(1500) < 1 / (1 + np.exp(-evidence[:, 0]))
        sets.append(Judged(evidence, right, np.arange(1500) // 100))
    chances = held_out(sets, folds(sets))
    for judged, confidence in zip(sets, chances, strict=True):
        assert calibration_error(confidence, judged.right) < 0.05
    named = {name: (confidence, judged.right) for name, judged, confidence in zip("ab", sets, chances, strict=True)}
    draw(named, tmp_path / "a.svg")
    draw(named, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert calibration_error(chances[0], sets[1].right) > 0.2


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_calibration_error_of_certainty(right: float) -> None:
    assert calibration_error(np.full(5, right), np.full(5, True)) == pytest.approx(1 - right)
