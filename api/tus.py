"""The vocabulary of the tus protocol 1.0 (tus.io): its headers, read and written."""

from __future__ import annotations

import base64
import binascii
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration"
LONGEST_METADATA = 8192  # characters of the header; each value has a limit of its own, as in the form
LONGEST_SIZE = 18  # digits


class TusVersion:
    """ASGI middleware: every answer below `root`, refusals too, says which version of the protocol it speaks."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self.app = app
        self.root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_versioned(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Tus-Resumable"] = VERSION
            await send(message)

        concerned = scope["type"] == "http" and (scope["path"] + "/").startswith(self.root + "/")
        await self.app(scope, receive, send_versioned if concerned else send)


def check_version(headers: Headers) -> None:
    """Raises Problem 412 for a client of another version, or of none."""
    if headers.get("tus-resumable") != VERSION:
        raise Problem(
            412,
            "unknown-tus-version",
            f"Uploads in pieces follow the tus protocol {VERSION}; send that as Tus-Resumable.",
            {"Tus-Version": VERSION},
        )


def read_size(headers: Headers, name: str) -> int:
    """A header's number of bytes. Raises Problem 400."""
    sent = headers.get(name, "")
    if not re.fullmatch(rf"[0-9]{{1,{LONGEST_SIZE}}}", sent):
        raise Problem(400, "bad-request", f"The header {name} must be a number of bytes, not {sent[:40]!r}.")
    return int(sent)


def read_metadata(sent: str) -> dict[str, str]:
    """Upload-Metadata: names with their values in base64, "filename YS5tcDM=,title w4l0dWRl". Raises Problem 400."""
    if len(sent) > LONGEST_METADATA:
        raise Problem(400, "bad-request", f"The header Upload-Metadata is longer than {LONGEST_METADATA} characters.")
    found: dict[str, str] = {}
    for pair in sent.split(","):
        name, _, value = pair.strip().partition(" ")
        if not name:
            continue
        try:
            found[name] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace").strip()
        except (binascii.Error, ValueError) as cause:
            raise Problem(
                400, "bad-request", f"The value of {name[:40]!r} in Upload-Metadata is not base64."
            ) from cause
    return found
