"""A mean of note models."""

from pathlib import Path

import torch
import typer
from typer.testing import CliRunner

from tests.listen.networks import TINY
from transcriber.listen.checkpoint import Checkpoint, load, save
from transcriber.listen.decode import DecoderConfig
from transcriber.listen.network import NetworkConfig, OnsetFrameNetwork
from transcriber.listen.training.average import average, main


def network(seed: int, config: NetworkConfig = TINY) -> OnsetFrameNetwork:
    torch.manual_seed(seed)
    return OnsetFrameNetwork(config)


def test_every_weight_lies_in_the_middle_and_the_models_stay_as_they_were() -> None:
    one, other = network(1), network(2)
    before = {name: value.clone() for name, value in one.state_dict().items()}
    mean = average([Checkpoint(one, DecoderConfig(onset=0.3), 100), Checkpoint(other, DecoderConfig(onset=0.4), 200)])
    assert mean.decoder.onset == 0.3
    assert mean.steps == 200
    for name, value in mean.network.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (one.state_dict()[name] + other.state_dict()[name]) / 2)
        assert torch.equal(one.state_dict()[name], before[name])


def test_the_command_writes_a_model_that_loads(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        save(Checkpoint(network(seed), steps=seed), tmp_path / f"{seed}.safetensors")
    app = typer.Typer()
    app.command()(main)
    paths = [str(tmp_path / f"{seed}.safetensors") for seed in (1, 2, 3)]
    done = CliRunner().invoke(app, [*paths, "--out", str(tmp_path / "mean.safetensors")])
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "mean.safetensors").steps == 3
    save(Checkpoint(network(4, NetworkConfig(channels=8, dilations=(1,)))), tmp_path / "wide.safetensors")
    refused = CliRunner().invoke(
        app, [paths[0], str(tmp_path / "wide.safetensors"), "--out", str(tmp_path / "none.safetensors")]
    )
    assert refused.exit_code == 2
    assert "one configuration" in refused.output
    assert not (tmp_path / "none.safetensors").exists()
