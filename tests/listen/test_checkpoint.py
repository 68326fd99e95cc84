from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from transcriber.errors import CheckpointError
from transcriber.listen.calibration import Calibration
from transcriber.listen.checkpoint import SHIPPED, Checkpoint, load, save
from transcriber.listen.decode import DecoderConfig
from transcriber.listen.features import BINS, CHANNELS
from transcriber.listen.network import NetworkConfig, OnsetFrameNetwork


def test_a_checkpoint_brings_back_network_and_thresholds(tmp_path: Path) -> None:
    network = OnsetFrameNetwork(NetworkConfig(front_channels=2, channels=4, dilations=(1, 2))).eval()
    decoder = DecoderConfig(onset=0.42, calibration=Calibration(1.5, (1.0, 0.5, 0.0, 0.0, 0.0, -0.25, 0.3)))
    save(Checkpoint(network, decoder, 7), tmp_path / "notes.safetensors")
    loaded = load(tmp_path / "notes.safetensors")
    assert loaded.decoder == decoder
    assert loaded.steps == 7
    pictures = torch.randn(1, CHANNELS, 20, BINS)
    torch.testing.assert_close(loaded.network(pictures).keys, network(pictures).keys, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"\xff" * 64])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"notes\.safetensors"):
        load(path)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", {"format": "something-else"})
    with pytest.raises(CheckpointError, match="format"):
        load(tmp_path / "other.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="absent"):
        load(tmp_path / "absent.safetensors")


def test_the_shipped_checkpoint_loads_and_is_small() -> None:
    assert load().steps > 0
    assert SHIPPED.stat().st_size < 15 * 2**20
