"""What is logged of a job has its id, from the upload to the decoder's last words."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient

import worker.decoding as decoding
from api.app import create_app
from tests.worker.pumped import PumpedServices
from tests.worker.test_decoding import child_that
from worker.log import configure_logging


@pytest.fixture(autouse=True)
def json_lines() -> Iterator[None]:
    configure_logging("json")
    yield
    structlog.reset_defaults()


def test_every_line_of_a_job_has_its_id(
    services: PumpedServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "open.txt").touch()
    monkeypatch.setattr(decoding, "Child", lambda module, arguments, limits: child_that("raise", tmp_path))
    with TestClient(create_app(services)) as client:
        answer = client.post("/v1/transcriptions", files={"recording": ("a.mp3", b"sound")})
    services.pump()
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {line.get("job") for line in told} == {answer.json()["id"]}
    assert [line["event"] for line in told] == ["job accepted", "task started", "child process failed", "job failed"]
    assert "its reason" in told[2]["said"]
    assert told[3]["code"] == "decoding-failed"
