"""Uploads that come again: by the same idempotency key, or as the same recording."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

import worker.tasks as tasks
from api.app import create_app
from tests.api.test_routes import write
from tests.worker.pumped import PumpedServices
from tests.worker.test_tasks import hear
from worker.job import Task
from worker.schema import jobs
from worker.settings import Settings
from worker.storage import read_blob

URL = "/v1/transcriptions"


@pytest.fixture(autouse=True)
def quick_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", write)


def send(
    client: TestClient, key: str | None = None, data: bytes = b"sound", name: str = "a.mp3", **form: str
) -> object:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(URL, files={"recording": (name, data)}, data=form, headers=headers)


def accepted(answer: object) -> dict[str, object]:
    assert answer.status_code == 202, answer.text  # type: ignore[attr-defined]
    body = answer.json()  # type: ignore[attr-defined]
    assert isinstance(body, dict)
    return body


def test_repeated_upload_makes_no_second_job(client: TestClient, services: PumpedServices) -> None:
    first = send(client, "take-1", title="Étude")
    again = send(client, "take-1", title="Étude")
    assert accepted(first)["id"] == accepted(again)["id"]
    assert "idempotency-replayed" not in first.headers  # type: ignore[attr-defined]
    assert again.headers["idempotency-replayed"] == "true"  # type: ignore[attr-defined]
    assert len(services.sent) == 1
    assert len(services.jobs.latest("", 10)) == 1


@pytest.mark.parametrize("other", [{"data": b"else"}, {"title": "Waltz"}, {"name": "b.mp3"}])
def test_key_of_something_else_is_refused(client: TestClient, other: dict[str, str]) -> None:
    accepted(send(client, "take-1"))
    answer = send(client, "take-1", **other)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (422, "key-reused")  # type: ignore[attr-defined]


def test_key_is_free_again_after_a_refusal_and_after_deleting(client: TestClient) -> None:
    assert send(client, "k", metre="3/5").status_code == 422  # type: ignore[attr-defined]
    id = accepted(send(client, "k", metre="3/4"))["id"]
    client.delete(f"{URL}/{id}")
    assert accepted(send(client, "k"))["id"] != id


def test_key_of_an_upload_under_way(client: TestClient, services: PumpedServices) -> None:
    services.jobs.receive("", "slow")
    answer = send(client, "slow")
    assert (answer.status_code, answer.json()["code"]) == (409, "upload-in-progress")  # type: ignore[attr-defined]


def test_same_recording_and_wishes_are_answered_at_once(client: TestClient, services: PumpedServices) -> None:
    first = accepted(send(client, title="Étude"))["id"]
    services.pump()
    again = accepted(send(client, title="Étude"))
    assert (again["state"], again["warnings"], again["duration_s"]) == ("done", ["The end is missing."], 12.0)
    assert services.sent == []
    assert client.delete(f"{URL}/{first}").status_code == 204
    pdf = client.get(f"{URL}/{again['id']}/score.pdf")
    assert (pdf.status_code, pdf.content) == (200, b".pdf")


def test_same_recording_with_other_wishes_is_not_heard_again(client: TestClient, services: PumpedServices) -> None:
    accepted(send(client, title="Étude"))
    services.pump()
    again = accepted(send(client, title="Waltz"))
    assert (again["state"], again["stage"]) == ("queued", "notate")
    assert services.sent == [(again["id"], Task.NOTATE)]
    assert read_blob(services.storage, f"{again['id']}/performance.json") == b"{}"
    services.pump()
    assert client.get(f"{URL}/{again['id']}").json()["warnings"] == ["The end is missing."]


def test_another_edition_hears_anew(client: TestClient, services: PumpedServices) -> None:
    accepted(send(client))
    services.pump()
    services.jobs.version = "0.2.0+other"
    assert accepted(send(client))["stage"] == "listen"


def test_results_that_are_gone_are_made_again(client: TestClient, services: PumpedServices) -> None:
    id = accepted(send(client))["id"]
    services.pump()
    services.storage.delete(str(id))
    assert accepted(send(client))["state"] == "queued"


def test_a_quick_answer_tells_strangers_nothing(tmp_path: Path) -> None:
    """Without keys, on an open address, everybody is a stranger to everybody."""
    services = PumpedServices(Settings(data_dir=tmp_path / "data", host="0.0.0.0"))
    with TestClient(create_app(services)) as client:
        accepted(send(client))
        services.pump()
        assert accepted(send(client))["stage"] == "listen"


def test_full_disk_is_told_and_leaves_nothing(
    client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("worker.storage.os.fsync", full)
    answer = send(client)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")  # type: ignore[attr-defined]
    assert [path for path in Path(services.settings.storage_address).rglob("*") if path.is_file()] == []
    assert services.jobs.latest("", 10) == []


def test_an_upload_given_up_meanwhile_is_told_and_leaves_nothing(
    client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process was asleep for longer than the row of an upload lasts."""

    def swept(*_: object) -> None:
        with services.engine.begin() as connection:
            connection.execute(sa.update(jobs).values(lease_until=0.0))
        services.sweeper.sweep()

    monkeypatch.setattr("worker.storage.os.fsync", swept)
    answer = send(client)
    assert (answer.status_code, answer.json()["code"]) == (400, "upload-incomplete")  # type: ignore[attr-defined]
    assert [path for path in Path(services.settings.storage_address).rglob("*") if path.is_file()] == []
    assert services.jobs.latest("", 10) == []


def test_jobs_expire(tmp_path: Path) -> None:
    services = PumpedServices(Settings(data_dir=tmp_path / "data", retention_days=1e-9))
    with TestClient(create_app(services)) as client:
        job = accepted(send(client))
        assert job["expires_at"] is not None
        services.sweeper.sweep()
        assert client.get(f"{URL}/{job['id']}").status_code == 404
    assert [path for path in Path(services.settings.storage_address).rglob("*") if path.is_file()] == []


def test_webhook_is_checked_and_due_at_the_end(tmp_path: Path) -> None:
    services = PumpedServices(Settings(data_dir=tmp_path / "data", webhook_secret="s"))
    with TestClient(create_app(services)) as client:
        refused = send(client, webhook="http://127.0.0.1/")
        assert (refused.status_code, refused.json()["code"]) == (422, "bad-option")  # type: ignore[attr-defined]
        first = accepted(send(client, webhook="https://example.com/hook"))
        assert services.courier.deliveries.take_due(9, 60.0) == []
        services.pump()
        second = accepted(send(client, webhook="https://example.com/hook"))
        due = services.courier.deliveries.take_due(9, 60.0)
        assert {(one.id, one.address, one.state) for one in due} == {
            (first["id"], "https://example.com/hook", "done"),
            (second["id"], "https://example.com/hook", "done"),
        }


def test_webhooks_are_off_without_a_secret(client: TestClient) -> None:
    assert send(client, webhook="https://example.com/").status_code == 422  # type: ignore[attr-defined]
