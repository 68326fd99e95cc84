"""Uploads in pieces: a real tus client that is interrupted, and each rule of the protocol."""

import base64
import http.client
import io
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

import api.resumable as resumable
from tests.api.live import serving
from tests.api.test_upload import assert_nothing_left, wait_for
from tests.worker.pumped import PumpedServices
from worker.job import State, Task
from worker.schema import jobs as table
from worker.storage import read_blob

URL = "/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
DATA = bytes(range(256)) * 2000


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable, "PIECE_BYTES", 100_000)


def metadata(**fields: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())


def begin(client: TestClient, length: int = len(DATA), **fields: str) -> str:
    headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata(**{"filename": "a.mp3", **fields})}
    answer = client.post(URL, headers=headers)
    assert answer.status_code == 201, answer.text
    location = answer.headers["location"]
    assert isinstance(location, str)
    return location


def send(client: TestClient, upload: str, data: bytes | Iterator[bytes], offset: int = 0, **headers: Any) -> Any:
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return client.patch(upload, content=data, headers=TUS | kind | headers)


def offset(client: TestClient, upload: str) -> int:
    answer = client.head(upload, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["upload-length"] == str(len(DATA))
    return int(answer.headers["upload-offset"])


def stored(services: PumpedServices, id: str) -> list[str]:
    return sorted(path.name for path in (Path(services.settings.storage_address) / id).iterdir())


@pytest.fixture
def live(services: PumpedServices) -> Iterator[str]:
    with serving(services) as address:
        yield address


def test_a_real_client_goes_on_after_an_interruption(live: str, services: PumpedServices) -> None:
    tags = {"filename": "étude.mp3", "title": "Étude", "metre": "3/4"}
    client = TusClient(live + URL)
    first = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=150_000, metadata=tags)
    first.upload(stop_at=300_000)
    assert services.sent == []

    again = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=150_000, url=first.url)
    assert again.offset == 300_000
    again.upload()
    id = str(first.url).rpartition("/")[2]
    job = services.job(id)
    assert (job.state, job.recording.name, job.wishes.title, job.wishes.metre) == (
        State.QUEUED,
        "étude.mp3",
        "Étude",
        "3/4",
    )
    assert job.recording.size_bytes == len(DATA)
    assert read_blob(services.storage, f"{id}/recording.mp3") == DATA
    assert stored(services, id) == ["recording.mp3"]
    assert services.sent == [(id, Task.LISTEN)]


def test_what_came_before_the_connection_broke_is_kept(live: str, services: PumpedServices) -> None:
    client = TusClient(live + URL)
    uploader = client.uploader(file_stream=io.BytesIO(DATA), metadata={"filename": "a.mp3"})
    uploader.set_url(uploader.create_url())
    address = urllib.parse.urlsplit(str(uploader.url))
    connection = http.client.HTTPConnection(address.netloc)
    connection.putrequest("PATCH", address.path)
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0", "Content-Length": str(len(DATA))}
    for name, value in (TUS | kind).items():
        connection.putheader(name, value)
    connection.endheaders(DATA[:250_001])
    connection.close()
    wait_for(lambda: uploader.get_offset() == 250_001)

    uploader.offset = uploader.get_offset()
    uploader.upload()
    id = address.path.rpartition("/")[2]
    assert read_blob(services.storage, f"{id}/recording.mp3") == DATA
    assert services.job(id).state is State.QUEUED


def test_a_client_gives_up_an_upload_that_is_refused(live: str) -> None:
    client = TusClient(live + URL)
    uploader = client.uploader(file_stream=io.BytesIO(DATA), metadata={"metre": "3/5"})
    with pytest.raises(TusCommunicationError) as refusal:
        uploader.upload()
    assert refusal.value.status_code == 422


def test_the_job_is_there_with_the_last_byte_and_says_where(client: TestClient, services: PumpedServices) -> None:
    upload = begin(client, title="Waltz")
    id = upload.rpartition("/")[2]
    assert send(client, upload, DATA[:10]).headers["upload-offset"] == "10"
    assert client.get(f"/v1/transcriptions/{id}").status_code == 404
    assert "upload-expires" in client.head(upload, headers=TUS).headers
    last = send(client, upload, DATA[10:], 10)
    assert last.status_code == 204
    assert last.headers["content-location"] == f"/v1/transcriptions/{id}"
    assert client.get(last.headers["content-location"]).json()["title"] == "Waltz"
    assert offset(client, upload) == len(DATA)
    assert "upload-expires" not in client.head(upload, headers=TUS).headers
    assert send(client, upload, b"", len(DATA)).status_code == 204, "clients repeat themselves"
    assert client.delete(upload, headers=TUS).json()["code"] == "upload-finished"
    assert client.get(f"/v1/transcriptions/{id}").status_code == 200
    assert services.sent == [(id, Task.LISTEN)]


