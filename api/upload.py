"""One uploaded recording, streamed from the socket into storage: never whole in memory, never twice on disk."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.form import FileBegun, UploadForm, boundary_of
from api.names import recording_blob
from api.problems import Problem
from transcriber.errors import EmptyFile
from transcriber.files import MIDI_SIGNATURE
from worker.job import Recording
from worker.storage import Writable

OVERHEAD_BYTES = 64 * 1024  # of a request around its file: boundaries, part headers, text fields


@dataclass(frozen=True, slots=True)
class Upload:
    recording: Recording
    fields: dict[str, str]


class RecordingWriter:
    """Writes a recording block by block, within its limit, and can then tell what it wrote."""

    def __init__(self, file: BinaryIO, name: str, max_bytes: int) -> None:
        self._file = file
        self._name = name
        self._max_bytes = max_bytes
        self._size = 0
        self._head = b""
        self._content = hashlib.sha256()

    def write(self, block: bytes | bytearray) -> None:
        """Raises Problem 413 beyond the limit."""
        self._size += len(block)
        if self._size > self._max_bytes:
            raise too_large(self._max_bytes)
        self._head = (self._head + block[: len(MIDI_SIGNATURE)])[: len(MIDI_SIGNATURE)]
        self._content.update(block)
        self._file.write(block)

    def recording(self) -> Recording:
        """Raises EmptyFile where nothing came."""
        if self._size == 0:
            raise EmptyFile("The file is empty; check that the recording was saved, then send it again.")
        is_midi = self._head == MIDI_SIGNATURE
        return Recording(self._name, recording_blob(self._name), self._size, is_midi, self._content.hexdigest())


async def receive_upload(request: Request, storage: Writable, job_id: str, max_bytes: int) -> Upload:
    """Stream the request's only recording into storage.

    Raises Problem where the form is not as it should be, too large or cut off, and EmptyFile; nothing is stored then.
    """
    refuse_announced_excess(request, max_bytes)
    form = UploadForm(boundary_of(request))
    with ExitStack() as stack:
        # The blob appears when this block ends well, and is dropped when anything is raised inside.
        async for event in form.events(request):
            if isinstance(event, FileBegun):
                file = stack.enter_context(storage.create(f"{job_id}/{recording_blob(event.name)}"))
                writer = RecordingWriter(file, event.name, max_bytes)
            elif isinstance(event, bytearray):
                await run_in_threadpool(writer.write, event)
        recording = writer.recording()
        await run_in_threadpool(stack.close)
    return Upload(recording, form.fields)


def refuse_announced_excess(request: Request, max_bytes: int) -> None:
    """Before a byte is read: a client that says how much it will send gets its answer at once."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes + OVERHEAD_BYTES:
        raise too_large(max_bytes)


def too_large(max_bytes: int) -> Problem:
    return Problem(413, "file-too-large", f"The recording is larger than the {max_bytes // 2**20} MB accepted here.")
