import numpy as np
import pytest

from transcriber.listen.calibration import EVIDENCE, REACH, Calibration, calibration_error, evidence, fit
from transcriber.performance import KEYS

UNKNOWN = np.zeros((40, KEYS), np.float32)


def test_the_default_confidence_is_the_height_of_the_peak() -> None:
    onset, frame = np.zeros((40, KEYS), np.float32), np.full((40, KEYS), 0.9, np.float32)
    onset[20, 30] = 0.8
    onset[15, 3] = 0.55
    found = evidence(onset, frame, UNKNOWN, np.array([20, 15]), np.array([30, 3]))
    assert found.shape == (2, len(EVIDENCE))
    assert Calibration().confidence(found) == pytest.approx([0.8, 0.55])


def test_neighbours_struck_together_are_evidence() -> None:
    onset, frame = np.zeros((40, KEYS), np.float32), np.zeros((40, KEYS), np.float32)
    onset[20, 30], onset[21, 42], onset[19, 18], onset[20, 31] = 0.8, 0.7, 0.6, 0.5
    found = dict(
        zip(
            EVIDENCE, 1 / (1 + np.exp(-evidence(onset, frame, UNKNOWN, np.array([20]), np.array([30]))[0])), strict=True
        )
    )
    assert found["peak"] == pytest.approx(0.8)
    assert found["octave above"] == pytest.approx(0.7)
    assert found["octave below"] == pytest.approx(0.6)
    assert found["semitones"] == pytest.approx(0.5)


@pytest.mark.parametrize("key", [0, KEYS - 1])
def test_beyond_the_keyboard_nothing_is_struck(key: int) -> None:
    onset = np.full((2 * REACH + 1, KEYS), 0.5, np.float32)
    found = evidence(onset, onset, UNKNOWN, np.array([REACH]), np.array([key]))[0]
    missing = "octave below" if key == 0 else "octave above"
    assert found[EVIDENCE.index(missing)] < -6
    assert found[EVIDENCE.index("semitones")] == pytest.approx(0.0)


def test_the_context_is_evidence_as_it_stands_but_never_beyond_doubt() -> None:
    onset = np.full((40, KEYS), 0.5, np.float32)
    context = UNKNOWN.copy()
    context[20, 30], context[20, 40] = -1.5, 40.0
    found = evidence(onset, onset, context, np.array([20, 20]), np.array([30, 40]))
    assert found[:, EVIDENCE.index("context")] == pytest.approx([-1.5, np.log(1000)])


def test_a_model_of_before_the_context_keeps_its_confidence() -> None:
    older = Calibration.from_json({"bias": 0.5, "weights": [1.0, 0.0, 0.7, -0.5, 0.0, 0.1]})
    assert older == Calibration(0.5, (1.0, 0.0, 0.7, -0.5, 0.0, 0.1, 0.0))
    assert Calibration.from_json({}) == Calibration()


def test_a_fit_gives_the_chances_back() -> None:
    rng = np.random.default_rng(1)
    found = rng.normal(1, 2, (6000, len(EVIDENCE)))
    truth = Calibration(0.5, (1.0, 0.0, 0.7, -0.5, 0.0, 0.0, 0.3))
    right = rng.random(len(found)) < truth.confidence(found)
    learnt = fit(found[:3000], right[:3000])
    assert learnt.weights == pytest.approx(truth.weights, abs=0.15)
    assert calibration_error(learnt.confidence(found[3000:]), right[3000:]) < 0.03
    assert calibration_error(Calibration(3.0).confidence(found[3000:]), right[3000:]) > 0.1


def test_calibration_error_is_the_mean_gap() -> None:
    chance = np.array([0.95] * 10 + [0.55] * 10)
    right = np.array([True] * 10 + [True, False] * 5)
    assert calibration_error(chance, right) == pytest.approx((0.05 + 0.05) / 2)
    assert calibration_error(np.ones(4), np.ones(4, bool)) == 0.0
