"""What a folder's recordings become before anything is learned from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from tests.recordings import encode, piano_like
from transcriber.listen.features import SAMPLE_RATE
from transcriber.listen.training.pairs import Pair
from transcriber.listen.training.recordings import LabelledRecording, read_sound
from transcriber.listen.training.takes import Take, prepare, split
from transcriber.listen.tuning import find_tuning
from transcriber.performance import Note, Pedal, Performance, write_midi

NOTES = [Note(0.5 + 0.25 * index, 0.7 + 0.25 * index, 50 + 7 * index % 29, 80) for index in range(60)]


class Ear:
    """Hears what was played, as if the sound were NOTES from its first sample on."""

    def __init__(self, notes: list[Note]) -> None:
        self.notes, self.calls = notes, 0

    def __call__(self, samples: NDArray[np.float32]) -> tuple[Note, ...]:
        self.calls += 1
        return tuple(note for note in self.notes if note.onset_s < len(samples) / SAMPLE_RATE)


def pair(root: Path, labels: list[Note], *, seconds: float = 17.0, pedals: tuple[Pedal, ...] = ()) -> Pair:
    rng = np.random.default_rng(0)
    soundfile.write(root / "take.wav", 0.1 * rng.standard_normal(round(seconds * 8000)), 8000)
    write_midi(Performance(tuple(labels), pedals, seconds), root / "take.mid")
    return Pair("take", root / "take.wav", root / "take.mid")


def moved(notes: list[Note], by_s: float) -> list[Note]:
    return [replace(note, onset_s=note.onset_s + by_s, offset_s=note.offset_s + by_s) for note in notes]


def test_labels_that_fit_stay_as_they_are(tmp_path: Path) -> None:
    take, warnings = prepare(pair(tmp_path, NOTES), Ear(NOTES), tmp_path / "cache")
    assert take is not None
    assert warnings == ()
    assert take.recording.seconds == pytest.approx(17.0, abs=0.01)
    assert take.recording.notes[:, 0] == pytest.approx([note.onset_s for note in NOTES], abs=0.002)


@pytest.mark.parametrize(("early_s", "word"), [(0.12, "120 ms later"), (-0.3, "300 ms earlier")])
def test_a_delay_is_told_and_taken_away(tmp_path: Path, early_s: float, word: str) -> None:
    pedals = (Pedal(2.0 - early_s, 3.0 - early_s),)
    labels = pair(tmp_path, moved(NOTES, -early_s), pedals=pedals)
    take, warnings = prepare(labels, Ear(NOTES), tmp_path / "cache")
    assert take is not None
    assert [word in warning and "corrected" in warning for warning in warnings] == [True]
    assert take.recording.notes[:, 0] == pytest.approx([note.onset_s for note in NOTES], abs=0.003)
    assert take.recording.pedals == [(pytest.approx(2.0, abs=0.003), pytest.approx(3.0, abs=0.003))]


def test_labels_of_another_piece_are_left_out_with_a_word(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    other = [replace(note, pitch=int(rng.integers(40, 90)), onset_s=float(rng.uniform(0, 15))) for note in NOTES]
    take, warnings = prepare(pair(tmp_path, NOTES), Ear(other), tmp_path / "cache")
    assert take is None
    assert "seems to belong to another recording" in warnings[0]


def test_sound_without_labels_is_cut_off(tmp_path: Path) -> None:
    """Else it would be learned as silence."""
    take, warnings = prepare(pair(tmp_path, NOTES, seconds=60.0), Ear(NOTES), tmp_path / "cache")
    assert take is not None
    assert take.recording.seconds == pytest.approx(NOTES[-1].offset_s + 3.0, abs=0.1)
    assert "has 42 s of sound without labels" in warnings[0]


def test_labels_that_outlast_the_sound_are_told(tmp_path: Path) -> None:
    take, warnings = prepare(pair(tmp_path, NOTES, seconds=9.0), Ear(NOTES), tmp_path / "cache")
    assert take is not None
    assert "take.mid goes on for 6 s after take.wav has ended" in warnings[0]


@pytest.mark.parametrize(
    ("broken", "words"), [("take.wav", "not an audio"), ("take.mid", "not a MIDI file")], ids=["audio", "labels"]
)
def test_a_file_that_cannot_be_read_is_left_out_with_a_word(tmp_path: Path, broken: str, words: str) -> None:
    made = pair(tmp_path, NOTES)
    (tmp_path / broken).write_text("Dear teacher, here is my recording.\n" * 50)
    take, warnings = prepare(made, Ear(NOTES), tmp_path / "cache")
    assert take is None
    assert warnings[0].startswith(f"{broken} is left out: ")
    assert words in warnings[0]


def test_a_second_time_nothing_is_decoded_or_listened_to(tmp_path: Path) -> None:
    made, ear = pair(tmp_path, moved(NOTES, -0.05)), Ear(NOTES)
    first, _ = prepare(made, ear, tmp_path / "cache")
    calls = ear.calls
    again, _ = prepare(made, ear, tmp_path / "cache")
    assert ear.calls == calls
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first.recording.sound, again.recording.sound)
    np.testing.assert_array_equal(first.recording.notes, again.recording.notes)


def test_any_format_and_rate_is_read_at_its_place(tmp_path: Path) -> None:
    sound = np.tile(piano_like([(1.0, 1.5, 69)]), (2, 1))
    for path, codec in (("a.m4a", "aac"), ("b.mp3", "libmp3lame"), ("c.flac", "flac")):
        read = read_sound(encode(tmp_path / path, 0.3 * sound, codec, 44_100))
        assert read.dtype == np.int16
        assert len(read) == pytest.approx(sound.shape[1] * SAMPLE_RATE / 44_100, abs=0.06 * SAMPLE_RATE)
        assert np.flatnonzero(np.abs(read) > 3000)[0] / SAMPLE_RATE == pytest.approx(1.0, abs=0.02)
        assert np.abs(read).max() == 32767


@pytest.mark.parametrize("cents", [-40, 25])
def test_a_mistuned_piano_is_learned_at_concert_pitch_as_it_will_be_heard(tmp_path: Path, cents: int) -> None:
    faster = 2.0 ** (cents / 1200)
    played = [(note.onset_s, note.offset_s, note.pitch) for note in NOTES]
    sound = piano_like(played, SAMPLE_RATE)[0]
    soundfile.write(tmp_path / "take.wav", soxr.resample(sound, SAMPLE_RATE * faster, SAMPLE_RATE), SAMPLE_RATE)
    labels = [replace(note, onset_s=note.onset_s / faster, offset_s=note.offset_s / faster) for note in NOTES]
    pedals = (Pedal(2.0 / faster, 3.0 / faster),)
    write_midi(Performance(tuple(labels), pedals, labels[-1].offset_s), tmp_path / "take.mid")
    made = Pair("take", tmp_path / "take.wav", tmp_path / "take.mid")
    take, _ = prepare(made, Ear(NOTES), tmp_path / "cache")
    assert take is not None
    assert take.recording.notes[:, 0] == pytest.approx([note.onset_s for note in NOTES], abs=0.01)
    assert take.recording.pedals == [(pytest.approx(2.0, abs=0.01), pytest.approx(3.0, abs=0.01))]
    assert abs(find_tuning(take.recording.sound.astype(np.float32) / 32767).cents) < 5
    assert take.recording.seconds == pytest.approx(len(sound) / SAMPLE_RATE, abs=0.1)
    again, _ = prepare(made, Ear(NOTES), tmp_path / "cache")
    assert again is not None
    np.testing.assert_array_equal(take.recording.notes, again.recording.notes)


def recordings(*seconds: float) -> list[Take]:
    return [
        Take(LabelledRecording(f"take{index}", np.zeros(round(length * SAMPLE_RATE), np.int16), np.zeros((0, 5)), None))
        for index, length in enumerate(seconds)
    ]


def test_whole_recordings_are_kept_apart(tmp_path: Path) -> None:
    takes = recordings(*[100.0] * 10)
    learned, checked = split(takes)
    assert {r.name for r in learned} | {r.name for r in checked} == {take.recording.name for take in takes}
    assert len(checked) == 2
    reversed_order = split(takes[::-1])
    assert {r.name for r in reversed_order[1]} == {r.name for r in checked}


def test_of_two_recordings_one_is_kept_apart() -> None:
    learned, checked = split(recordings(1000.0, 10.0))
    assert (len(learned), len(checked)) == (1, 1)


def test_of_one_recording_the_end_is_kept_apart() -> None:
    (learned,), (checked,) = split(recordings(100.0))
    assert (learned.seconds, checked.seconds) == (pytest.approx(85.0), pytest.approx(15.0))


def test_what_the_data_set_says_is_done() -> None:
    takes = recordings(10.0, 20.0, 30.0)
    takes = [replace(take, split="validation" if index == 1 else "train") for index, take in enumerate(takes)]
    learned, checked = split(takes)
    assert [recording.seconds for recording in checked] == [20.0]
    assert [recording.seconds for recording in learned] == [10.0, 30.0]
