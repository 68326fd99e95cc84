"""Jobs and their files over HTTP, worked on in this process by stages that are quick and known."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import worker.tasks as tasks
from api.app import create_app
from tests.worker.pumped import PumpedServices
from tests.worker.test_tasks import hear
from transcriber.errors import SilentRecording
from transcriber.options import Device
from worker.job import Job, Stage, Task
from worker.settings import Settings
from worker.stages import Heard, Report, Written
from worker.storage import Storage, write_blob

URL = "/v1/transcriptions"
SUFFIXES = (
    ".musicxml",
    ".pdf",
    ".mid",
    ".quantized.mid",
    ".sync.json",
    *(f".page-{page}.svg" for page in range(1, 12)),
)
RECORDING = bytes(range(200)) * 5


def write(job: Job, storage: Storage, report: Report) -> Written:
    for suffix in SUFFIXES:
        write_blob(storage, f"{job.id}/score{suffix}", suffix.encode())
    return Written({f"score{suffix}": len(suffix) for suffix in SUFFIXES}, 12.0)


@pytest.fixture(autouse=True)
def quick_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", write)


@pytest.fixture
def uploaded(client: TestClient) -> str:
    """The address of a job that waits."""
    location = client.post(URL, files={"recording": ("Étude no. 3.mp3", RECORDING)}).headers["location"]
    assert isinstance(location, str)
    return location


@pytest.fixture
def done(uploaded: str, services: PumpedServices) -> str:
    services.pump()
    return uploaded


def test_job_tells_its_stage_while_it_runs(
    client: TestClient, services: PumpedServices, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, object]] = []

    def listen(
        job: Job,
        storage: Storage,
        device: Device,
        max_duration_s: float,
        report: Report,
        checkpoint: Path | None = None,
    ) -> Heard:
        report(Stage.LISTEN, 0.25)  # so that a heartbeat in between says the same
        services.jobs.beat(job.id, job.owner or "", Stage.LISTEN, 0.25)
        seen.append(client.get(uploaded).json())
        return hear(job, storage, device, max_duration_s, report)

    monkeypatch.setattr(tasks, "listen_to", listen)
    services.pump()
    assert [(body["state"], body["stage"], body["progress"]) for body in seen] == [("running", "listen", 0.25)]


def test_finished_job_links_every_file(client: TestClient, done: str) -> None:
    body = client.get(done).json()
    assert (body["state"], body["progress"], body["duration_s"]) == ("done", 1.0, 12.0)
    assert body["warnings"] == ["The end is missing."]
    assert body["error"] is None
    links = body["links"]
    assert links["pages"] == [f"{done}/score.page-{page}.svg" for page in range(1, 12)]
    kinds = {
        "musicxml": "application/vnd.recordare.musicxml+xml",
        "pdf": "application/pdf",
        "midi": "audio/midi",
        "quantized_midi": "audio/midi",
        "sync": "application/json",
    }
    for name, kind in kinds.items():
        answer = client.get(links[name])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind
        assert answer.content.decode() == links[name].partition("score")[2]
        assert 'filename="Etude no. 3.' in answer.headers["content-disposition"]
        assert "filename*=UTF-8''%C3%89tude%20no.%203." in answer.headers["content-disposition"]
    page = client.get(links["pages"][10])
    assert page.content == b".page-11.svg"
    assert "sandbox" in page.headers["content-security-policy"]


def test_failed_job_says_why(
    client: TestClient, services: PumpedServices, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listen(
        job: Job,
        storage: Storage,
        device: Device,
        max_duration_s: float,
        report: Report,
        checkpoint: Path | None = None,
    ) -> Heard:
        raise SilentRecording("There is no sound.")

    monkeypatch.setattr(tasks, "listen_to", listen)
    services.pump()
    body = client.get(uploaded).json()
    assert body["state"] == "failed"
    assert body["error"] == {"code": "silent-recording", "message": "There is no sound."}
    assert client.get(f"{uploaded}/score.pdf").status_code == 404
    assert client.get(body["links"]["recording"]).content == RECORDING


@pytest.mark.parametrize(
    ("range", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=990-", 206, slice(990, 1000)),
        ("bytes=-3", 206, slice(997, 1000)),
        ("bytes=-3000", 206, slice(0, 1000)),
        ("bytes=500-99999", 206, slice(500, 1000)),
        ("bytes=9-3", 200, slice(0, 1000)),
        ("bytes=0-1,5-6", 200, slice(0, 1000)),
        ("lines=1-2", 200, slice(0, 1000)),
        ("bytes=-", 200, slice(0, 1000)),
    ],
)
def test_recording_plays_from_anywhere(client: TestClient, uploaded: str, range: str, status: int, part: slice) -> None:
    answer = client.get(f"{uploaded}/recording", headers={"Range": range})
    assert (answer.status_code, answer.content) == (status, RECORDING[part])
    assert answer.headers["content-type"] == "audio/mpeg"
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {part.start}-{part.stop - 1}/1000"


@pytest.mark.parametrize("range", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_range_beyond_the_end(client: TestClient, uploaded: str, range: str) -> None:
    answer = client.get(f"{uploaded}/recording", headers={"Range": range})
    assert (answer.status_code, answer.json()["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["content-range"] == "bytes */1000"


def test_head_and_etag(client: TestClient, done: str) -> None:
    whole = client.get(f"{done}/score.pdf")
    head = client.head(f"{done}/score.pdf")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "4")
    same = client.get(f"{done}/score.pdf", headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    stale = client.get(f"{done}/score.pdf", headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert (stale.status_code, stale.content) == (200, b".pdf")


def test_text_is_packed_for_whoever_takes_it(client: TestClient, done: str) -> None:
    sync = client.get(done).json()["links"]["sync"]
    plain = client.get(sync, headers={"Accept-Encoding": "identity"})
    packed = client.get(sync, headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert client.get(sync, headers={"If-None-Match": packed.headers["etag"]}).status_code == 304
    part = client.get(sync, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, plain.content[:4])


def test_delete_means_deleted(client: TestClient, services: PumpedServices, done: str) -> None:
    etag = client.get(f"{done}/score.pdf").headers["etag"]
    assert client.delete(done).status_code == 204
    assert client.get(done).status_code == 404
    assert client.get(f"{done}/recording").status_code == 404
    assert client.get(f"{done}/score.pdf", headers={"If-None-Match": etag}).status_code == 404
    assert client.delete(done).status_code == 404
    root = Path(services.settings.storage_address)
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_deleted_while_it_waits(client: TestClient, services: PumpedServices, uploaded: str) -> None:
    client.delete(uploaded)
    services.pump()
    assert services.jobs.removable() == []
    assert client.get(uploaded).status_code == 404


def test_unfinished_and_unknown_files(client: TestClient, uploaded: str) -> None:
    waiting = client.get(f"{uploaded}/score.pdf")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "not-finished")
    for name in ("performance.json", "recording.mp3", "..%2f..%2fjobs.sqlite3", "score", "%00"):
        answer = client.get(f"{uploaded}/{name}")
        assert answer.status_code in (404, 409), name
        assert answer.headers["content-type"] == "application/problem+json"


def test_list_pages_through_everything(client: TestClient) -> None:
    made = [client.post(URL, files={"recording": ("a.wav", b"x")}).json()["id"] for _ in range(5)]
    seen: list[str] = []
    address: str | None = f"{URL}?limit=2"
    while address:
        page = client.get(address).json()
        seen += [job["id"] for job in page["transcriptions"]]
        address = page["next"]
    assert sorted(seen) == sorted(made)


def test_nothing_is_listed_to_strangers(tmp_path: Path) -> None:
    services = PumpedServices(Settings(data_dir=tmp_path, host="0.0.0.0"))
    with TestClient(create_app(services)) as client:
        assert client.get(URL).status_code == 404


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"


def test_every_job_is_sent_to_the_right_queue(client: TestClient, services: PumpedServices, uploaded: str) -> None:
    assert services.sent == [(uploaded.rpartition("/")[2], Task.LISTEN)]
