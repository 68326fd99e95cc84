"""The two tasks with the real library; only the network is replaced, by an ear that hears one scale."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

import transcriber.listen
from tests.worker.pumped import PumpedServices, queue_job
from transcriber.errors import RecordingTooLong
from transcriber.notate.edits import SetKey, SetMetre
from transcriber.notate.evidence import decode_evidence
from transcriber.options import View
from transcriber.performance import Note, Performance, decode_performance, write_midi
from transcriber.score import KeySignature, TimeSignature
from worker.job import Job, Stage, Wishes
from worker.stages import kept_beats, listen_to, requested_edits, write_down
from worker.storage import read_blob, write_blob

SCALE = Performance(
    tuple(Note(0.5 * place, 0.5 * place + 0.45, pitch, 70) for place, pitch in enumerate((60, 62, 64, 65, 67, 69))),
    (),
    3.0,
)


def silent(stage: Stage, progress: float = 0.0) -> None:
    """A report that nobody reads."""


@pytest.fixture
def tone(tmp_path: Path) -> bytes:
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000), 16_000)
    return path.read_bytes()


def test_what_was_heard_is_stored(
    services: PumpedServices, job: Job, tone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def hear(
        recording: object, *, device: str, checkpoint: Path, on_progress: object, on_evidence: object
    ) -> Performance:
        assert device == "cpu"
        assert checkpoint == Path("mine.safetensors")
        assert callable(on_progress)
        on_progress(0.5)
        assert callable(on_evidence)
        on_evidence(b"strengths")
        return SCALE

    def report(stage: Stage, progress: float = 0.0) -> None:
        assert stage is Stage.LISTEN
        seen.append(progress)

    monkeypatch.setattr(transcriber.listen, "listen", hear)
    write_blob(services.storage, f"{job.id}/recording.wav", tone)
    heard = listen_to(job, services.storage, "cpu", 60.0, report, Path("mine.safetensors"))
    assert heard.duration_s == pytest.approx(3.0, abs=0.01)
    assert 0.5 in seen
    assert decode_performance(read_blob(services.storage, f"{job.id}/performance.json")) == SCALE
    waveform = json.loads(read_blob(services.storage, f"{job.id}/peaks.json"))
    assert (waveform["rate"], len(waveform["peaks"])) == (50, 150)
    assert all(-39 <= low <= -37 and 37 <= high <= 39 for low, high in waveform["peaks"][1:-1])
    assert read_blob(services.storage, f"{job.id}/evidence") == b"strengths"
    assert set(heard.files) == {"peaks.json", "evidence"}


def test_recording_longer_than_allowed(services: PumpedServices, job: Job, tone: bytes) -> None:
    write_blob(services.storage, f"{job.id}/recording.wav", tone)
    with pytest.raises(RecordingTooLong):
        listen_to(job, services.storage, "cpu", 2.0, silent)


def test_midi_file_is_written_down_as_wished(services: PumpedServices, tmp_path: Path) -> None:
    job = queue_job(services.jobs, is_midi=True)
    job = dataclasses.replace(job, wishes=Wishes(composer="Anonymous", metre="3/4", key="F major"))
    write_midi(SCALE, tmp_path / "scale.mid")
    write_blob(services.storage, f"{job.id}/recording.mid", (tmp_path / "scale.mid").read_bytes())
    stages: list[Stage] = []
    written = write_down(job, services.storage, lambda stage, progress=0.0: stages.append(stage))
    assert (stages[0], stages[-1]) == (Stage.NOTATE, Stage.ENGRAVE)
    assert set(written.files) == {
        "score.musicxml",
        "score.pdf",
        "score.page-1.svg",
        "score.mid",
        "score.quantized.mid",
        "score.sync.json",
        "notes.json",
    }
    for name, size in written.files.items():
        assert services.storage.size(f"{job.id}/{name}") == size
    musicxml = read_blob(services.storage, f"{job.id}/score.musicxml").decode()
    assert "<beats>3</beats>" in musicxml
    assert "<fifths>-1</fifths>" in musicxml
    assert "Étude" in musicxml, "without a title the recording's name is printed"
    assert "Anonymous" in musicxml


def test_a_metre_from_a_note_on_stands_beside_that_of_the_upload() -> None:
    later = {"edit": "metre", "beats": 2, "beat_type": 4, "source": 3}
    wishes = Wishes(metre="3/4", key="F major", edits=(later, {"edit": "key", "fifths": 2}))
    assert requested_edits(wishes) == (
        SetMetre(TimeSignature(3, 4)),
        SetMetre(TimeSignature(2, 4), 3),
        SetKey(KeySignature(2)),
    )


def test_a_redraw_shows_its_pages_before_the_rest_and_asks_no_network(
    services: PumpedServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue_job(services.jobs, is_midi=True)
    write_midi(SCALE, tmp_path / "scale.mid")
    write_blob(services.storage, f"{job.id}/recording.mid", (tmp_path / "scale.mid").read_bytes())
    write_down(job, services.storage, silent)
    before = read_blob(services.storage, f"{job.id}/score.musicxml")

    def ask(*_: object) -> None:
        raise AssertionError("the beats are known")

    monkeypatch.setattr("transcriber.notate.hear_beats", ask)
    view = View(note_names=True, fingering=True, transpose=2, size="large")
    added = {"edit": "add", "id": "a1", "onset_s": 1.0, "offset_s": 1.4, "pitch": 48}
    changed = dataclasses.replace(job, drawing=1, wishes=Wishes(view=view, edits=(added,)))
    shown: list[set[str]] = []

    def show(files: Mapping[str, int]) -> bool:
        shown.append(set(files))
        return len(shown) == 1

    written = write_down(changed, services.storage, silent, show)
    assert shown == [{"notes.json", "score.page-1.svg", "score.sync.json"}]
    assert {"score.pdf", "score.musicxml", "score.mid"} <= set(written.files)
    musicxml = read_blob(services.storage, f"{job.id}/r1.score.musicxml").decode()
    for part in ("<fingering", "<lyric", "<millimeters>9.5<", "<step>F</step>"):
        assert part in musicxml
    notes = json.loads(read_blob(services.storage, f"{job.id}/r1.notes.json"))["notes"]
    assert [(note["source"], note["pitch"], note["hand"]) for note in notes if note["pitch"] == 48] == [(6, 48, "left")]
    assert read_blob(services.storage, f"{job.id}/score.musicxml") == before, "the files of the revision before stay"

    with monkeypatch.context() as another:
        another.setattr("transcriber.notate.evidence.VERSION", -1)
        decode_evidence.cache_clear()  # as in a process of that version
        assert kept_beats(job, services.storage) is None, "of another version of the network they would not be the same"

    overtaken = write_down(dataclasses.replace(changed, drawing=2), services.storage, silent, show)
    assert set(overtaken.files) == shown[1], "nobody waits for the other files of what was changed again"
