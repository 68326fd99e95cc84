import numpy as np
import pytest
import torch

from transcriber.errors import CheckpointError
from transcriber.notate.beatscores import METRES, PERIOD_BINS
from transcriber.notate.network import (
    BeatNetwork,
    BeatNetworkConfig,
    learned_network,
    load_network,
    save_network,
    score_hearings,
    score_onsets,
    shifted,
)
from transcriber.notate.onsets import FEATURES, NoteTable, find_onsets

TINY = BeatNetworkConfig(channels=8, dilations=(1, 2))


def tiny_network():
    torch.manual_seed(0)
    return BeatNetwork(TINY).eval()


def features(count):
    return np.random.default_rng(0).normal(size=(count, FEATURES)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 57])
def test_every_onset_gets_scores(count):
    scores = score_onsets(tiny_network(), features(count))
    assert scores.beat.shape == scores.downbeat.shape == (count,)
    np.testing.assert_allclose(np.exp(scores.period).sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.exp(scores.bar).sum(axis=1), 1, atol=1e-5)
    assert scores.period.shape == (count, PERIOD_BINS)
    assert scores.metre.shape == (count, len(METRES))


def test_what_lies_beyond_the_receptive_field_does_not_matter():
    whole = features(60)
    changed = whole.copy()
    changed[40:] = 0
    near, far = (score_onsets(tiny_network(), rows).beat for rows in (whole, changed))
    np.testing.assert_allclose(near[:34], far[:34], atol=1e-6)  # two blocks of kernel 5 reach 2 + 4 onsets
    assert np.abs(near[36:40] - far[36:40]).max() > 1e-6


def test_a_checkpoint_gives_the_same_scores_back(tmp_path):
    network = tiny_network()
    save_network(network, network.config, tmp_path / "beats.safetensors")
    loaded = load_network(tmp_path / "beats.safetensors")
    assert loaded.config == TINY
    np.testing.assert_array_equal(score_onsets(loaded, features(9)).bar, score_onsets(network, features(9)).bar)


def test_lengths_heard_at_another_speed_are_moved_back():
    rng = np.random.default_rng(1)
    onset_s = np.sort(rng.uniform(0, 20, 40))
    notes = NoteTable(onset_s, onset_s + 0.3, rng.integers(40, 80, 40), np.full(40, 64.0), np.zeros(0))
    onsets = find_onsets(onset_s)
    heard = score_hearings(tiny_network(), notes, onsets)
    assert heard.beat.shape == (len(onsets),)
    np.testing.assert_allclose(np.exp(heard.period).sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.exp(heard.metre).sum(axis=1), 1, atol=1e-5)

    likely = np.log(np.eye(PERIOD_BINS)[[20, 63]] + 1e-9)
    assert shifted(likely, 3).argmax(axis=1)[0] == 17
    assert shifted(likely, -3).argmax(axis=1)[0] == 23
    assert (shifted(likely, 3)[:, -3:] < -10).all()
    np.testing.assert_array_equal(shifted(likely, 0), likely)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", None])
def test_a_bad_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "beats.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"beats\.safetensors"):
        load_network(path)


def test_the_learned_network_loads_and_is_small():
    network = learned_network()
    assert network.config.features == FEATURES
    assert not network.training
    assert sum(weight.numel() for weight in network.parameters()) < 1_000_000
