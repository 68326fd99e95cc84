"""The way from sound to score: what is played on a sampled piano comes back as notes at the seconds of the music."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from eval.matching import match_notes
from eval.notes import notes_of
from eval.rendered import SOUNDFONT
from eval.soundfont import RATE, load_piano
from eval.studio import LEAD_S, TAIL_S, Studio
from transcriber.listen.training.pianos import ATTACK_S, SAMPLE_RATE, load_pianos
from transcriber.listen.training.renderer import Noises
from transcriber.listen.training.rooms import Surroundings
from transcriber.performance import Note, Pedal, Performance

ROOTS = range(40, 90, 7)
SCALE = Performance(
    tuple(Note(0.25 + 0.4 * step, 0.6 + 0.4 * step, 55 + 2 * step, 80) for step in range(12)), (Pedal(0.3, 1.2),), 5.2
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """One piano with a sample every seventh key, in no room."""
    folder = tmp_path_factory.mktemp("pianos") / "small"
    folder.mkdir()
    sampled = load_piano(SOUNDFONT)
    for root in ROOTS:
        sound = sampled.play(Performance((Note(ATTACK_S, 3.0, root, 90),), (), 3.0))
        soundfile.write(folder / f"{root}.wav", resample_poly(sound, SAMPLE_RATE // 100, RATE // 100), SAMPLE_RATE)
    layers = [{"layer": 1, "vel_lo": 1, "vel_hi": 127, "median_rms_db_36_84": -26.0}]
    samples = [{"file": f"{root}.wav", "root": root, "layer": 1, "tuning_cents": 0.0} for root in ROOTS]
    (folder / "index.json").write_text(json.dumps({"kind": "grand", "layers": layers, "samples": samples}))
    return Studio(load_pianos(folder.parent), Noises(), Surroundings())


def test_a_seed_repeats_a_recording(studio: Studio) -> None:
    first, again, other = (studio.recording(SCALE, seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(first) / SAMPLE_RATE == pytest.approx(LEAD_S + SCALE.notes[-1].offset_s + TAIL_S, abs=0.01)


def test_the_music_is_heard_at_its_own_seconds(studio: Studio) -> None:
    heard = studio.heard(SCALE, seed=1)
    played, found = notes_of(SCALE), notes_of(heard)
    pairs = match_notes(played, found)
    assert len(pairs) >= 11
    assert len(found) <= 13
    assert np.abs(found[pairs[:, 1], 0] - played[pairs[:, 0], 0]).max() < 0.03
