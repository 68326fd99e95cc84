"""A public address: reads everything of one transcription, changes nothing, and is gone when it is taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import worker.tasks as tasks
from api.app import create_app
from tests.api.test_access import client_with, key_for, upload
from tests.api.test_routes import write
from tests.worker.pumped import PumpedServices
from tests.worker.test_tasks import hear
from worker.settings import Settings

SHARED = "/v1/shared"


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PumpedServices:
    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", write)
    return PumpedServices(Settings(data_dir=tmp_path / "data", keys=True, host="0.0.0.0"))


@pytest.fixture
def owner(services: PumpedServices) -> Iterator[TestClient]:
    with client_with(services, key_for(services, "owner")) as client:
        yield client


@pytest.fixture
def anybody(services: PumpedServices) -> Iterator[TestClient]:
    """Without a key."""
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def job(services: PumpedServices, owner: TestClient) -> str:
    job = upload(owner)
    services.pump()
    return job


def share(owner: TestClient, job: str) -> str:
    address = owner.post(f"{job}/share").json()["address"]
    assert address.startswith("/shared#shared/")
    return f"{SHARED}/{address.rpartition('/')[2]}"


def test_anybody_reads_and_nobody_changes(owner: TestClient, anybody: TestClient, job: str) -> None:
    address = share(owner, job)
    body = anybody.get(address).json()
    assert (body["state"], body["may_edit"], body["shared"], body["id"]) == ("done", False, True, "")
    links = [link for value in body["links"].values() for link in ([value] if isinstance(value, str) else value or [])]
    assert len(links) > 4
    for link in links:
        assert link.startswith(address)
        assert anybody.get(link).status_code == 200, link
    assert body["links"]["share"] is None
    assert job.rpartition("/")[2] not in anybody.get(address).text, "the owner's own address is not told"
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in ("", "/score", "/share", "/recording", "/score.pdf"):
            assert anybody.request(method, address + path).status_code in (404, 405), (method, path)
    assert anybody.get(job).status_code == 401
    assert owner.get(job).json()["shared"]


def test_the_page_of_a_shared_score_opens_without_a_key(anybody: TestClient) -> None:
    assert "<html" in anybody.get("/shared").text
    assert anybody.get("/static/page.css").status_code == 200
    assert anybody.get("/").status_code == 401


def test_taken_back(owner: TestClient, anybody: TestClient, job: str) -> None:
    first = share(owner, job)
    assert share(owner, job) == first
    assert owner.delete(f"{job}/share").status_code == 204
    for path in ("", "/recording", "/score.pdf"):
        answer = anybody.get(first + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert not owner.get(job).json()["shared"]
    second = share(owner, job)
    assert second != first
    assert anybody.get(first).status_code == 404
    assert anybody.get(second).status_code == 200


def test_deleted(owner: TestClient, anybody: TestClient, job: str) -> None:
    address = share(owner, job)
    owner.delete(job)
    assert anybody.get(address).status_code == 404


def test_only_the_owner_shares(services: PumpedServices, job: str) -> None:
    stranger = client_with(services, key_for(services, "stranger"))
    assert stranger.post(f"{job}/share").status_code == 404
    assert stranger.delete(f"{job}/share").status_code == 404


def test_no_shared_route_opens_without_the_word(services: PumpedServices, owner: TestClient, job: str) -> None:
    """Every route below the public address, with a word that was never given out, and with the job's own id."""
    share(owner, job)
    paths = [path for path in create_app(services).openapi()["paths"] if path.startswith(SHARED)]
    assert f"{SHARED}/{{word}}" in paths
    anybody = TestClient(create_app(services))
    for path in paths:
        for word in ("x" * 32, job.rpartition("/")[2], "%00"):
            answer = anybody.get(path.replace("{word}", word).replace("{name}", "score.pdf"))
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), path


def test_a_shared_address_has_a_rate_limit(tmp_path: Path) -> None:
    services = PumpedServices(Settings(data_dir=tmp_path / "data", requests_per_minute=3))
    client = TestClient(create_app(services))
    answers = [client.get(f"{SHARED}/word").status_code for _ in range(4)]
    assert answers == [404, 404, 404, 429]
    assert client.get(f"{SHARED}/other").status_code == 404
