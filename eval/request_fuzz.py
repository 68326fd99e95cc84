"""Thousands of damaged requests to a running service: none crashes it, none is answered with a fault or a traceback.

    transcriber-serve api --port 8000 --data-dir /tmp/fuzzed & python -m eval.request_fuzz 127.0.0.1:8000 --count 2000

Sound requests of every kind (uploads, batches, uploads in pieces, lists, files and ranges of them, events, corrections,
deletions) are damaged, anywhere or in one value alone, and sent as they are. Counted are answers by status; what must
not happen (exit status 1) is an answer of 500 or above, one that shows a traceback or is no HTTP, an error that is no
problem+json where the service itself answers, and a service that does not answer `/healthz` in the end. With
`--folder`, the service's data folder, a file beside it that was not there before is one, too.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from eval.mutation import mutant
from eval.service_recordings import midi_scale

ANSWER_WAIT_S = 3.0  # a request that promises more than it brings is waited for by the service, and is no fault
AT_ONCE = 16  # connections
MOST_READ = 64 * 1024
ID = "0" * 32
TUS = {"Tus-Resumable": "1.0.0"}
# What breaks other services, beyond damaged bytes.
NASTY = (
    "../../../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%00",
    "a\x00b",
    "🎹",
    "'; DROP TABLE jobs; --",
    "A" * 9000,
    "-1",
    "1e309",
    "NaN",
    "{{7*7}}",
    "\r\nX-Injected: yes",
)


def request(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    told = {"Host": "127.0.0.1", "Connection": "close", **(headers or {})}
    if body or method in ("POST", "PATCH", "PUT"):
        told.setdefault("Content-Length", str(len(body)))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body


def form(*files: tuple[str, bytes], **fields: str) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    body = "".join(parts).encode("utf-8", "replace")
    for name, data in files:
        head = f'--b\r\nContent-Disposition: form-data; name="recording"; filename="{name}"\r\n\r\n'
        body += head.encode("utf-8", "replace") + data + b"\r\n"
    return body + b"--b--\r\n"


def seeds() -> list[bytes]:
    """Sound requests, and some whose values are as strangers would have them."""
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    midi = midi_scale(0)
    metadata = f"filename {base64.b64encode(b'a.mid').decode()},title {base64.b64encode(b'Waltz').decode()}"
    pieces = {**TUS, "Upload-Length": "500", "Upload-Metadata": metadata}
    root = "/v1/transcriptions"
    made = [
        request("POST", root, kind, form(("a.mid", midi), title="Waltz", metre="3/4", key="Bb major")),
        request("POST", root, {**kind, "Idempotency-Key": "k"}, form(("a.wav", b"RIFF" + bytes(400)))),
        request("POST", f"{root}/batch", kind, form(("a.mid", midi), ("b.mp3", b"ID3" + bytes(200)), composer="C")),
        request("POST", "/v1/uploads", pieces),
        request("HEAD", f"/v1/uploads/{ID}", TUS),
        request(
            "PATCH",
            f"/v1/uploads/{ID}",
            {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
            midi,
        ),
        request("POST", f"/v1/uploads/{ID}", {**TUS, "X-HTTP-Method-Override": "DELETE"}),
        request("OPTIONS", "/v1/uploads"),
        request("GET", f"{root}?limit=5&cursor=MS4wIGE"),
        request("GET", f"{root}/{ID}", {"If-None-Match": '"x"'}),
        request("GET", f"{root}/{ID}/score.pdf", {"Range": "bytes=0-99", "If-Range": '"x"'}),
        request("GET", f"{root}/{ID}/recording", {"Range": "bytes=-5"}),
        request("GET", f"{root}/{ID}/events", {"Last-Event-ID": "0123456789abcdef", "Accept": "text/event-stream"}),
        request(
            "PUT",
            f"{root}/{ID}/score",
            {"Content-Type": "application/json"},
            b'{"edits": [{"edit": "metre", "beats": 3, "beat_type": 4}], "view": {"transpose": -2}, "base": 0}',
        ),
        request("DELETE", f"{root}/{ID}"),
        request("GET", "/static/page.css"),
        request("GET", "/openapi.json", {"Authorization": "Bearer " + "x" * 40}),
        request("GET", "/readyz"),
        request("GET", "/metrics", {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}),
    ]
    for word in NASTY:
        named = word.replace("\r\n", "%0d%0a").replace("\x00", "%00").replace(" ", "%20")
        made += [
            request("GET", f"{root}/{named}"),
            request("GET", f"/static/{named}"),
            request("GET", f"{root}?limit={named}&cursor={named}"),
            request("POST", root, kind, form((word, midi), title=word, metre=word, webhook=word)),
            request("POST", "/v1/uploads", {**TUS, "Upload-Length": named, "Upload-Metadata": f"filename {named}"}),
        ]
    return made


def damaged(sound: Sequence[bytes], number: int) -> bytes:
    """A third damaged anywhere; two thirds sound so far as HTTP goes, in the body or in one value of the head."""
    if number % 3 == 0:
        return mutant(sound, number)[1]
    draw = random.Random(number)
    head, _, body = draw.choice(sound).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if number % 3 == 1 and body:
        body = mutant([body], number)[1]
        lines = [
            f"Content-Length: {len(body)}".encode() if line.startswith(b"Content-Length") else line for line in lines
        ]
    else:
        place = draw.randrange(len(lines))
        name, space, value = lines[place].partition(b" ")
        broken = mutant([value], number)[1]
        lines[place] = name + space + broken.translate(None, b"\r\n\0")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer(host: str, port: int, sent: bytes) -> bytes:
    """What comes back of a request, at most its beginning; empty where nothing does in time."""
    received = bytearray()
    with socket.create_connection((host, port), timeout=30.0) as connection:
        connection.settimeout(ANSWER_WAIT_S)
        try:
            connection.sendall(sent)
            while len(received) < MOST_READ and (data := connection.recv(MOST_READ)):
                received += data
        except (TimeoutError, ConnectionError):
            return bytes(received)
    return bytes(received)


def judged(received: bytes) -> tuple[str, str | None]:
    """The status, or `none`; and what must not be, or None."""
    if not received:
        return "none", None
    head, _, body = received.partition(b"\r\n\r\n")
    status = head[9:12].decode("ascii", "replace")
    if not head.startswith(b"HTTP/1.") or not status.isdigit():
        return "no HTTP", "an answer that is no HTTP"
    if int(status) >= 500:
        return status, f"status {status}"
    if b"Traceback (most recent" in body or b'File "' in body:
        return status, "a traceback"
    if b"x-injected:" in head.lower():
        return status, "a header of the request's making"
    # The server itself, before any application, answers what it cannot read as a request in plain text.
    plain = status == "400" and b"text/plain" in head.lower()
    if int(status) >= 400 and b"application/problem+json" not in head.lower() and not plain and body:
        return status, f"status {status} that is no problem"
    return status, None


def fuzz(host: str, port: int, count: int, first: int = 0) -> dict[str, object]:
    """Every seed as it is, then `count` mutants from number `first` on."""
    sound = seeds()
    statuses: Counter[str] = Counter()
    wrong: dict[str, list[str]] = {}
    started_s = time.monotonic()
    sent = [*sound, *(damaged(sound, number) for number in range(first, first + count))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(partial(answer, host, port), sent))
    for number, (asked, received) in enumerate(zip(sent, answers, strict=True), first - len(sound)):
        status, fault = judged(received)
        statuses[status] += 1
        if fault:
            line = asked.partition(b"\r\n")[0][:80].decode("utf-8", "replace")
            wrong.setdefault(fault, []).append(f"{number} ({line})")
    if b" 200 " not in answer(host, port, request("GET", "/healthz")):
        wrong["the service does not answer"] = ["/healthz"]
    took_s = round(time.monotonic() - started_s, 1)
    return {
        "requests": count + len(sound),
        "statuses": dict(sorted(statuses.items())),
        "took_s": took_s,
        "wrong": wrong,
    }


def beside(folder: Path) -> set[str]:
    """The names in the folder that holds the service's own."""
    return set(os.listdir(folder.resolve().parent))


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no host:port; give it as 127.0.0.1:8000")
    return host, int(port)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", type=address, help="host:port of the service")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--folder", type=Path, help="the service's data folder; nothing may appear beside it")
    options = parser.parse_args()
    host, port = options.address
    before = beside(options.folder) if options.folder else set()
    report = fuzz(host, port, options.count, options.first)
    if options.folder and (appeared := beside(options.folder) - before):
        report["wrong"] = {**report["wrong"], "files beside the folder": sorted(appeared)}  # type: ignore[dict-item]
    print(json.dumps(report, indent=1))
    sys.exit(1 if report["wrong"] else 0)


if __name__ == "__main__":
    main()
