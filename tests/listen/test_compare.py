"""A comparison is only worth something if nothing but the variant differs."""

import numpy as np
import pytest
import torch

from tests.listen.networks import TINY
from tests.recordings import piano_like
from transcriber.listen.features import BINS, CHANNELS
from transcriber.listen.network import HEADS, ONSET, NetworkConfig, OnsetFrameNetwork
from transcriber.listen.training.compare import VARIANTS, Row, Variant, binary, compare, markdown, network_cost
from transcriber.listen.training.examples import Material
from transcriber.listen.training.loop import TrainingConfig
from transcriber.listen.training.recordings import LabelledRecording
from transcriber.listen.training.renderer import Noises
from transcriber.listen.training.rooms import Surroundings
from transcriber.listen.training.segments import PlayedSegment
from transcriber.listen.training.targets import targets
from transcriber.listen.training.validation import Excerpt
from transcriber.performance import KEYS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def take() -> LabelledRecording:
    notes = [(0.3 + 0.25 * index, 0.5 + 0.25 * index, 60 + index % 7) for index in range(14)]
    sound = (piano_like(notes, 16_000)[0] * 32767).astype(np.int16)
    return LabelledRecording("take", sound, np.array([(on, off, off, pitch, 80) for on, off, pitch in notes]), None)


def test_equal_variants_end_equal_and_others_do_not(take: LabelledRecording) -> None:
    config = TrainingConfig(steps=2, cooldown=1, warm_up=1, batch=1, seconds=2.0, recorded=1.0, workers=0)
    variants = [Variant("one", TINY), Variant("same", TINY), Variant("other weights", TINY, seed=1)]
    material = Material([], None, Noises(), Surroundings(), [take])
    rows = compare(variants, material, {"own": [Excerpt(take, 0.0)]}, config, CPU)
    assert [row.name for row in rows] == ["one", "same", "other weights"]
    assert rows[0].f1 == rows[1].f1
    assert rows[0].parameters == sum(parameter.numel() for parameter in OnsetFrameNetwork(TINY).parameters())


def test_binary_onsets_stand_in_the_nearest_frame_alone() -> None:
    played = PlayedSegment(2.0, np.array([[0.5, 1.0, 1.0, 60, 80], [0.713, 1.0, 1.0, 64, 80]]), [])
    keys = torch.from_numpy(targets(played, 101).keys)[None]
    onsets = binary(keys)[0, ONSET]
    assert onsets.nonzero().tolist() == [[25, 60 - 21], [36, 64 - 21]]
    assert onsets.sum() == 2
    assert torch.equal(binary(keys)[:, 1:], keys[:, 1:])


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_is_a_network_of_about_one_size(variant: Variant) -> None:
    network = OnsetFrameNetwork(variant.network)
    size = sum(parameter.numel() for parameter in network.parameters())
    design = sum(parameter.numel() for parameter in OnsetFrameNetwork(VARIANTS[0].network).parameters())
    assert size == pytest.approx(design, rel=0.01)
    assert network(torch.zeros(1, CHANNELS, 4, BINS)).keys.shape == (1, len(HEADS), 4, KEYS)


def test_the_table_shows_what_is_lost() -> None:
    table = markdown([Row("design", 1234, 0.01, {"real": 0.8}), Row("less", 1200, 0.005, {"real": 0.75})])
    assert table.splitlines()[-2:] == [
        "| design | 0.800 | 1,234 | 0.010 |",
        "| less | 0.750 (-0.050) | 1,200 | 0.005 |",
    ]


def test_a_larger_network_costs_more() -> None:
    large = NetworkConfig(front_channels=8, channels=32, dilations=(1, 2, 4))
    assert network_cost(OnsetFrameNetwork(large).eval(), CPU) > network_cost(OnsetFrameNetwork(TINY).eval(), CPU)
