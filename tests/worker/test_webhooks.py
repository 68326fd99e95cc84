"""Webhooks against a real HTTP server in this process, and the addresses that nothing is sent to."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sqlalchemy as sa

from tests.worker.pumped import PumpedServices
from worker.deliveries import DeliveryTable
from worker.job import Recording, Task, Wishes
from worker.jobs import JobTable
from worker.schema import jobs as table
from worker.schema import now_s
from worker.settings import Settings
from worker.webhooks import RETRY_WAITS_S, Courier, UnusableAddress, post, read_address


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent and answers with the statuses it is given, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?for=me"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def settings(either: Settings) -> Settings:
    return either


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def courier(services: PumpedServices) -> Courier:
    return Courier(DeliveryTable(services.engine), services.accounts, "everybody's secret", partial(post, private=True))


def ended_job(jobs: JobTable, address: str | None, account: str = "", failed: bool = False) -> str:
    id = jobs.receive(account)
    jobs.enqueue(id, Recording("a.mp3", "recording.mp3", 1), Wishes(), webhook=address)
    assert jobs.claim(Task.LISTEN, "a") is not None
    ended = jobs.fail(id, "a", "silent-recording", "No sound.") if failed else jobs.finish(id, "a", {}, 1.0)
    assert ended
    return id


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("failed", [False, True])
def test_end_of_a_job_is_told_once_and_signed(
    services: PumpedServices, courier: Courier, receiver: Receiver, failed: bool
) -> None:
    id = ended_job(services.jobs, receiver.address, failed=failed)
    ended_job(services.jobs, None)
    for _ in range(2):
        courier.deliver_due()
    [(headers, body)] = receiver.received
    state, code = ("failed", "silent-recording") if failed else ("done", None)
    assert json.loads(body) == {
        "type": f"transcription.{state}",
        "data": {"id": id, "state": state, "error_code": code},
    }
    assert headers["webhook-id"] == id
    assert headers["host"] == receiver.address.split("/")[2]
    assert is_signed(headers, body, "everybody's secret")
    assert not is_signed(headers, body + b" ", "everybody's secret")


def test_each_account_has_its_own_secret(services: PumpedServices, courier: Courier, receiver: Receiver) -> None:
    account, _ = services.accounts.create("school", requests_per_minute=1, uploads_per_day=1)
    ended_job(services.jobs, receiver.address, account.id)
    courier.deliver_due()
    [(headers, body)] = receiver.received
    assert is_signed(headers, body, account.webhook_secret)


def test_failed_delivery_is_repeated_later_and_later_and_then_given_up(
    services: PumpedServices, courier: Courier, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302, 404, 503, 500, 500]
    ended_job(services.jobs, receiver.address)
    waits = []
    for _ in range(len(RETRY_WAITS_S) + 3):
        courier.deliver_due()
        with services.jobs.engine.begin() as connection:
            waits.append(connection.execute(sa.select(table.c.webhook_due - now_s())).scalar())
            connection.execute(sa.update(table).where(table.c.webhook_due.is_not(None)).values(webhook_due=1.0))
    assert waits[: len(RETRY_WAITS_S)] == pytest.approx(list(RETRY_WAITS_S), abs=5.0)
    assert waits[len(RETRY_WAITS_S) :] == [None] * 3
    assert len(receiver.received) == len(RETRY_WAITS_S) + 1


def test_nobody_there_is_a_failed_delivery(services: PumpedServices, courier: Courier) -> None:
    ended_job(services.jobs, "http://127.0.0.1:1/")
    courier.deliver_due()
    with services.jobs.engine.connect() as connection:
        assert connection.execute(sa.select(table.c.webhook_due - now_s())).scalar_one() > 5


def test_deleted_job_is_not_told_of(services: PumpedServices, courier: Courier, receiver: Receiver) -> None:
    services.jobs.cancel(ended_job(services.jobs, receiver.address), "")
    courier.deliver_due()
    assert receiver.received == []


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https://user:secret@example.com/",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "javascript:alert(1)",
        "https://[::1",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_address_that_is_none(address: str) -> None:
    with pytest.raises(UnusableAddress):
        read_address(address, private=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.7", "192.168.1.1", "169.254.169.254", "[::1]", "[fd00::1]", "0.0.0.0"]
)
def test_nothing_is_sent_into_a_private_network(host: str) -> None:
    with pytest.raises((UnusableAddress, OSError), match=r"private|Name|getaddrinfo|family"):
        post(f"https://{host}/", b"{}", {})
