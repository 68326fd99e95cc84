"""What is measured on pianos that were kept out must not have been heard in the training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.listen.networks import TINY
from transcriber.listen.training import heldout
from transcriber.listen.training.compare import brief
from transcriber.listen.training.examples import Material
from transcriber.listen.training.heldout import clips, held_out
from transcriber.listen.training.loop import TrainingConfig

CPU = torch.device("cpu")


@pytest.fixture
def material(material: Material) -> Material:
    """The same piano under three names."""
    return replace(material, pianos=[replace(material.pianos[0], name=name) for name in ("oak", "ash", "elm")])


def test_one_network_hears_all_pianos_and_the_other_all_but_those(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[str]] = []
    taught = heldout.taught

    def recorded(material: Material, config: TrainingConfig, device: torch.device) -> object:
        heard.append([piano.name for piano in material.pianos])
        return taught(material, config, device)

    monkeypatch.setattr(heldout, "SMALL", TINY)
    monkeypatch.setattr(heldout, "taught", recorded)
    rows = held_out(material, ["ash"], {}, brief(1, 1, 2.0, 1e-3, 0.0), CPU, count=2)
    assert heard == [["oak", "ash", "elm"], ["oak", "elm"]]
    assert [row.name for row in rows] == ["all pianos", "without ash"]
    assert all(list(row.f1) == ["ash", "the other pianos"] for row in rows)


@pytest.mark.parametrize("without", [["oka"], [], ["oak", "ash", "elm"]])
def test_a_wrong_choice_of_pianos_is_refused(material: Material, without: list[str]) -> None:
    with pytest.raises(ValueError, match="name some, not all, of oak, ash, elm"):
        held_out(material, without, {}, brief(1, 1, 2.0, 1e-3, 0.0), CPU)


def test_clips_come_out_the_same_and_are_labelled_from_their_beginning(material: Material) -> None:
    first, again = clips(material, 4, 3.0), clips(material, 4, 3.0)
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.recording.sound, other.recording.sound)
        assert np.array_equal(one.recording.notes, other.recording.notes)
        assert len(one.recording.sound) == 3 * 16_000
        assert np.all(one.recording.notes[:, 0] >= 0)
    assert sum(len(clip.recording.notes) for clip in first) > 10
