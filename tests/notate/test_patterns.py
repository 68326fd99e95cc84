import numpy as np
import pytest
import torch

from transcriber.errors import CheckpointError
from transcriber.notate.beatscores import METRES
from transcriber.notate.onsets import NoteTable, find_onsets, low_notes
from transcriber.notate.patternmodel import learned_pattern_model, load_pattern_model
from transcriber.notate.patterns import BEAT_FEATURES, CELLS, LAGS, beat_features, judge_grid
from transcriber.notate.training.patternnetwork import PatternNetwork, save

LIKENESS = 2 * CELLS + 24  # the first column of the four views


def waltz(bars=24, step_s=0.45):
    """Bass, chord, chord; the tune moves in quarters and turns every bar."""
    notes = []
    for beat in range(3 * bars):
        bar, place = divmod(beat, 3)
        root = (0, 5, 7, 0)[bar % 4]
        lower = [36 + root] if place == 0 else [48 + root + interval for interval in (4, 7, 12)]
        notes += [(beat * step_s, pitch) for pitch in [*lower, 72 + root + (0, 4, 7)[place]]]
    onset_s = np.array([onset for onset, _ in notes])
    pitch = np.array([pitch for _, pitch in notes])
    table = NoteTable(onset_s, onset_s + 0.4, pitch, np.full(len(notes), 60.0), np.zeros(0))
    return table, step_s * np.arange(3 * bars + 1)


def features_of(notes, beat_s):
    onsets = find_onsets(notes.onset_s)
    return beat_features(notes, onsets, low_notes(notes, onsets), beat_s)


def test_a_waltz_repeats_every_three_beats():
    notes, beat_s = waltz()
    features = features_of(notes, beat_s)[LAGS:]
    pitches = features[:, LIKENESS : LIKENESS + 4 * LAGS].reshape(-1, 4, LAGS).mean(axis=0)[3]
    assert pitches[2] > pitches[[0, 1, 3, 4]].max()
    assert pitches[11] > pitches[[9, 10, 12, 13]].max()  # the harmonies come round after four bars


def test_features_do_not_depend_on_where_the_piece_starts():
    notes, beat_s = waltz()
    later = NoteTable(notes.onset_s + 7, notes.offset_s + 7, notes.pitch, notes.velocity, notes.pedal_s)
    np.testing.assert_allclose(features_of(later, beat_s + 7), features_of(notes, beat_s), atol=1e-3)


def test_the_shipped_model_hears_a_waltz_and_prefers_its_beats():
    notes, beat_s = waltz()
    onsets = find_onsets(notes.onset_s)
    model = learned_pattern_model()
    right = judge_grid(notes, onsets, beat_s, model)
    assert METRES[right.metre.sum(axis=0).argmax()] in {(3, 4), (3, 8)}
    thrice = np.interp(np.arange(0, len(beat_s) - 1, 2 / 3), np.arange(len(beat_s)), beat_s)
    assert right.fit.sum() > judge_grid(notes, onsets, thrice, model).fit.sum()


def test_long_pieces_are_judged_stretch_by_stretch_and_empty_ones_say_nothing():
    notes, beat_s = waltz(bars=90)
    scores = judge_grid(notes, find_onsets(notes.onset_s), beat_s, learned_pattern_model())
    assert len(scores.start_s) == 3
    few = NoteTable(notes.onset_s[:2], notes.offset_s[:2], notes.pitch[:2], notes.velocity[:2], notes.pedal_s)
    silent = judge_grid(few, find_onsets(few.onset_s), beat_s[:3], learned_pattern_model())
    np.testing.assert_allclose(np.exp(silent.metre), 1 / len(METRES))
    assert silent.fit.tolist() == [0.0]


def test_odd_notes_give_finite_features():
    rng = np.random.default_rng(0)
    onset_s = np.sort(rng.uniform(3, 4, 40))
    notes = NoteTable(onset_s, onset_s + 0.1, rng.integers(21, 109, 40), np.full(40, 64.0), np.zeros(0))
    features = features_of(notes, np.arange(10.0))
    assert features.shape == (9, BEAT_FEATURES)
    assert np.isfinite(features).all()


def test_what_was_trained_and_what_is_read_judge_alike(tmp_path):
    torch.manual_seed(0)
    network = PatternNetwork(torch.zeros(BEAT_FEATURES), torch.ones(BEAT_FEATURES))
    for name, value in network.named_buffers():
        if name.endswith("running_mean"):
            value.normal_()
    network.eval()
    notes, beat_s = waltz()
    features = features_of(notes, beat_s)
    longer = np.concatenate([features, np.zeros((9, BEAT_FEATURES), np.float32)])
    inside = torch.from_numpy((np.arange(len(longer)) < len(features)).astype(np.float32))[None]
    with torch.inference_mode():
        _, out = network(torch.from_numpy(longer)[None], inside)
    save(network, tmp_path / "metre.safetensors")
    read = load_pattern_model(tmp_path / "metre.safetensors").judge(features)
    np.testing.assert_allclose(read.metre, out[0, : len(METRES)].log_softmax(0), atol=1e-4)
    assert read.fit == pytest.approx(float(out[0, len(METRES)]), abs=1e-4)


def test_a_bad_model_file_is_named(tmp_path):
    path = tmp_path / "metre.safetensors"
    path.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    with pytest.raises(CheckpointError, match=r"metre\.safetensors"):
        load_pattern_model(path)
