import numpy as np
import pytest

from transcriber.listen import level


@pytest.mark.parametrize("loudness", [1.0, 0.1, 0.003])
def test_every_loudness_is_brought_to_the_same_level(loudness: float) -> None:
    sound = loudness * np.sin(np.arange(48_000) / 10).astype(np.float32)
    assert np.std(sound * level.gain(sound)) == pytest.approx(level.TARGET_RMS, rel=0.01)


def test_silence_is_not_blown_up_without_end() -> None:
    assert level.gain(np.zeros(16_000, np.float32)) == pytest.approx(level.MOST_GAIN)


def test_a_few_samples_are_enough() -> None:
    assert np.isfinite(level.gain(np.full(10, 0.1, np.float32)))
