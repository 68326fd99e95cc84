import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from transcriber.listen.training.examples import Material
from transcriber.listen.training.pianos import SAMPLE_RATE, Piano, load_pianos
from transcriber.listen.training.renderer import Noises
from transcriber.listen.training.rooms import Surroundings, simulate
from transcriber.listen.training.segments import PerformanceLibrary

# Tests share a machine with whatever else runs there; one thread is also the fastest for arrays this small.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pianos(tmp_path_factory: pytest.TempPathFactory) -> list[Piano]:
    """A piano of decaying sines: three keys an octave, two layers."""
    folder = tmp_path_factory.mktemp("pianos") / "sine"
    folder.mkdir()
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    samples = []
    for layer in (1, 2):
        for root in range(21, 109, 4):
            sound = 0.1 * layer * np.exp(-2 * time) * np.sin(2 * np.pi * 440 * 2 ** ((root - 69) / 12) * time)
            sound = np.concatenate((np.zeros(40), sound)).astype(np.float32)
            name = f"{root}_{layer}.wav"
            soundfile.write(folder / name, sound, SAMPLE_RATE)
            samples.append({"file": name, "root": root, "layer": layer, "tuning_cents": 0.0})
    layers = [
        {"layer": 1, "vel_lo": 1, "vel_hi": 63, "median_rms_db_36_84": -26.0},
        {"layer": 2, "vel_lo": 64, "vel_hi": 127, "median_rms_db_36_84": -20.0},
    ]
    (folder / "index.json").write_text(json.dumps({"kind": "grand", "layers": layers, "samples": samples}))
    return load_pianos(folder.parent)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A piano of wood blocks that sound for some milliseconds after an attack at 2.5 ms, and one piece."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "pianos" / "wood").mkdir(parents=True)
    rng = np.random.default_rng(0)
    samples = []
    for root in range(22, 109, 6):
        knock = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 150)
        soundfile.write(folder / "pianos" / "wood" / f"{root}.wav", np.pad(0.1 * knock, (40, 0)), SAMPLE_RATE)
        samples.append({"file": f"{root}.wav", "root": root, "layer": 1, "tuning_cents": 0.0})
    layers = [{"layer": 1, "vel_lo": 1, "vel_hi": 127, "median_rms_db_36_84": -30.0}]
    index = {"kind": "grand", "layers": layers, "samples": samples}
    (folder / "pianos" / "wood" / "index.json").write_text(json.dumps(index))

    onsets = np.cumsum(rng.uniform(0.15, 0.6, 300))
    piece = {
        "note_start": np.array([0, 300]),
        "onset_delta_100us": np.diff(np.round(onsets * 1e4), prepend=0).astype(np.int32),
        "duration_ms": rng.integers(80, 600, 300).astype(np.uint16),
        "pitch": rng.integers(36, 96, 300).astype(np.uint8),
        "velocity": rng.integers(50, 100, 300).astype(np.uint8),
        "pedal_start": np.array([0, 2]),
        "pedal_delta_ms": np.array([4000, 20000], np.int32),
        "pedal_value": np.array([127, 0], np.uint8),
    }
    meta = json.dumps([{"seconds": float(onsets[-1]), "kind": "human-disklavier"}])
    np.savez(folder / "performances.npz", meta=np.array(meta), **piece)
    return folder


@pytest.fixture(scope="module")
def material(folder: Path) -> Material:
    """With simulated rooms and one noise."""
    pianos: list[Piano] = load_pianos(folder / "pianos")
    noise = np.random.default_rng(1).standard_normal(9000).astype(np.float32)
    surroundings = Surroundings(simulated=simulate(4), noises=(noise,))
    return Material(pianos, PerformanceLibrary(folder / "performances.npz"), Noises(), surroundings, [])
