"""What was heard, over HTTP: a few seconds at a time, for the owner and for whom it is shared with."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

import worker.tasks as tasks
from tests.test_evidence import curves
from tests.worker.pumped import PumpedServices
from transcriber.evidence import Curves, EvidenceWriter
from transcriber.performance import Note, Performance, encode_performance
from worker.job import Job
from worker.stages import EVIDENCE, PERFORMANCE, Heard, Written
from worker.storage import Storage, write_blob

URL = "/v1/transcriptions"
PLAYED = Performance((Note(0.2, 0.5, 60, 70, 0.9), Note(1.0, 3.0, 64, 70, 0.4)), (), 4.0)


@pytest.fixture
def done(client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch) -> str:
    def hear(job: Job, storage: Storage, *_: Any) -> Heard:
        onset = np.zeros((200, 88))
        onset[10, 60 - 21], onset[10, 72 - 21] = 0.9, 0.3
        writer = EvidenceWriter(0.02)
        writer.add(Curves(onset, curves(200).frame, curves(200).spectrum))
        write_blob(storage, f"{job.id}/{EVIDENCE}", writer.data())
        write_blob(storage, f"{job.id}/{PERFORMANCE}", encode_performance(PLAYED))
        return Heard((), 4.0, {EVIDENCE: len(writer.data())})

    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", lambda *_: Written({}, 4.0))
    sent = client.post(URL, files={"recording": ("a.mp3", io.BytesIO(b"sound"))})
    services.pump()
    return str(sent.headers["location"])


def test_a_few_seconds(client: TestClient, done: str) -> None:
    address = client.get(done).json()["links"]["evidence"]
    seen = client.get(address, params={"start_s": 0.1, "end_s": 0.9, "source": 0}).json()
    assert (seen["frame_s"], seen["start_s"], len(seen["pitches"])) == (0.02, 0.1, 88)
    assert [len(seen[kind]) for kind in ("onset", "frame", "spectrogram")] == [40] * 3
    assert seen["onset"][5][60 - 21] == round(0.9 * 255)
    assert [(note["source"], note["pitch"], note["confidence"]) for note in seen["notes"]] == [(0, 60, 0.9)]
    (other,) = seen["alternatives"]
    assert (other["pitch"], other["relation"], other["onset_s"]) == (72, "octave", 0.2)
    assert client.get(address, params={"start_s": 0.1, "end_s": 0.9}).json()["alternatives"] == []


def test_what_was_heard_around_an_added_note(client: TestClient, done: str) -> None:
    """It was struck as faintly as the model had it; what is written now is no alternative."""
    added = {"edit": "add", "id": "a", "onset_s": 0.21, "offset_s": 0.6, "pitch": 72}
    other = {"edit": "add", "id": "b", "onset_s": 2.5, "offset_s": 3.0, "pitch": 65}
    delete = {"edit": "delete", "source": 1}
    change = {"edits": [other, delete, added], "view": {}, "base": client.get(done).json()["revision"]}
    assert client.put(f"{done}/score", json=change).status_code == 200
    window = {"start_s": 0.1, "end_s": 0.9}
    seen = client.get(f"{done}/evidence", params={**window, "source": 3}).json()
    assert seen["onset"][5][72 - 21] == round(0.3 * 255)
    assert seen["alternatives"] == []
    change = {"edits": [other, added | {"pitch": 71}], "view": {}, "base": client.get(done).json()["revision"]}
    assert client.put(f"{done}/score", json=change).status_code == 200
    seen = client.get(f"{done}/evidence", params={**window, "source": 3}).json()
    assert [(rival["pitch"], rival["relation"]) for rival in seen["alternatives"]] == [(72, "semitone")]
    assert [note["source"] for note in seen["notes"]] == [0]
    assert client.get(f"{done}/evidence", params={**window, "source": 4}).json()["alternatives"] == []


def test_everybody_it_is_shared_with(client: TestClient, done: str) -> None:
    word = client.post(f"{done}/share").json()["address"].rpartition("/")[2]
    address = client.get(f"/v1/shared/{word}").json()["links"]["evidence"]
    assert address == f"/v1/shared/{word}/evidence"
    assert len(client.get(address, params={"start_s": 0, "end_s": 1}).json()["onset"]) == 50


@pytest.mark.parametrize(
    "query", ["end_s=0", "start_s=0&end_s=11", "start_s=2&end_s=1", "start_s=nan&end_s=1", "start_s=-1&end_s=1"]
)
def test_windows_that_make_no_sense(client: TestClient, done: str, query: str) -> None:
    assert client.get(f"{done}/evidence?{query}").status_code == 422


def test_nothing_was_kept(client: TestClient, services: PumpedServices, done: str) -> None:
    services.storage.drop(f"{done.rpartition('/')[2]}/{EVIDENCE}")
    answer = client.get(f"{done}/evidence?start_s=0&end_s=1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_a_note_that_is_not_there(client: TestClient, done: str) -> None:
    assert client.get(f"{done}/evidence?start_s=0&end_s=1&source=99").json()["alternatives"] == []


def test_the_file_itself_is_not_handed_out(client: TestClient, done: str, tmp_path: Path) -> None:
    assert client.get(f"{done}/evidence").headers["content-type"] == "application/json"
