"""Peaks read in their context: whatever the cuts, by what is near in time, as taught."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.listen.networks import TINY
from transcriber.listen.checkpoint import Checkpoint, load, save
from transcriber.listen.context import (
    CURVES,
    DISTANCES,
    LAYERS,
    LEAST_PEAK,
    MOST_PEAKS,
    REACH,
    Reader,
    Stretch,
    in_context,
)
from transcriber.listen.decode import Probabilities
from transcriber.listen.features import HOP, SAMPLE_RATE, Spectrograms
from transcriber.listen.infer import probabilities
from transcriber.listen.network import OnsetFrameNetwork
from transcriber.listen.training import context as teaching
from transcriber.listen.training.examples import Material
from transcriber.performance import KEYS

READINGS = 3
CPU = torch.device("cpu")


@pytest.fixture
def reader() -> Reader:
    """Untaught, but with an eye for distances."""
    torch.manual_seed(0)
    reader = Reader(READINGS).eval()
    for layer in reader.layers:
        torch.nn.init.normal_(layer.nearness.weight)
    return reader


def stretch(frames: int, seed: int = 0) -> Stretch:
    rng = np.random.default_rng(seed)
    keys = [(rng.random((frames, KEYS)) ** 800).astype(np.float16) for _ in range(5)]
    unknown = np.zeros((frames, KEYS), np.float16)
    curves = Probabilities(*keys, pedal=unknown[:, 0], context=unknown)
    return Stretch(curves, rng.standard_normal((frames, KEYS, READINGS)).astype(np.float16))


def untaught_network(bias: float = -12.0) -> OnsetFrameNetwork:
    """Hears a few onsets in noise; with more bias, many."""
    torch.manual_seed(2)
    network = OnsetFrameNetwork(TINY).eval()
    torch.nn.init.normal_(network.heads.weight, std=30.0)
    assert network.heads.bias is not None
    torch.nn.init.constant_(network.heads.bias, bias)
    return network


def cut(whole: Stretch, lengths: Sequence[int]) -> list[Stretch]:
    ends = np.cumsum(lengths).tolist()
    return [
        Stretch(Probabilities(*(curve[first:last] for curve in whole.curves)), whole.reading[first:last])
        for first, last in zip([0, *ends], [*ends, len(whole.reading)], strict=False)
    ]


@pytest.mark.parametrize("lengths", [[300, 300], [1, 5, 200, 3], [20] * 40, [0, 650]])
def test_cuts_make_no_difference(reader: Reader, lengths: list[int]) -> None:
    whole = stretch(900)
    (expected,) = in_context([whole], reader)
    pieces = list(in_context(cut(whole, lengths), reader))
    for name, curve in expected._asdict().items():
        joined = np.concatenate([getattr(piece, name) for piece in pieces])
        np.testing.assert_allclose(joined.astype(float), curve.astype(float), atol=2e-3)
    assert 100 < np.count_nonzero(expected.context) < MOST_PEAKS


def test_only_peaks_are_read(reader: Reader) -> None:
    given = stretch(200)
    (read,) = in_context([given], reader)
    onset = given.curves.onset.astype(float)
    rising = np.diff(onset, axis=0, prepend=0) >= 0
    falling = np.diff(onset, axis=0, append=0) < 0
    np.testing.assert_array_equal(read.context != 0, rising & falling & (onset >= LEAST_PEAK))


@pytest.mark.parametrize(("distance", "seen"), [(10, True), (REACH - 5, True), (LAYERS * REACH + 20, False)])
def test_what_is_near_in_time_counts(reader: Reader, distance: int, seen: bool) -> None:
    quiet = np.zeros((1000, KEYS), np.float16)
    onset, other = quiet.copy(), quiet.copy()
    onset[100, 40] = other[100, 40] = 0.5
    other[100 + distance, 47] = 0.9
    reading = np.zeros((1000, KEYS, READINGS), np.float16)
    odds = [
        next(
            in_context([Stretch(Probabilities(curve, quiet, quiet, quiet, quiet, quiet[:, 0], quiet), reading)], reader)
        )
        for curve in (onset, other)
    ]
    assert bool(odds[0].context[100, 40] != odds[1].context[100, 40]) == seen


def test_silence_is_read_too(reader: Reader) -> None:
    loud, quiet = stretch(100), stretch(2000)
    quiet = quiet._replace(curves=quiet.curves._replace(onset=np.zeros_like(quiet.curves.onset)))
    read = list(in_context([loud, *cut(quiet, [500, 500, 500])], reader))
    assert [len(curves.onset) for curves in read] == [100, 500, 500, 500, 500]
    assert read[0].context.any()
    assert not any(curves.context.any() for curves in read[1:])
    assert not next(in_context([quiet], reader)).context.any()


def test_of_far_too_many_peaks_the_highest_are_read(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    given = stretch(200)
    (whole,) = in_context([given], reader)
    monkeypatch.setattr("transcriber.listen.context.MOST_PEAKS", 20)
    (read,) = in_context([given], reader)
    heights = given.curves.onset[whole.context != 0]
    assert np.count_nonzero(read.context) == 20
    assert given.curves.onset[read.context != 0].min() >= np.sort(heights)[-21]


def test_nothing_waits_without_a_reader_and_nothing_is_lost_with_one(reader: Reader) -> None:
    pieces = cut(stretch(1500), [100] * 14)
    plain = in_context(iter(pieces), None)
    assert next(plain) is pieces[0].curves
    waited = 0

    def coming() -> object:
        nonlocal waited
        for piece in pieces:
            waited += 1
            yield piece

    read = in_context(coming(), reader)
    next(read)
    assert waited == 1 + -(-(LAYERS * REACH + 8) // 100), "no longer than what is seen takes"
    assert len(list(read)) == len(pieces) - 1
    assert list(in_context([], reader)) == []


def test_what_fills_up_a_batch_is_not_seen(reader: Reader) -> None:
    seen = torch.randn(5, CURVES + 2 * READINGS)
    frame, key = torch.tensor([3, 3, 9, 40, 90]), torch.tensor([40, 52, 40, 30, 40])
    filled = (torch.cat((seen, seen[:2])), torch.cat((frame, torch.tensor([-1, -1]))), torch.cat((key, key[:2])))
    torch.testing.assert_close(reader(*(part[None] for part in filled))[0, :5], reader(seen, frame, key))


def test_a_network_with_a_reader_says_of_sound_what_it_was_taught(tmp_path: Path) -> None:
    """The state is read as in teaching; the curves stay; the checkpoint brings all of it back."""
    network = untaught_network()
    sound = (0.1 * np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE)).astype(np.float32)
    heard = teaching.hear(sound, np.array([[1.0, 1.2, 1.2, 60, 70]]), teaching.telling_all(network), Spectrograms())
    assert len(heard.frame) > 10
    taught = teaching.Taught(torch.randn(4), torch.rand(4) + 0.5).eval()
    columns = (heard.curves, heard.state.astype(np.float32), heard.frame, heard.key)
    expected = taught(*(torch.from_numpy(column)[None] for column in columns))[0].detach().numpy()
    built = taught.built_into(network)
    save(Checkpoint(built), tmp_path / "read.safetensors")
    plain = probabilities(sound, network, Spectrograms(), CPU)
    for model, tolerance in ((built, 0.02), (load(tmp_path / "read.safetensors").network, 0.1)):
        curves = probabilities(sound, model, Spectrograms(), CPU)
        np.testing.assert_allclose(curves.context[heard.frame, heard.key], expected, atol=tolerance)
    np.testing.assert_array_equal(probabilities(sound, built, Spectrograms(), CPU).onset, plain.onset)
    assert not plain.context.any()


def test_each_note_is_one_peak() -> None:
    """The highest near it on its key; what is too late, or on another key, is none."""
    frame, key = np.array([10, 12, 30, 50, 50]), np.array([39, 39, 39, 39, 40])
    height = np.array([0.3, 0.9, 0.8, 0.7, 0.6])
    notes = np.array([[0.21, 1, 1, 60, 70], [0.72, 1, 1, 60, 70], [1.0, 2, 2, 61, 70], [1.0, 2, 2, 62, 70]])
    right, missed = teaching.labels(frame, key, height, notes)
    assert right.tolist() == [False, True, False, False, True]
    assert missed == 2


def test_what_was_heard_is_kept_and_gone_on_with(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teaching, "SHARD", 2)
    monkeypatch.setattr(teaching, "EXAMPLE_S", 2.0)
    model = Checkpoint(untaught_network(-6.0))
    few = teaching.gather(model, material, tmp_path, 2)
    stored = (tmp_path / "heard-0000.npz").stat().st_mtime_ns
    more = teaching.gather(model, material, tmp_path, 3)
    assert [len(example.frame) for example in more[:2]] == [len(example.frame) for example in few]
    assert len(more) == 3
    assert (tmp_path / "heard-0000.npz").stat().st_mtime_ns == stored
    assert np.concatenate([example.frame for example in more]).max() <= 2.0 * SAMPLE_RATE / HOP


def test_examples_vary_in_key_and_tempo_only() -> None:
    rng = np.random.default_rng(0)
    example = replace(made_up(rng), key=np.array([0, 12, 85] * 4))
    varied = [teaching.varied(example, rng) for _ in range(200)]
    assert {int(other.key[0]) for other in varied} == {0, 1, 2}, "down to the lowest key, up to the highest"
    for other in varied:
        assert set(other.key - example.key) == {other.key[0]}
        ratios = other.frame[1:] / example.frame[1:]
        assert ratios.std() < 0.05
        assert 0.8 < np.median(ratios) < 1.2
        assert other.curves is example.curves
    assert len({int(other.frame[-1]) for other in varied}) > 5


def made_up(rng: np.random.Generator) -> teaching.HeardExample:
    """Octaves, both notes right or both wrong; only the upper one shows which."""
    octaves = 6
    right = np.repeat(rng.random(octaves) < 0.5, 2)
    upper = np.tile([False, True], octaves)
    key = np.repeat(rng.integers(20, 50, octaves), 2) + 12 * upper
    shown = np.where(upper, np.where(right, 1.0, -1.0), 0.0)
    curves = (shown[:, None] + 0.1 * rng.standard_normal((2 * octaves, CURVES))).astype(np.float32)
    frame = np.repeat(10 + 20 * np.arange(octaves), 2)
    return teaching.HeardExample(frame, key, curves, np.zeros((2 * octaves, 8), np.float16), right, 0)


def columns_of(example: teaching.HeardExample) -> list[np.ndarray]:
    return [getattr(example, name) for name in teaching.COLUMNS]


def test_what_only_the_context_tells_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "CROP", 12)
    rng = np.random.default_rng(0)
    taught = teaching.teach([made_up(rng) for _ in range(200)], 400)
    loss = re.search(r"log loss ([\d.]+)", teaching.report(taught, [made_up(rng) for _ in range(20)]))
    assert loss
    assert float(loss[1]) < 0.2, "half of ln 2 and more by the peaks alone"


def test_examples_without_a_peak_are_reported_on() -> None:
    """Of speech and noise there are some: nothing is heard in them."""
    rng = np.random.default_rng(0)
    silent = teaching.HeardExample(*(column[:0] for column in columns_of(made_up(rng))), missed=0)
    taught = teaching.Taught(torch.zeros(4), torch.ones(4)).eval()
    assert teaching.report(taught, [silent, made_up(rng)]).startswith("held out: log loss 0.")


def test_a_reader_takes_the_place_of_another() -> None:
    network = untaught_network()
    two, three = (teaching.Taught(torch.zeros(4), torch.ones(4), readings) for readings in (2, 3))
    assert three.built_into(two.built_into(network)).config == replace(TINY, readings=3)


def test_distances_lie_between_whole_frames() -> None:
    assert all(bound % 1 == 0.5 for bound in DISTANCES)
    assert replace(TINY, readings=2).to_json()["readings"] == 2
