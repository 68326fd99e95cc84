"""The main flow, with the real stages and the shipped models: recording in, score out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.recordings import wav
from transcriber import Options, Transcription, transcribe
from transcriber.audio import load
from transcriber.errors import EmptyFile, NoNotes, OptionError, UnreadableFile
from transcriber.mixdown import SAMPLE_RATE
from transcriber.notate.edits import DeleteNote, SetTitle
from transcriber.performance import Note, Performance, read_midi, write_midi
from transcriber.score import KeySignature, TimeSignature

EXAMPLES = Path(__file__).parent.parent / "examples"
EXCERPT_S = 8.0  # of the minuet: its first five bars
MELODY = (60, 64, 67, 72, 71, 67, 65, 62, 60, 64, 67, 60)
BASS = (48, 43, 48)


def notes() -> list[Note]:
    """Three bars of four quarters at 120 a minute, a held bass note under each."""
    upper = [Note(0.3 + 0.5 * beat, 0.75 + 0.5 * beat, pitch, 75) for beat, pitch in enumerate(MELODY)]
    lower = [Note(0.3 + 2.0 * bar, 2.2 + 2.0 * bar, pitch, 60) for bar, pitch in enumerate(BASS)]
    return sorted([*upper, *lower], key=lambda note: (note.onset_s, note.pitch))


@pytest.fixture
def midi(tmp_path: Path) -> Path:
    path = tmp_path / "evening_song.mid"
    write_midi(Performance(tuple(notes()), (), 6.5), path)
    return path


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Transcription:
    """The beginning of the example recording, heard by the network and written down."""
    samples = load(EXAMPLES / "minuet.m4a").samples[: round(EXCERPT_S * SAMPLE_RATE)]
    path = tmp_path_factory.mktemp("heard") / "minuet.wav"
    path.write_bytes(wav(samples[None], SAMPLE_RATE))
    return transcribe(path, Options(device="cpu"))


def test_the_notes_that_were_played_are_heard(heard: Transcription) -> None:
    played = [note for note in read_midi(EXAMPLES / "minuet.mid").notes if note.onset_s < EXCERPT_S - 0.2]
    found = [note for note in heard.performance.notes if note.onset_s < EXCERPT_S - 0.2]
    hits = [
        note
        for note in played
        if any(note.pitch == other.pitch and abs(note.onset_s - other.onset_s) < 0.05 for other in found)
    ]
    assert len(played) > 25
    assert len(hits) / len(played) > 0.95
    assert len(hits) / len(found) > 0.9
    assert heard.performance.duration_s == EXCERPT_S
    assert heard.warnings == ()


def test_what_was_heard_is_written_and_every_head_points_back_to_its_note(heard: Transcription) -> None:
    performed, score = heard.performance.notes, heard.score
    written = [head for _, _, _, chord in score.chords() for head in chord.heads]
    assert all(performed[head.source].pitch == head.pitch.midi for head in written)
    assert {head.source for head in written} | {note.source for note in score.dropped} == set(range(len(performed)))
    assert {measure.time for measure in score.measures} == {TimeSignature(3, 4)}
    assert {measure.key for measure in score.measures} == {KeySignature(1)}


def test_a_recording_without_a_note_says_so(tmp_path: Path) -> None:
    noise = 0.002 * np.random.default_rng(4).standard_normal((1, 3 * 16_000)).astype(np.float32)
    path = tmp_path / "room.wav"
    path.write_bytes(wav(noise, 16_000))
    with pytest.raises(NoNotes):
        transcribe(path, Options(device="cpu"))


def test_a_midi_file_goes_straight_to_the_score_under_any_name(midi: Path, tmp_path: Path) -> None:
    renamed = midi.rename(tmp_path / "from the piano.mp3")
    transcription = transcribe(renamed)
    assert [note.pitch for note in transcription.performance.notes] == [note.pitch for note in notes()]
    assert transcription.recording_name == "from the piano.mp3"
    assert transcription.score.title == "From the piano"


def test_the_stages_are_told_in_order(midi: Path, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    transcribe(midi, on_progress=lambda *step: told.append(step)).write(
        tmp_path / "out", ("musicxml", "svg"), on_progress=lambda *step: told.append(step)
    )
    assert list(dict.fromkeys(stage for stage, _ in told)) == ["read", "notate", "engrave"]
    for stage in ("notate", "engrave"):
        shares = [share for name, share in told if name == stage]
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_wishes_are_kept(midi: Path) -> None:
    wishes = Options(title="", composer="A. Nobody", metre="3/4", key="F major", edits=(DeleteNote(0),))
    score = transcribe(midi, wishes).score
    assert (score.title, score.composer) == ("", "A. Nobody")
    assert {measure.time for measure in score.measures} == {TimeSignature(3, 4)}
    assert {measure.key for measure in score.measures} == {KeySignature(-1)}
    assert 0 not in {head.source for _, _, _, chord in score.chords() for head in chord.heads}
    assert transcribe(midi, Options(title="one", edits=(SetTitle("two"),))).score.title == "two"


def test_the_same_recording_gives_the_same_bytes(midi: Path, tmp_path: Path) -> None:
    first = transcribe(midi).write(tmp_path / "first")
    second = transcribe(midi).write(tmp_path / "second")
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_result_never_replaces_the_recording(midi: Path) -> None:
    before = midi.read_bytes()
    with pytest.raises(OptionError, match="would replace the recording"):
        transcribe(midi).write(midi.parent)
    assert midi.read_bytes() == before
    assert list(midi.parent.iterdir()) == [midi]
    assert transcribe(midi).write(midi.parent, ("musicxml",)) == [midi.with_suffix(".musicxml")]
    assert transcribe(midi).write(midi.parent, ("midi",), stem="copy")[0] == midi.with_name("copy.mid")


def test_what_cannot_be_opened_is_refused_before_any_stage(tmp_path: Path) -> None:
    (tmp_path / "empty.mid").touch()
    with pytest.raises(EmptyFile):
        transcribe(tmp_path / "empty.mid")
    with pytest.raises(UnreadableFile):
        transcribe(tmp_path / "missing.wav")
