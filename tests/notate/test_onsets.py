import numpy as np
import pytest

from transcriber.notate.onsets import (
    CHORD_FEATURES,
    DISTANCE_FEATURES,
    FEATURES,
    PROFILE_BINS,
    PROFILE_BINS_PER_OCTAVE,
    NoteTable,
    find_onsets,
    onset_features,
)


def table(notes, pedal_s=()):
    onset_s, length_s, pitch = (np.array(column, dtype=float) for column in zip(*sorted(notes), strict=True))
    velocity = np.full(len(onset_s), 64.0)
    return NoteTable(onset_s, onset_s + length_s, pitch.astype(np.int64), velocity, np.array(pedal_s, dtype=float))


def test_a_chord_is_one_onset_and_a_slow_roll_is_not():
    onsets = find_onsets(np.array([0.0, 0.012, 0.03, 0.5, 0.56, 0.62, 1.0]))
    assert onsets.of_note.tolist() == [0, 0, 0, 1, 2, 3, 4]
    np.testing.assert_allclose(onsets.time_s, [0.014, 0.5, 0.56, 0.62, 1.0])


def test_a_dense_trill_does_not_melt_into_one_onset():
    onset_s = 0.03 * np.arange(30)
    assert np.diff(find_onsets(onset_s).time_s).max() < 0.12
    assert len(find_onsets(onset_s)) >= 10


def test_features_are_finite_and_one_row_an_onset():
    rng = np.random.default_rng(0)
    notes = [(t, rng.uniform(0.01, 20), rng.integers(21, 109)) for t in rng.uniform(0, 100, 400)]
    played = table(notes, pedal_s=[3.0, 50.0])
    features = onset_features(played, find_onsets(played.onset_s))
    assert features.shape == (len(find_onsets(played.onset_s)), FEATURES)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.abs(features[:, : CHORD_FEATURES + DISTANCE_FEATURES]).max() < 6


@pytest.mark.parametrize("pitch", [30, 60, 90])
def test_features_of_a_single_note(pitch):
    played = table([(1.0, 0.5, pitch)])
    assert np.isfinite(onset_features(played, find_onsets(played.onset_s))).all()


def test_half_the_tempo_moves_the_profiles_by_an_octave():
    beat_s = 0.4 * np.arange(60)
    fast, slow = (table([(stretch * t, 0.2, 60 + k % 7) for k, t in enumerate(beat_s)]) for stretch in (1, 2))
    rows = [onset_features(played, find_onsets(played.onset_s))[30] for played in (fast, slow)]
    fast_profile, slow_profile = (row[-6 * PROFILE_BINS :].reshape(6, PROFILE_BINS) for row in rows)
    octave = PROFILE_BINS_PER_OCTAVE
    np.testing.assert_allclose(slow_profile[:, octave:-1], fast_profile[:, : -octave - 1], atol=1e-5)
    assert fast_profile.sum() > 10