def test_bytes_that_do_not_follow_are_refused_and_not_kept(client: TestClient, services: PumpedServices) -> None:
    upload = begin(client)
    send(client, upload, DATA[:100])
    for place in (0, 99, 101):
        answer = send(client, upload, b"xyz", place)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong-offset")
    answer = send(client, upload, DATA, 100)
    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    assert offset(client, upload) == 100
    assert len(stored(services, upload.rpartition("/")[2])) == 1


def test_more_than_was_announced_is_refused_while_it_comes(client: TestClient) -> None:
    upload = begin(client)

    def unannounced() -> Iterator[bytes]:
        for _ in range(6):
            yield b"x" * 100_000

    answer = send(client, upload, unannounced())
    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    assert send(client, upload, DATA, offset(client, upload)).status_code == 204


def test_of_two_connections_with_the_same_bytes_one_is_heard(client: TestClient, services: PumpedServices) -> None:
    id = begin(client).rpartition("/")[2]
    upload = services.uploads.find(id, "")
    assert upload is not None
    assert services.uploads.add(upload, "piece-0-a", 5) is not None
    assert services.uploads.add(upload, "piece-0-b", 7) is None
    found = services.uploads.find(id, "")
    assert found is not None
    assert (found.received_bytes, found.pieces) == (5, ("piece-0-a",))


def test_an_upload_whose_last_answer_was_lost_becomes_a_job_when_it_is_asked_for(
    client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(client)
    id = upload.rpartition("/")[2]
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise MemoryError

        patch.setattr(resumable, "make_job", killed)
        assert send(client, upload, DATA).status_code == 500
    assert services.sent == []
    assert offset(client, upload) == len(DATA)
    assert services.job(id).state is State.QUEUED
    assert read_blob(services.storage, f"{id}/recording.mp3") == DATA


def test_full_disk_is_told_and_what_was_stored_stays(
    client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(client)
    send(client, upload, DATA[:1000])
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("worker.storage.os.fsync", full)
        answer = send(client, upload, DATA[1000:], 1000)
        assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")
    assert send(client, upload, DATA[1000:], offset(client, upload)).status_code == 204


def test_termination_and_expiry_leave_nothing(client: TestClient, services: PumpedServices) -> None:
    ended, forgotten = begin(client), begin(client)
    for upload in (ended, forgotten):
        send(client, upload, DATA[:1000])
    assert client.delete(ended, headers=TUS).status_code == 204
    assert client.head(ended, headers=TUS).status_code == 404
    with services.jobs.engine.begin() as connection:
        connection.execute(sa.update(table).values(lease_until=1.0))
    services.sweeper.sweep()
    assert client.head(forgotten, headers=TUS).status_code == 404
    assert send(client, forgotten, DATA[1000:], 1000).status_code == 404
    assert_nothing_left(services)


def test_what_is_spoken_here(client: TestClient) -> None:
    answer = client.options(URL)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-extension"].split(",") == ["creation", "termination", "expiration"]
    assert answer.headers["tus-max-size"] == str(2**20)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "unknown-tus-version"),
        ({"Tus-Resumable": ""}, 412, "unknown-tus-version"),
        ({"Upload-Length": "-1"}, 400, "bad-request"),
        ({"Upload-Length": ""}, 400, "bad-request"),
        ({"Upload-Length": "9" * 30}, 400, "bad-request"),
        ({"Upload-Length": "0"}, 422, "empty-file"),
        ({"Upload-Length": str(2**20 + 1)}, 413, "file-too-large"),
        ({"Upload-Metadata": "filename *"}, 400, "bad-request"),
        ({"Upload-Metadata": "x" * 9000}, 400, "bad-request"),
        ({"Upload-Metadata": metadata(key="H flat maybe")}, 422, "bad-option"),
    ],
)
def test_bad_beginning(
    client: TestClient, services: PumpedServices, headers: dict[str, str], status: int, code: str
) -> None:
    answer = client.post(URL, headers={**TUS, "Upload-Length": "10"} | headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert_nothing_left(services)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "2.0.0"}, 412),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Upload-Offset": "here"}, 400),
    ],
)
def test_bad_piece(client: TestClient, headers: dict[str, Any], status: int) -> None:
    upload = begin(client)
    assert send(client, upload, b"x", **headers).status_code == status
    assert offset(client, upload) == 0


def test_methods_that_a_network_does_not_let_through(client: TestClient) -> None:
    upload = begin(client)
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    sent = client.post(upload, content=DATA[:9], headers=TUS | kind | {"X-HTTP-Method-Override": "PATCH"})
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, "9")
    assert client.post(upload, headers=TUS).status_code == 405
    assert client.post(upload, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert client.head(upload, headers=TUS).status_code == 404


def test_metadata_comes_back(client: TestClient) -> None:
    upload = begin(client, title="Étude")
    assert client.head(upload, headers=TUS).headers["upload-metadata"] == metadata(filename="a.mp3", title="Étude")
