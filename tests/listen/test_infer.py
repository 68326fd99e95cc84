import numpy as np
import pytest
import torch

from transcriber.listen.features import HOP, SAMPLE_RATE, Spectrograms
from transcriber.listen.infer import (
    BORDER_FRAMES,
    CHUNK_FRAMES,
    WINDOW_FRAMES,
    Chunk,
    chunks,
    cut,
    probabilities,
    stretches,
)
from transcriber.listen.network import NetworkConfig, OnsetFrameNetwork


@pytest.mark.parametrize("frames", [1, 40, CHUNK_FRAMES, CHUNK_FRAMES + 1, 3 * CHUNK_FRAMES + 7])
def test_chunks_answer_for_each_frame_once_and_stay_inside(frames: int) -> None:
    kept = []
    for chunk in chunks(frames):
        assert 0 <= chunk.first <= chunk.first + chunk.length <= frames
        kept.extend(range(chunk.first + chunk.kept.start, chunk.first + chunk.kept.stop))
        assert chunk.kept.start >= BORDER_FRAMES or chunk.first == 0
        assert chunk.kept.stop <= chunk.length - BORDER_FRAMES or chunk.first + chunk.length == frames
    assert kept == list(range(frames))
    assert len({chunk.length for chunk in chunks(frames)}) == 1


def test_a_chunk_holds_its_sound_at_its_place_and_silence_beyond_the_ends() -> None:
    samples = np.arange(1, 40 * HOP + 1, dtype=np.float32)
    (chunk,) = chunks(41)
    sound = cut(samples, chunk)
    margin = WINDOW_FRAMES * HOP
    assert len(sound) == 40 * HOP + 2 * margin
    assert not sound[:margin].any()
    np.testing.assert_array_equal(sound[margin : margin + len(samples)], samples)
    assert not sound[margin + len(samples) :].any()
    later = cut(samples, Chunk(30, 5, slice(0, 5)))
    np.testing.assert_array_equal(later[margin : margin + 4 * HOP], samples[30 * HOP : 34 * HOP])


def test_chunks_answer_as_the_whole_recording_would() -> None:
    """Borders are long enough: answers around a seam do not depend on where the seam lies."""
    torch.manual_seed(1)
    network = OnsetFrameNetwork(NetworkConfig(front_channels=2, channels=4, harmonics=(1, 2))).eval()
    spectrograms = Spectrograms()
    rng = np.random.default_rng(0)
    frames = CHUNK_FRAMES + 60
    samples = (0.1 * rng.standard_normal((frames - 1) * HOP)).astype(np.float32)
    device = torch.device("cpu")
    chunked = probabilities(samples, network, spectrograms, device)
    delayed = probabilities(np.concatenate((np.zeros(100 * HOP, np.float32), samples)), network, spectrograms, device)
    assert chunked.onset.shape == (frames, 88)
    # A shift by 100 frames moves the seam; level differs a little through the added silence, bfloat16 rounds.
    seam = np.arange(CHUNK_FRAMES - 80, CHUNK_FRAMES + 40)
    np.testing.assert_allclose(chunked.onset[seam].astype(float), delayed.onset[seam + 100].astype(float), atol=0.02)


def test_progress_ends_at_one() -> None:
    network = OnsetFrameNetwork(NetworkConfig(front_channels=1, channels=2, harmonics=(1,), dilations=(1,))).eval()
    seen: list[float] = []
    samples = np.zeros(25 * SAMPLE_RATE, np.float32)
    list(stretches(samples, network, Spectrograms(), torch.device("cpu"), seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 2  # chunks of 15 s


def test_the_level_of_a_tone_stands_in_its_key() -> None:
    network = OnsetFrameNetwork(NetworkConfig(front_channels=1, channels=2, harmonics=(1,), dilations=(1,))).eval()
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    levels: list[np.ndarray] = []
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    curves = list(stretches(tone, network, Spectrograms(), torch.device("cpu"), on_spectrum=levels.append))
    assert [level.shape for level in levels] == [curve.onset.shape for curve in curves]
    middle = levels[0][40:60]
    assert (middle.argmax(axis=1) == 69 - 21).all()
    assert (middle[:, 69 - 21] - np.median(middle, axis=1) > 40).all()
