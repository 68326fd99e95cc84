"""A multipart form as it comes off the socket: recordings in pieces, and short text fields in any order.

Written against python-multipart's push parser, because the framework's own form parsing keeps each file in a temporary
one until the request has ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from api.names import display_name
from api.problems import Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE_FIELD = "recording"
LONGEST_FIELD = 4096  # bytes; the route checks each field's own limit
MOST_FIELDS = 31
BROKEN_OFF = "The upload broke off before its end; please send it again."


@dataclass(frozen=True, slots=True)
class FileBegun:
    """A recording of this name follows as blocks of bytes."""

    name: str


@dataclass(frozen=True, slots=True)
class FileEnded:
    """The recording that began last is whole."""


Event = FileBegun | bytearray | FileEnded


@dataclass(slots=True)
class Part:
    """One part of the form as it comes in."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    header_name: bytes = b""
    header_value: bytes = b""
    name: str = ""
    is_recording: bool = False
    text: bytearray = field(default_factory=bytearray)


class UploadForm:
    """Turns the parser's callbacks into events, which the caller takes, and into text fields."""

    def __init__(self, boundary: bytes, most_files: int = 1) -> None:
        self.fields: dict[str, str] = {}
        self.complete = False
        self._events: list[Event] = []
        self._most_files = most_files
        self._files = 0
        self._part = Part()
        self._parts = 0
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }
        self._parser = MultipartParser(boundary, callbacks)

    async def events(self, request: Request) -> AsyncIterator[Event]:
        """Of the whole request. Raises Problem where the form is not as it should be, or is cut off."""
        try:
            async for data in request.stream():
                self._write(data)
                for event in self._take_events():
                    yield event
        except ClientDisconnect as cause:
            raise Problem(400, "upload-incomplete", BROKEN_OFF) from cause
        if not self.complete:
            raise Problem(400, "upload-incomplete", BROKEN_OFF)
        if self._files == 0:
            raise Problem(400, "missing-recording", "The form has no file in the field `recording`.")

    def _write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as cause:
            raise Problem(400, "bad-request", "The form could not be read; send it as multipart/form-data.") from cause

    def _take_events(self) -> list[Event]:
        """Since the last call."""
        taken, self._events = self._events, []
        return taken

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_FIELDS + self._most_files:
            raise Problem(400, "bad-request", f"The form has more than {MOST_FIELDS + self._most_files} parts.")
        self._part = Part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        part.headers[part.header_name.lower()] = part.header_value
        part.header_name = part.header_value = b""

    def _headers_finished(self) -> None:
        part = self._part
        _, options = parse_options_header(part.headers.get(b"content-disposition"))
        part.name = _text(options.get(b"name", b""))
        if b"filename" not in options:
            if part.name == FILE_FIELD:
                raise Problem(400, "missing-recording", "The field `recording` must be a file, not text.")
            return
        if part.name != FILE_FIELD:
            raise Problem(
                400, "bad-request", f"The form has a file in the field {part.name!r}; send it as `recording`."
            )
        self._files += 1
        if self._files > self._most_files:
            allowed = "one at a time" if self._most_files == 1 else f"at most {self._most_files} at a time"
            raise Problem(400, "bad-request", f"The form has too many recordings; send {allowed}.")
        part.is_recording = True
        self._events.append(FileBegun(display_name(_text(options[b"filename"]))))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_recording:
            last = self._events[-1] if self._events else None
            if isinstance(last, bytearray):
                last += data[start:end]
            else:
                self._events.append(bytearray(data[start:end]))
            return
        self._part.text += data[start:end]
        if len(self._part.text) > LONGEST_FIELD:
            raise Problem(400, "bad-request", f"The field {self._part.name!r} is too long.")

    def _end(self) -> None:
        if self._part.is_recording:
            self._events.append(FileEnded())
        else:
            self.fields[self._part.name] = _text(bytes(self._part.text)).strip()

    def _finish(self) -> None:
        self.complete = True


def boundary_of(request: Request) -> bytes:
    """Raises Problem 415 where the request is no multipart form."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Problem(415, "not-multipart", "Send the recording as multipart/form-data in the field `recording`.")
    return options[b"boundary"]


def _text(sent: bytes) -> str:
    return sent.decode("utf-8", "replace")
