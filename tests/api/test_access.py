"""Keys: who gets in, how often, and that nobody sees what is another's by any route."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

import worker.tasks as tasks
from api.access import MINUTE_S, RateLimiter, sent_key
from api.app import create_app
from tests.api.test_routes import write
from tests.worker.pumped import PumpedServices
from tests.worker.test_tasks import hear
from worker.settings import Settings

URL = "/v1/transcriptions"


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PumpedServices:
    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", write)
    return PumpedServices(Settings(data_dir=tmp_path / "data", keys=True, host="0.0.0.0"))


def key_for(services: PumpedServices, name: str, per_minute: int = 1000, per_day: int = 100) -> str:
    return services.accounts.create(name, requests_per_minute=per_minute, uploads_per_day=per_day)[1]


def client_with(services: PumpedServices, key: str) -> TestClient:
    return TestClient(create_app(services), headers={"Authorization": f"Bearer {key}"}, raise_server_exceptions=False)


@pytest.fixture
def owner(services: PumpedServices) -> Iterator[TestClient]:
    with client_with(services, key_for(services, "owner")) as client:
        yield client


@pytest.fixture
def stranger(services: PumpedServices) -> Iterator[TestClient]:
    with client_with(services, key_for(services, "stranger")) as client:
        yield client


def upload(client: TestClient, data: bytes = b"sound") -> str:
    answer = client.post(URL, files={"recording": ("a.mp3", data)})
    assert answer.status_code == 202, answer.text
    location = answer.headers["location"]
    assert isinstance(location, str)
    return location


def test_nothing_but_health_checks_and_what_is_shared_opens_without_a_key(services: PumpedServices) -> None:
    client = TestClient(create_app(services))
    for path in ("/", "/docs", "/openapi.json", URL, f"{URL}/{'0' * 32}", "/nowhere"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "key-needed"), path
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert client.post(URL, files={"recording": ("a.mp3", b"x")}).status_code == 401
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("key", ["tr_wrong", "", "x" * 5000])
def test_wrong_key(services: PumpedServices, key: str) -> None:
    assert client_with(services, key).get(URL).status_code == 401


def test_a_browser_sends_the_key_as_a_password(services: PumpedServices) -> None:
    key = key_for(services, "teacher")
    basic = "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()
    client = TestClient(create_app(services), headers={"Authorization": basic})
    assert client.get("/").status_code == 200
    assert client.get(upload(client)).status_code == 200


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic " + base64.b64encode(b"me:abc:d").decode(), "abc:d"),
        ("Basic nonsense!", ""),
        ("Basic " + base64.b64encode(b"\xff").decode(), ""),
        ("Digest abc", ""),
        ("", ""),
    ],
)
def test_key_in_a_header(header: str, key: str) -> None:
    assert sent_key(header) == key


def test_revoked_key_opens_nothing(services: PumpedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.access.REMEMBERED_S", 0.0)
    account, key = services.accounts.create("gone", requests_per_minute=10, uploads_per_day=10)
    client = client_with(services, key)
    assert client.get(URL).status_code == 200
    assert services.accounts.revoke(account.id)
    assert client.get(URL).status_code == 401
    assert not services.accounts.revoke(account.id)


def test_no_key_is_stored(services: PumpedServices) -> None:
    key = key_for(services, "secret")
    services.jobs.engine.dispose()
    stored = b"".join(path.read_bytes() for path in services.settings.data_dir.rglob("*") if path.is_file())
    assert key.encode() not in stored


def routes_of_a_job(services: PumpedServices) -> list[tuple[str, str]]:
    """Every method and path of the application that names a job."""
    found = []
    for path, operations in create_app(services).openapi()["paths"].items():
        if "{id}" in path:
            found += [(method.upper(), path) for method in operations]
    hidden = [
        (method, route.path)
        for router in create_app(services).routes
        for route in getattr(getattr(router, "original_router", None), "routes", ())
        if isinstance(route, APIRoute) and "{id}" in route.path
        for method in route.methods or ()
    ]
    assert ("POST", "/v1/uploads/{id}") in hidden
    return sorted({*found, *hidden})


def upload_half(client: TestClient) -> str:
    """The address that a transcription will have whose recording is still coming in, in pieces."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": "filename YS5tcDM="}
    location = client.post("/v1/uploads", headers=headers).headers["location"]
    assert client.head(location, headers={"Tus-Resumable": "1.0.0"}).status_code == 200
    return str(location).replace("/v1/uploads", URL)


