from dataclasses import replace

import numpy as np
import pytest

from transcriber.audio import OVERDRIVEN, Recording
from transcriber.listen import check
from transcriber.listen.decode import Probabilities
from transcriber.listen.features import SAMPLE_RATE
from transcriber.listen.tuning import Tuning
from transcriber.performance import KEYS, Note, Performance

TUNED = Tuning(3.0, 0.9)
UNTUNED = Tuning(0.0, 0.1)
RNG = np.random.default_rng(2)


def tones(seconds: float = 8.0) -> check.Samples:
    """A decaying chord every half second."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (262.0, 330.0, 392.0))
    return np.asarray(0.1 * chord * np.exp(-6 * (time % 0.5)), np.float32)


def tally(doubtful: int, sure: int, faint: int = 0) -> check.Tally:
    onset, frame = np.zeros((400, KEYS), np.float16), np.zeros((400, KEYS), np.float16)
    frame.reshape(-1)[:doubtful] = 0.3
    frame.reshape(-1)[doubtful : doubtful + sure] = 0.95
    onset[10:310:10, 40] = 0.8
    for index in range(faint):
        onset[12 + 10 * (index % 30), 20 + index // 30] = 0.2
    counted = check.Tally()
    assert len(list(counted.passing([Probabilities(onset, frame, onset, frame, onset, onset[:, 0], onset)]))) == 1
    return counted


def played(*onsets_s: float, duration_s: float = 8.0) -> Performance:
    return Performance(tuple(Note(onset_s, onset_s + 0.5, 60, 80) for onset_s in onsets_s), (), duration_s)


CLEAN = Recording(tones())
MUSIC = played(0.5, 2.0, 5.0)


def test_a_clean_recording_is_not_spoken_of() -> None:
    sure = tally(100, 100)
    assert check.warnings(CLEAN, MUSIC, sure, TUNED) == ()
    assert check.is_trustworthy(MUSIC.notes, sure, TUNED)


@pytest.mark.parametrize(("doubtful", "faint"), [(400, 0), (50, 60)])
def test_doubtful_answers_are_not_a_piano_alone(doubtful: int, faint: int) -> None:
    (said,) = check.warnings(CLEAN, MUSIC, tally(doubtful, 100, faint), TUNED)
    assert "piano alone" in said


def test_hardly_any_sure_answer_cannot_be_trusted_unless_a_tuning_speaks_for_it() -> None:
    speech = tally(500, 100)
    assert not check.is_trustworthy(MUSIC.notes, speech, UNTUNED)
    assert check.is_trustworthy(MUSIC.notes, speech, TUNED)
    assert not check.is_trustworthy(MUSIC.notes, tally(2000, 100), TUNED)


def test_without_one_likely_note_nothing_was_played() -> None:
    doubted = [replace(note, confidence=0.48) for note in MUSIC.notes]
    assert not check.is_trustworthy(doubted, tally(100, 100), TUNED)
    assert check.is_trustworthy([*doubted, MUSIC.notes[0]], tally(100, 100), TUNED)
    assert not check.is_trustworthy([], tally(100, 100), TUNED)


def test_a_second_of_sound_is_too_little_to_judge_by() -> None:
    short = check.Tally()
    blurred = np.full((50, KEYS), 0.3, np.float16)
    list(short.passing([Probabilities(blurred, blurred, blurred, blurred, blurred, blurred[:, 0], blurred)]))
    assert check.is_trustworthy(MUSIC.notes, short, UNTUNED)
    assert check.warnings(CLEAN, MUSIC, short, TUNED) == ()


def test_counts_add_up_over_stretches() -> None:
    counted = tally(300, 100, 10)
    assert counted.doubt == pytest.approx(3.0)
    assert counted.faint_share == pytest.approx(10 / 40)


@pytest.mark.parametrize("drive", [4.0, 8.0])
def test_tops_cut_off_are_seen_at_any_level(drive: float) -> None:
    sound = tones()
    clipped = np.clip(drive * sound / np.abs(sound).max(), -1, 1).astype(np.float32) * np.float32(0.4)
    assert check.warnings(Recording(clipped), MUSIC, tally(100, 100), TUNED) == (OVERDRIVEN,)
    known = Recording(clipped, (OVERDRIVEN,))
    assert check.warnings(known, MUSIC, tally(100, 100), TUNED) == ()


def test_noise_is_measured_and_told() -> None:
    sound = tones()
    noise = RNG.standard_normal(len(sound)).astype(np.float32) * np.std(sound)
    loud, soft = (check.signal_to_noise(sound + noise * np.float32(10 ** (-db / 20))) for db in (5, 25))
    assert loud < check.NOISY_DB < soft
    assert soft - loud == pytest.approx(20, abs=4)
    (said,) = check.warnings(Recording(sound + noise), MUSIC, tally(100, 100), TUNED)
    assert "noisy" in said


def test_a_few_samples_have_no_noise_and_silence_no_clipping() -> None:
    assert check.signal_to_noise(np.zeros(100, np.float32)) == np.inf
    assert check.signal_to_noise(np.zeros(5 * SAMPLE_RATE, np.float32)) == np.inf
    assert check.clipped_share(np.zeros(100, np.float32)) == 0.0


@pytest.mark.parametrize(("cents", "said"), [(-38.0, "38 cents below"), (31.0, "31 cents above")])
def test_a_mistuned_piano_is_named_with_its_cents(cents: float, said: str) -> None:
    (warning,) = check.warnings(CLEAN, MUSIC, tally(100, 100), Tuning(cents, 0.9))
    assert said in warning
    assert check.warnings(CLEAN, MUSIC, tally(100, 100), Tuning(cents, 0.2)) == ()


def test_mostly_silence_is_told_and_rests_are_not() -> None:
    assert check.silence_s(played(0.5, 9.0, duration_s=12.0)) == 0.0
    late = played(31.0, 32.0, duration_s=35.0)
    assert check.silence_s(late) == pytest.approx(31.0)
    (said,) = check.warnings(CLEAN, late, tally(100, 100), TUNED)
    assert "89%" in said
