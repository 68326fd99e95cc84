"""Who is asking, and how often: keys, the rate limit of each, and no requests from other people's pages.

With keys on, everything asks for one but the health checks and what is shared: `Authorization: Bearer KEY`, or Basic
with the key as the password, which browsers ask for by themselves, so that the page works as it is. Each shared
transcription has a rate limit of its own.
"""

from __future__ import annotations

import base64
import binascii
import math
import threading
import time
from collections import OrderedDict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem, problem_response
from worker.accounts import EVERYBODY, Account
from worker.services import Services

OPEN_PATHS = ("/healthz", "/readyz", "/shared")
SHARED_FOLDER = "/v1/shared/"
OPEN_FOLDERS = ("/static/", SHARED_FOLDER)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
REMEMBERED_S = 5.0  # how long a revoked key may still open something
MOST_REMEMBERED = 10_000
LONGEST_KEY = 200  # characters
MINUTE_S = 60.0


class Access:
    """ASGI middleware: a request that passes carries its account in `request.state.account`."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self.services = services
        self._accounts: OrderedDict[str, tuple[float, Account | None]] = OrderedDict()
        self._limiter = RateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            _refuse_other_sites(request)
            account = await self._admitted(request)
        except Problem as problem:
            answer = problem_response(request, problem.status, problem.code, problem.detail, problem.headers)
            await answer(scope, receive, send)
            return
        request.state.account = account
        await self.app(scope, receive, send)

    async def _admitted(self, request: Request) -> Account:
        settings, path = self.services.settings, request.url.path
        if not settings.keys or path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            if path.startswith(SHARED_FOLDER):
                self._limit(path.removeprefix(SHARED_FOLDER).partition("/")[0], settings.requests_per_minute, "address")
            return EVERYBODY
        account = await self._account(sent_key(request.headers.get("authorization", "")))
        if account is None:
            raise Problem(
                401,
                "key-needed",
                "This service asks for a key; send it as Authorization: Bearer, or as a password.",
                {"WWW-Authenticate": 'Basic realm="Transcriber: your key is the password", charset="UTF-8"'},
            )
        self._limit(account.id, account.requests_per_minute, "key")
        return account

    def _limit(self, asking: str, per_minute: int, kind: str) -> None:
        wait_s = self._limiter.wait_s(asking, per_minute, time.monotonic())
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise Problem(
                429,
                "too-many-requests",
                f"This {kind} may be used {per_minute} times a minute; try again in {seconds} s.",
                {"Retry-After": str(seconds)},
            )

    async def _account(self, key: str) -> Account | None:
        if not 0 < len(key) <= LONGEST_KEY:
            return None
        known = self._accounts.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        account = await run_in_threadpool(self.services.accounts.find, key)
        self._accounts[key] = (time.monotonic() + REMEMBERED_S, account)
        while len(self._accounts) > MOST_REMEMBERED:
            self._accounts.popitem(last=False)
        return account


class RateLimiter:
    """A bucket for each account that holds a minute's requests and fills evenly; one set of buckets a process."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, at which time
        self._lock = threading.Lock()

    def wait_s(self, account: str, per_minute: int, at_s: float) -> float:
        """0 where the request may pass, which it then has; otherwise how long until one may."""
        with self._lock:
            left, since_s = self._buckets.pop(account, (float(per_minute), at_s))
            left = min(float(per_minute), left + (at_s - since_s) * per_minute / MINUTE_S)
            passes = left >= 1
            self._buckets[account] = (left - passes, at_s)
            while len(self._buckets) > MOST_REMEMBERED:
                self._buckets.popitem(last=False)
        return 0.0 if passes else (1 - left) * MINUTE_S / max(1, per_minute)


def sent_key(authorization: str) -> str:
    """The key in an Authorization header; empty where there is none that can be read."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _refuse_other_sites(request: Request) -> None:
    """A page elsewhere can make a browser send forms here, with the password it remembers; every browser says so."""
    if request.method not in SAFE_METHODS and request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise Problem(403, "cross-site", "Another site's page may not use this service through a visitor's browser.")
