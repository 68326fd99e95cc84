"""Several recordings in one request."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.test_access import client_with, key_for
from tests.api.test_upload import END, PART, assert_nothing_left
from tests.worker.pumped import PumpedServices
from worker.job import State, Task
from worker.settings import Settings
from worker.storage import read_blob

URL = "/v1/transcriptions/batch"


def send(client: TestClient, *files: tuple[str, bytes], key: str | None = None, **form: str) -> list[dict[str, Any]]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(URL, files=[("recording", file) for file in files], data=form, headers=headers)
    assert answer.status_code == 207, answer.text
    recordings = answer.json()["recordings"]
    assert [entry["file_name"] for entry in recordings] == [name for name, _ in files]
    return list(recordings)


def test_each_recording_is_a_job_of_its_own(client: TestClient, services: PumpedServices) -> None:
    found = send(client, ("a.mp3", b"one"), ("b.mid", b"MThd"), composer="Chopin", metre="3/4")
    ids = [entry["transcription"]["id"] for entry in found]
    assert [entry["error"] for entry in found] == [None, None]
    assert services.sent == [(ids[0], Task.LISTEN), (ids[1], Task.NOTATE)]
    assert read_blob(services.storage, f"{ids[0]}/recording.mp3") == b"one"
    for id in ids:
        wishes = services.job(id).wishes
        assert (wishes.composer, wishes.metre) == ("Chopin", "3/4")


def test_one_bad_file_loses_no_other(client: TestClient, services: PumpedServices) -> None:
    huge = b"x" * (services.settings.max_upload_bytes + 1)
    found = send(client, ("a.mp3", b"one"), ("empty.mp3", b""), ("huge.wav", huge), ("b.mp3", b"two"))
    assert [entry["error"] and entry["error"]["code"] for entry in found] == [
        None,
        "empty-file",
        "file-too-large",
        None,
    ]
    assert found[2]["error"]["message"].endswith("accepted here.")
    good = [found[0]["transcription"]["id"], found[3]["transcription"]["id"]]
    assert sorted(services.storage.job_ids()) == sorted(good)
    assert [job.state for job in services.jobs.latest("", 10)] == [State.QUEUED, State.QUEUED]
    incoming = Path(services.settings.storage_address) / ".incoming"
    assert list(incoming.iterdir()) == []


def test_quota_is_counted_by_recording(tmp_path: Path) -> None:
    services = PumpedServices(Settings(data_dir=tmp_path / "data", keys=True))
    with client_with(services, key_for(services, "small", per_day=2)) as client:
        found = send(client, ("a.mp3", b"1"), ("b.mp3", b"2"), ("c.mp3", b"3"))
    assert [entry["error"] and entry["error"]["code"] for entry in found] == [None, None, "quota-used-up"]


def test_repeated_batch_makes_no_job_twice(client: TestClient, services: PumpedServices) -> None:
    first = send(client, ("a.mp3", b"one"), ("bad.mp3", b""), key="lesson")
    again = send(client, ("a.mp3", b"one"), ("mended.mp3", b"two"), key="lesson")
    assert first[0]["transcription"]["id"] == again[0]["transcription"]["id"]
    assert again[1]["transcription"]["file_name"] == "mended.mp3"
    other = send(client, ("a.mp3", b"else"), ("mended.mp3", b"two"), key="lesson")
    assert other[0]["error"]["code"] == "key-reused"
    assert other[1]["transcription"]["id"] == again[1]["transcription"]["id"]
    assert len(services.jobs.latest("", 10)) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (PART + PART, 400, "upload-incomplete"),
        (PART * 51 + END, 400, "bad-request"),
        (END, 400, "missing-recording"),
        (PART + b'--b\r\nContent-Disposition: form-data; name="metre"\r\n\r\n3/5\r\n' + END, 422, "bad-option"),
        (PART + b'--b\r\nContent-Disposition: form-data; name="webhook"\r\n\r\nx\r\n' + END, 422, "bad-option"),
    ],
)
def test_bad_form_leaves_nothing(
    client: TestClient, services: PumpedServices, body: bytes, status: int, code: str
) -> None:
    answer = client.post(URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert_nothing_left(services)


def test_full_disk_is_told_for_each_recording(
    client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("worker.storage.os.fsync", full)
    found = send(client, ("a.mp3", b"one"), ("b.mp3", b"two"))
    assert [entry["error"]["code"] for entry in found] == ["storage-full", "storage-full"]
    assert_nothing_left(services)
