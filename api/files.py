"""A stored file as a response: whole or one range of it, so that a browser can seek in a recording."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.problems import Problem
from worker.storage import Storage

BLOCK_BYTES = 256 * 1024
FILE_POLICY = "frame-ancestors 'none'"
# A picture shows itself and nothing else: should it ever hold a script, no browser runs it.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; sandbox"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end`, the last not included."""

    start: int
    end: int


def requested_span(header: str | None, size: int) -> Span | None:
    """The one range that a Range header asks for; None for the whole file, also where the header makes no sense.

    Several ranges are answered with the whole file, as RFC 9110 allows. Raises Problem 416 for a range past the end.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        span = Span(max(0, size - int(match[2])), size)
    else:
        if match[2] and int(match[2]) < int(match[1]):
            return None
        span = Span(int(match[1]), min(int(match[2]) + 1, size) if match[2] else size)
    if span.start >= span.end:
        detail = f"The file has {size} bytes; the range asked for lies beyond them."
        raise Problem(416, "range-not-satisfiable", detail, {"Content-Range": f"bytes */{size}"})
    return span


def file_response(
    request: Request, storage: Storage, key: str, media_type: str, disposition: str, etag: str
) -> Response:
    """The blob `key`, which never changes once it is there. Raises BlobMissing."""
    headers = {
        "Content-Disposition": disposition,
        "Content-Security-Policy": PICTURE_POLICY if media_type == "image/svg+xml" else FILE_POLICY,
        "Cache-Control": "private, no-cache",  # asked for each time, so that a deleted file is gone; cheap by its ETag
        "Accept-Ranges": "bytes",
        "ETag": etag,
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    size = storage.size(key)
    wanted = request.headers.get("range") if request.headers.get("if-range", etag) == etag else None
    span = requested_span(wanted, size)
    start, end = (span.start, span.end) if span else (0, size)
    headers["Content-Length"] = str(end - start)
    if span:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if span else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(_blocks(storage.open(key), start, end), status, headers, media_type)


async def _blocks(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        await run_in_threadpool(file.seek, start)
        left = end - start
        while left > 0 and (block := await run_in_threadpool(file.read, min(left, BLOCK_BYTES))):
            left -= len(block)
            yield block
    finally:
        file.close()
