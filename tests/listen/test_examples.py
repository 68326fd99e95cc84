"""The whole chain from notes to training examples: sound is where the labels say, silence is labelled as silence."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from transcriber.listen.network import FRAME, HELD, OFFSET, ONSET, VELOCITY
from transcriber.listen.training.examples import WITHOUT_PIANO, Examples, Material, without_piano
from transcriber.listen.training.pianos import SAMPLE_RATE
from transcriber.listen.training.targets import UNKNOWN

SECONDS = 5.0


def lateness_s(sound: NDArray[np.float32], onsets_s: NDArray[np.float64]) -> float:
    """By how much the sound's rises in energy come later than `onsets_s`, from the best match within 40 ms."""
    step = SAMPLE_RATE // 1000
    energy = np.square(sound[: len(sound) // step * step].reshape(-1, step)).mean(axis=1)
    rise = np.maximum(0.0, np.diff(np.log(energy + 1e-3 * energy.max() + 1e-12), prepend=0.0))
    rise[0] = 0.0
    lags = np.arange(-40, 41)
    frames = np.round(onsets_s * 1000).astype(int)
    frames = frames[(frames > 60) & (frames < len(rise) - 60)]
    return float(lags[np.argmax([rise[frames + lag].sum() for lag in lags])]) / 1000


def test_onsets_are_heard_where_the_labels_say(material: Material) -> None:
    examples, heard = Examples(material, SECONDS, 0.0, seed=0), 0
    for seed in range(20):
        sound, segment = examples.draw(np.random.default_rng(seed))
        assert sound.shape == (round(SECONDS * SAMPLE_RATE),)
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        if len(segment.notes) >= 5:
            heard += 1
            assert abs(lateness_s(sound, segment.notes[:, 0])) <= 0.003, seed
    assert heard >= 15


def test_a_data_folder_gives_everything_that_lies_in_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcriber.listen.training.rooms.SIMULATED", 2)
    (folder / "maps_synth").mkdir()
    soundfile.write(folder / "maps_synth" / "take.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    (folder / "maps_synth" / "take.tsv").write_text("0.1\t0.5\t60\t64\n")
    assert Material.load(folder).scores is None
    (folder / "score").mkdir()
    columns: dict[str, list[int]] = {
        "s_on_delta": [0],
        "s_dur": [4],
        "s_pitch": [60],
        "s_staff": [1],
        "s_flags": [0],
        "bar_on_delta": [0],
    }
    starts = {"s_start": [0, 1], "bar_start": [0, 1]}
    np.savez(folder / "score" / "scores.npz", **{name: np.array(value) for name, value in (columns | starts).items()})
    (folder / "score" / "scores_meta.json").write_text(
        json.dumps({"tpq": 4, "scores": [{"notes": 1, "difficulty": {}}]})
    )
    loaded = Material.load(folder)
    assert [piano.name for piano in loaded.pianos] == ["wood"]
    assert len(loaded.recordings) == 1
    assert loaded.library is not None
    assert loaded.scores is not None
    assert loaded.scores.piece(0).notes[:, 2].tolist() == [60]


def test_a_sound_without_piano_asks_for_nothing(material: Material) -> None:
    levels = []
    for seed in range(30):
        sound, segment = without_piano(1.0, material.surroundings, np.random.default_rng(seed))
        assert sound.shape == (SAMPLE_RATE,)
        assert np.isfinite(sound).all()
        assert len(segment.notes) == 0
        levels.append(np.sqrt(np.mean(sound**2)))
    assert np.median(levels) > 0.3  # most are as loud as music, not silent
    assert min(levels) < 1e-3


def test_about_three_in_a_hundred_examples_hold_no_piano(material: Material) -> None:
    """Their targets are silent; only velocity and pedal, of which a noise says nothing, are left open."""
    examples = iter(Examples(material, 0.25, 0.0, seed=1))
    silent = 0
    for _ in range(200):
        samples, keys, pedal = next(examples)
        if not (pedal == UNKNOWN).all():
            continue
        silent += 1
        assert not keys[[ONSET, FRAME, OFFSET, HELD]].any()
        assert (keys[VELOCITY] == UNKNOWN).all()
        assert samples.abs().max() < 100
    assert silent / 200 == pytest.approx(WITHOUT_PIANO, abs=0.025)


def test_the_same_seed_gives_the_same_rendered_examples(material: Material) -> None:
    first, again, other = (iter(Examples(material, 1.0, 0.0, seed=seed)) for seed in (3, 3, 4))
    differ = 0
    for _ in range(12):
        one, two, three = next(first)[0], next(again)[0], next(other)[0]
        assert (one == two).all()
        differ += not (one == three).all()
    assert differ >= 11
