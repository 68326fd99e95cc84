"""A job's stored files as responses: whole or one range, so that a browser can seek in a recording."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.names import MEDIA_TYPES, content_disposition, media_type, split_suffix
from api.packing import takes_gzip
from api.problems import Problem
from worker.job import Job, State, result_blob
from worker.services import Services
from worker.stages import EVIDENCE, RESULT, RESULT_STEM
from worker.storage import BlobMissing, Storage

BLOCK_BYTES = 256 * 1024
# Pages and timing are five times smaller packed, which is what a phone waits for; a page takes some 5 ms to pack.
PACKED_TYPES = {MEDIA_TYPES[suffix] for suffix in (".svg", ".json", ".musicxml")}
LARGEST_PACKED = 8 * 1024 * 1024  # in memory, for each request
PACKING_LEVEL = 4
FILE_POLICY = "frame-ancestors 'none'"
# A picture shows itself and nothing else: should it ever hold a script, no browser runs it.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; sandbox"


FILE_KINDS = sorted({"application/octet-stream", *MEDIA_TYPES.values()})
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {kind: {} for kind in FILE_KINDS}},
    206: {
        "description": "The part of it that the Range header asks for.",
        "content": {kind: {} for kind in FILE_KINDS},
    },
    304: {"description": "Not changed since the ETag sent in If-None-Match."},
}


def send_recording(services: Services, request: Request, job: Job) -> Response:
    return _send(services, request, job, job.recording.blob, job.recording.name)


def send_result(services: Services, request: Request, job: Job, name: str, drawn: int | None) -> Response:
    """A file of the score, or what listening left. Raises Problem 409 where it is not there, or not any more."""
    if name in job.heard and name != EVIDENCE:
        return _send(services, request, job, name, name)
    if drawn not in (None, job.drawn):
        raise Problem(409, "redrawn", "The score was drawn again meanwhile; the transcription's links name its files.")
    if name in job.files:
        stem = job.wishes.printed("title") or split_suffix(job.recording.name)[0]
        shown_name = stem + name.removeprefix(RESULT_STEM) if name.startswith(RESULT_STEM) else name
        return _send(services, request, job, result_blob(name, job.drawn), shown_name)
    if job.state in (State.QUEUED, State.RUNNING) and RESULT.match(name):
        raise Problem(409, "not-finished", "The score is not finished yet; ask again when the state is `done`.")
    raise Problem(404, "not-found", f"The transcription has no file {name!r}; its `links` name those there are.")


def _send(services: Services, request: Request, job: Job, blob: str, name: str) -> Response:
    kind = media_type(blob)
    disposition = content_disposition(name, inline=kind != "application/octet-stream")
    etag = f'"{job.id}-{blob}-{job.finished_at or 0:.3f}"'
    try:
        return file_response(request, services.storage, f"{job.id}/{blob}", kind, disposition, etag)
    except BlobMissing as cause:
        raise Problem(404, "not-found", "The transcription has been deleted, or drawn again just now.") from cause


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
    if media_type in PACKED_TYPES:
        headers["Vary"] = "Accept-Encoding"
    if request.headers.get("if-none-match", "").removeprefix("W/") == etag:
        return Response(status_code=304, headers=headers)
    size = storage.size(key)
    if size <= LARGEST_PACKED and _wants_packed(request, media_type):
        with storage.open(key) as file:
            packed = gzip.compress(file.read(), PACKING_LEVEL, mtime=0)
        headers |= {"Content-Encoding": "gzip", "ETag": f"W/{etag}"}
        return Response(packed, 200, headers, media_type)
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


def _wants_packed(request: Request, media_type: str) -> bool:
    whole = request.method == "GET" and "range" not in request.headers
    return media_type in PACKED_TYPES and whole and takes_gzip(request.headers)


async def _blocks(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        await run_in_threadpool(file.seek, start)
        left = end - start
        while left > 0 and (block := await run_in_threadpool(file.read, min(left, BLOCK_BYTES))):
            left -= len(block)
            yield block
    finally:
        file.close()
