"""Physics of the training material: what is asked for is heard, where it is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from transcriber.listen.features import BINS, FRAME_S
from transcriber.listen.network import FRAME, HELD, ONSET, VELOCITY, NetworkConfig, OnsetFrameNetwork, grown
from transcriber.listen.training.examples import Examples, Material
from transcriber.listen.training.loop import FIT_SHARE, Training, TrainingConfig, train, velocity_loss
from transcriber.listen.training.muon import MuonWithAdamW
from transcriber.listen.training.pianos import SAMPLE_RATE, Piano
from transcriber.listen.training.recordings import load_recordings
from transcriber.listen.training.renderer import Noises, render
from transcriber.listen.training.rooms import Surroundings
from transcriber.listen.training.segments import PlayedSegment, presses, sounding_end
from transcriber.listen.training.targets import UNKNOWN, targets
from transcriber.listen.training.validation import Excerpt, onset_f1
from transcriber.performance import Note, Performance, write_midi

CPU = torch.device("cpu")


def segment(
    *rows: tuple[float, float, float, int, int], pedals: list[tuple[float, float]] | None = None
) -> PlayedSegment:
    return PlayedSegment(3.0, np.array(rows, float).reshape(-1, 5), [] if pedals is None else pedals)


def test_targets_mark_onset_sounding_key_and_velocity() -> None:
    wanted = targets(segment((1.0, 1.5, 2.0, 60, 127), pedals=[(0.9, 2.0)]), 151)
    key = 60 - 21
    assert wanted.keys[ONSET, 50, key] == 1.0
    assert wanted.keys[ONSET, 51, key] == pytest.approx(0.5)
    assert wanted.keys[HELD, 50:75, key].all()
    assert not wanted.keys[HELD, 75:, key].any()
    assert wanted.keys[FRAME, 50:100, key].all()
    assert not wanted.keys[FRAME, 100:, key].any()
    assert wanted.keys[VELOCITY, 50, key] == 1.0
    assert wanted.keys[VELOCITY, 60, key] == UNKNOWN
    assert wanted.pedal.sum() * FRAME_S == pytest.approx(1.1)


def test_where_the_pedal_is_unknown_the_key_of_a_sounding_string_is_unknown_too() -> None:
    unknown = PlayedSegment(1.0, np.array([[0.2, 0.6, 0.6, 60, 80]]), None)
    wanted = targets(unknown, 51)
    assert (wanted.keys[HELD, 10:30, 60 - 21] == UNKNOWN).all()
    assert (wanted.keys[HELD] == UNKNOWN).sum() == 20
    assert (wanted.pedal == UNKNOWN).all()


def test_the_pedal_holds_notes_until_the_key_is_struck_again() -> None:
    pedals = presses(np.array([0.0, 1.0, 3.0]), np.array([False, True, False]))
    onset, release, pitch = np.array([0.9, 0.9, 2.0]), np.array([1.2, 0.95, 2.2]), np.array([60.0, 64.0, 60.0])
    assert sounding_end(onset, release, pitch, pedals).tolist() == [2.0, 0.95, 3.0]


@pytest.fixture(scope="module")
def material(pianos: list[Piano], tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Two minutes of random notes on the sine piano, as recordings with MIDI files beside them."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    for number in range(3):
        onsets = np.sort(rng.uniform(0.2, 9.5, 40))
        rows = [(t, t + 0.4, t + 0.4, int(rng.integers(45, 85)), int(rng.integers(40, 110))) for t in onsets]
        played = PlayedSegment(10.0, np.array(rows), [])
        soundfile.write(folder / f"take{number}.wav", render(played, pianos[0], Noises(), rng), SAMPLE_RATE)
        notes = tuple(Note(on, off, int(pitch), int(velocity)) for on, off, _, pitch, velocity in rows)
        write_midi(Performance(notes, (), 10.0), folder / f"take{number}.mid")
    return Material([], None, Noises(), Surroundings(), load_recordings(folder))


@pytest.mark.parametrize("muon", [False, True])
def test_a_short_training_learns_and_resumes(material: Material, tmp_path: Path, muon: bool) -> None:
    """Loss falls; a run that was interrupted goes on with the step, weights and average that it had."""
    config = TrainingConfig(
        steps=40, cooldown=4, batch=2, seconds=2.0, recorded=1.0, validate_every=20, workers=0, muon=muon
    )
    torch.manual_seed(0)
    network = OnsetFrameNetwork(NetworkConfig(front_channels=2, channels=8, harmonics=(1, 2, 3), dilations=(1, 2)))
    training = Training(network, config, CPU)
    validation = {"own": [Excerpt(material.recordings[0], 0.0)]}
    train(training, material, validation, tmp_path)
    assert training.step == 40
    assert (tmp_path / "notes.safetensors").exists()
    resumed = Training.resume(tmp_path / "state.pt", config, CPU)
    assert resumed.step == 40
    for mine, theirs in zip(resumed.average.state_dict().values(), training.average.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert_same(resumed.optimizer.state_dict(), training.optimizer.state_dict())
    samples, keys, pedal = (part[None] for part in next(iter(Examples(material, 2.0, 1.0, seed=5))))
    fresh = Training(OnsetFrameNetwork(network.config), config, CPU)
    assert sum(resumed.advance(samples, keys, pedal).values()) < sum(fresh.advance(samples, keys, pedal).values())


def assert_same(mine: Any, theirs: Any) -> None:
    """Of states of optimisers: tensors and numbers in dictionaries and lists."""
    assert type(mine) is type(theirs)
    if isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            assert_same(mine[key], theirs[key])
    elif isinstance(mine, list):
        for one, other in zip(mine, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(mine, torch.Tensor):
        torch.testing.assert_close(mine, theirs)
    else:
        assert mine == theirs


def test_muon_moves_a_kernel_as_far_in_every_direction_and_adamw_the_rest() -> None:
    torch.manual_seed(4)
    network = OnsetFrameNetwork(NetworkConfig(front_channels=2, channels=8, harmonics=(1, 2), dilations=(1,)))
    optimizer = MuonWithAdamW(network, rate=1e-2, decay=0.0)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    network(torch.randn(2, 2, 30, BINS)).keys.square().mean().backward()
    gradient = dict(network.named_parameters())["listen.0.spread.weight"].grad
    assert gradient is not None
    optimizer.step()
    moved = {name: parameter.detach() - before[name] for name, parameter in network.named_parameters()}
    step = torch.linalg.svdvals(moved["listen.0.spread.weight"].flatten(1))
    steep = torch.linalg.svdvals(gradient.flatten(1))
    assert step.max() / step.min() < 3 < steep.max() / steep.min()
    assert (moved["listen.0.spread.weight"] * gradient).sum() < 0
    assert moved["heads.weight"].abs().max() == pytest.approx(1e-2, rel=1e-3), "the first step of AdamW is its rate"
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in network.parameters())


def test_velocity_loss_forgives_distance_and_touch() -> None:
    wanted = torch.full((1, 4, 3), -1.0)
    wanted[0, :, 0] = torch.tensor([0.3, 0.5, 0.6, 0.8])
    heard = torch.full((1, 4, 3), 0.123)
    heard[0, :, 0] = 0.1 + 0.8 * wanted[0, :, 0]
    muddled = heard.clone()
    muddled[0, :, 0] = heard[0, [1, 0, 3, 2], 0]
    plain = (heard - wanted)[0, :, 0].abs().mean().item()
    assert velocity_loss(heard, wanted).item() == pytest.approx((1 - FIT_SHARE) * plain, abs=2e-3)
    assert velocity_loss(muddled, wanted) > 2 * velocity_loss(heard, wanted)
    assert velocity_loss(heard, torch.full_like(wanted, -1.0)) == 0


def test_a_grown_network_answers_what_the_small_one_did() -> None:
    torch.manual_seed(3)
    small = OnsetFrameNetwork(NetworkConfig(front_channels=2, channels=6, harmonics=(1, 2), dilations=(1, 2))).eval()
    large = grown(small, NetworkConfig(front_channels=2, channels=8, harmonics=(1, 2), dilations=(1, 2, 4))).eval()
    pictures = torch.randn(1, 2, 30, BINS)
    torch.testing.assert_close(large(pictures).keys, small(pictures).keys)


def test_the_same_seed_gives_the_same_examples(material: Material) -> None:
    first = next(iter(Examples(material, 1.0, 1.0, seed=9)))
    again = next(iter(Examples(material, 1.0, 1.0, seed=9)))
    other = next(iter(Examples(material, 1.0, 1.0, seed=10)))
    torch.testing.assert_close(first[0], again[0], atol=0, rtol=0)
    assert not torch.equal(first[0], other[0])


def test_onset_f1_is_what_arithmetic_says(material: Material) -> None:
    recording = material.recordings[0]
    notes = tuple(Note(row[0], row[1], int(row[3]), 80) for row in recording.notes)
    assert onset_f1(Excerpt(recording, 0.0), notes, without_delay=False) == 1.0
    assert onset_f1(Excerpt(recording, 0.0), notes[: len(notes) // 2], without_delay=False) == pytest.approx(2 / 3)
    late = tuple(Note(note.onset_s + 0.08, note.offset_s + 0.08, note.pitch, 80) for note in notes)
    assert onset_f1(Excerpt(recording, 0.0), late, without_delay=False) < 0.2
    assert onset_f1(Excerpt(recording, 0.08), late, without_delay=True) == 1.0
    assert onset_f1(Excerpt(recording, 0.0), (), without_delay=False) == 0.0