@pytest.mark.parametrize("state", ["coming in", "queued", "done"])
def test_a_stranger_sees_nothing_by_any_route(
    services: PumpedServices, owner: TestClient, stranger: TestClient, state: str
) -> None:
    job = upload_half(owner) if state == "coming in" else upload(owner)
    if state == "done":
        services.pump()
    routes = routes_of_a_job(services)
    assert {("GET", f"{URL}/{{id}}"), ("DELETE", f"{URL}/{{id}}"), ("GET", f"{URL}/{{id}}/recording")} <= set(routes)
    for method, path in routes:
        names = ("score.pdf", "recording.mp3", "performance.json") if "{name}" in path else ("",)
        for name in names:
            mine = path.replace("{id}", job.rpartition("/")[2]).replace("{name}", name)
            nobodys = path.replace("{id}", "0" * 32).replace("{name}", name)
            tus = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "HEAD"}
            answer = stranger.request(method, mine, headers=tus)
            nothing = stranger.request(method, nobodys, headers=tus)
            assert answer.status_code == 404, (method, path)
            assert told(answer.text) == told(nothing.text), "the same as for a job that never was"
            assert set(answer.headers) == set(nothing.headers)
    assert stranger.get(URL).json()["transcriptions"] == []
    assert owner.get(job).status_code == (404 if state == "coming in" else 200)
    if state == "coming in":
        headers = {"Tus-Resumable": "1.0.0"}
        assert owner.head(job.replace(URL, "/v1/uploads"), headers=headers).status_code == 200


def told(text: str) -> str:
    return re.sub(r"[0-9a-f]{32}", "ID", text)


def test_a_strangers_upload_of_the_same_recording_is_heard_anew(
    services: PumpedServices, owner: TestClient, stranger: TestClient
) -> None:
    upload(owner)
    services.pump()
    body = stranger.get(upload(stranger)).json()
    assert (body["state"], body["stage"], body["warnings"]) == ("queued", "listen", [])
    assert owner.get(upload(owner)).json()["state"] == "done"


def test_keys_do_not_share_idempotency_keys(owner: TestClient, stranger: TestClient) -> None:
    send = {"files": {"recording": ("a.mp3", b"x")}, "headers": {"Idempotency-Key": "1"}}
    first, second = owner.post(URL, **send), stranger.post(URL, **send)  # type: ignore[arg-type]
    assert second.status_code == 202
    assert first.json()["id"] != second.json()["id"]


def test_uploads_of_a_day_are_counted_and_deleting_gives_none_back(services: PumpedServices) -> None:
    client = client_with(services, key_for(services, "small", per_day=2))
    assert client.delete(upload(client)).status_code == 204
    upload(client)
    refused = client.post(URL, files={"recording": ("a.mp3", b"x")})
    assert (refused.status_code, refused.json()["code"]) == (429, "quota-used-up")
    assert len(client.get(URL).json()["transcriptions"]) == 1
    upload(client_with(services, key_for(services, "other")))


def test_too_many_requests(services: PumpedServices) -> None:
    client = client_with(services, key_for(services, "hasty", per_minute=3))
    answers = [client.get(URL) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["code"] == "too-many-requests"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    assert client_with(services, key_for(services, "calm")).get(URL).status_code == 200


def test_a_bucket_fills_evenly() -> None:
    limiter = RateLimiter()
    assert [limiter.wait_s("a", 2, 0.0) for _ in range(2)] == [0.0, 0.0]
    assert limiter.wait_s("a", 2, 0.0) == pytest.approx(MINUTE_S / 2)
    assert limiter.wait_s("a", 2, 15.0) == pytest.approx(MINUTE_S / 4)
    assert limiter.wait_s("a", 2, 31.0) == 0.0
    assert limiter.wait_s("b", 2, 31.0) == 0.0


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 202), (None, 202)]
)
def test_no_other_page_can_upload_through_a_visitors_browser(owner: TestClient, site: str | None, status: int) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert owner.post(URL, files={"recording": ("a.mp3", b"x")}, headers=headers).status_code == status


def test_no_other_page_can_read_an_answer(owner: TestClient) -> None:
    answer = owner.get(URL, headers={"Origin": "https://elsewhere.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = owner.options(URL, headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 405
