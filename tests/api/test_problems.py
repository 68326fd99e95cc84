from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from tests.worker.pumped import PumpedServices

URL = "/v1/transcriptions"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", f"{URL}/{'0' * 32}", 404, "not-found"),
        ("GET", f"{URL}/{'0' * 100}", 422, "invalid-request"),
        ("GET", f"{URL}/%F0%9F%8E%B9", 404, "not-found"),
        ("PUT", URL, 405, "method-not-allowed"),
        ("GET", f"{URL}?limit=0", 422, "invalid-request"),
        ("GET", f"{URL}?limit=x", 422, "invalid-request"),
        ("GET", f"{URL}?cursor=unknown", 422, "invalid-request"),
        ("GET", f"{URL}?cursor=bmFuIHg", 422, "invalid-request"),
        ("GET", f"{URL}?cursor=%F0%9F%8E%B9", 422, "invalid-request"),
        ("GET", "/static/../app.py", 404, "not-found"),
        ("GET", "/static/%2e%2e/app.py", 404, "not-found"),
    ],
)
def test_refusals_are_problems(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:transcriber:problem:{code}"
    assert body["title"]
    assert body["detail"].endswith(".")
    assert body["instance"].startswith("/")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (URL, "GET, POST"),
        (f"{URL}/{'0' * 32}", "DELETE, GET, PATCH"),
        (f"{URL}/{'0' * 32}/share", "DELETE, POST"),
        ("/v1/uploads/x", "DELETE, HEAD, PATCH"),
        ("/docs", "GET"),
    ],
)
def test_method_not_allowed_names_the_allowed_ones(client: TestClient, path: str, methods: str) -> None:
    answer = client.put(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_fault_of_the_service_shows_no_traceback(
    client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(id: str, account: str) -> None:
        raise RuntimeError("secret path /var/lib")

    monkeypatch.setattr(services.jobs, "get", broken)
    answer = client.get(f"{URL}/{'0' * 32}")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "secret" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_database_that_is_away_is_told_and_may_be_asked_again(
    client: TestClient, services: PumpedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(id: str, account: str) -> None:
        raise OperationalError("SELECT secret", {}, OSError("connection refused"))

    monkeypatch.setattr(services.jobs, "get", away)
    answer = client.get(f"{URL}/{'0' * 32}")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "secret" not in answer.text


@pytest.mark.parametrize("act", [lambda c: c.get("/"), lambda c: c.get("/docs"), lambda c: c.get("/nowhere")])
def test_security_headers_are_on_every_answer(client: TestClient, act: Callable[[TestClient], object]) -> None:
    headers = act(client).headers  # type: ignore[attr-defined]
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
