"""A child process that does one dangerous piece of work and answers, or fails alone.

    parent                                   child
    with Child(module, arguments, limits)    python -m MODULE ARGUMENTS LIMITS
        .ask(question, on_progress)    ───▶  standard input: the question
                                       ◀───  {"progress": 0.5}                          any number of lines
                                       ◀───  {"result": {...}, "bytes": n} + n bytes    or
                                       ◀───  {"error": code, "message": sentence}

A child that reads on after its answer can be asked again. Nothing that comes back is trusted: lines and sizes are
bounded, and nothing is unpickled or executed.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self

import structlog

from transcriber.errors import TranscriberError
from worker.confinement import Limits

POLL_S = 0.25  # how soon a deleted job stops its child
LONGEST_LINE = 64 * 1024  # bytes, of what precedes the payload
LONGEST_MESSAGE = 500  # characters; the library's longest sentence has 200
READ_BYTES = 1024 * 1024
END_WAIT_S = 5.0  # between the end of an answer that makes no sense and of its process
OUT_OF_MEMORY_STATUS = 3
SHOWN_NOISE_BYTES = 2000
# Of the worker's environment only what finding Python takes: no address of a database, no key of a bucket.
KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
# One thread and one heap: with one of each for every core, the address space would say nothing of the memory in use.
ONE_OF_EACH = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}

log = structlog.get_logger(__name__)

Progress = Callable[[float], None]


class ChildFault(Exception):
    """The child ended without an answer."""


class ChildCrashed(ChildFault):
    """By a fault of its own, or its answer makes no sense."""


class ChildOutOfMemory(ChildFault):
    """It wanted more memory than its limit."""


class ChildOutOfTime(ChildFault):
    """It wanted more time than its limit."""


class ChildKilled(ChildFault):
    """From outside, for instance because the whole machine was out of memory: another try may succeed."""


@dataclass(frozen=True, slots=True)
class Answer:
    result: dict[str, Any]
    payload: bytearray


class Child:
    """`with Child("worker.decoding", [path], limits) as child: child.ask()`; it is dead when the block ends."""

    def __init__(self, module: str, arguments: Sequence[str], limits: Limits) -> None:
        self._command = [sys.executable, "-m", module, *arguments, json.dumps(asdict(limits))]
        self._limits = limits

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def start(self) -> Self:
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115, closed by `end`
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            env=kept | ONE_OF_EACH,
            start_new_session=True,  # Ctrl-C reaches the worker alone, which ends its child
        )
        return self

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # it died before it had read everything
                    pipe.close()
        self._noise.close()

    def ask(self, question: bytes = b"", on_progress: Progress | None = None) -> Answer:
        """`on_progress` is called several times a second with the share done and may raise to end the work.

        Raises the library's error that the child answered with, or a ChildFault.
        """
        self.tell(question)
        return self.hear(on_progress)

    def tell(self, question: bytes) -> None:
        """Ask, and do something else before `hear`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question)
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it is dead already; reading tells why

    def hear(self, on_progress: Progress | None = None) -> Answer:
        """The answer, as `ask` gives it."""
        deadline_s = time.monotonic() + self._limits.wall_s
        received = bytearray()
        head: dict[str, Any] | None = None
        share = 0.0
        while not _is_whole(head, received) and (data := self._read(deadline_s, share, on_progress)):
            received += data
            while head is None and (end := received.find(b"\n")) >= 0:
                line = _parsed(bytes(received[:end]))
                del received[: end + 1]
                if "progress" in line:
                    share = _share(line["progress"])
                else:
                    head = line
            if len(received) > (LONGEST_LINE if head is None else self._limits.answer_bytes):
                raise self._fault(ChildCrashed("its answer has no end"))
        return self._checked(head, received)

    def _read(self, deadline_s: float, share: float, on_progress: Progress | None) -> bytes:
        """The next piece of the answer; empty at its end."""
        assert self._process.stdout is not None
        place = self._process.stdout.fileno()
        while True:
            if time.monotonic() > deadline_s:
                raise self._fault(ChildOutOfTime(f"still at work after {self._limits.wall_s:.0f} s"))
            if on_progress:
                on_progress(share)
            if select.select([place], [], [], POLL_S)[0]:
                return os.read(place, READ_BYTES)

    def _checked(self, head: dict[str, Any] | None, payload: bytearray) -> Answer:
        if head is not None and "error" in head:
            raise _library_error(str(head["error"]), str(head.get("message", "")))
        result = (head or {}).get("result")
        if isinstance(result, dict) and (head or {}).get("bytes") == len(payload):
            return Answer(result, payload)
        try:
            status = self._process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            status = 0
        if status == -signal.SIGKILL:
            raise self._fault(ChildKilled("killed from outside"))
        if status == -signal.SIGXCPU:
            raise self._fault(ChildOutOfTime(f"used {self._limits.cpu_s} s of processor time"))
        if status == OUT_OF_MEMORY_STATUS:
            raise self._fault(ChildOutOfMemory(f"wanted more than {self._limits.memory_bytes} bytes"))
        raise self._fault(ChildCrashed(f"ended with status {status}"))

    def _fault(self, fault: ChildFault) -> ChildFault:
        size = self._noise.seek(0, os.SEEK_END)
        self._noise.seek(max(0, size - SHOWN_NOISE_BYTES))
        noise = self._noise.read().decode("utf-8", "replace")
        log.error("child process failed", module=self._command[2], reason=str(fault), said=noise)
        return fault


class Answering:
    """The child's side: `with Answering() as to_parent: ... to_parent.answer(result, payload)`.

    The library's own errors become answers. Whatever else writes to standard output is kept out of the answer.
    """

    def __enter__(self) -> Self:
        self._channel: BinaryIO = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, TranscriberError):
            self._line({"error": error.code, "message": error.message})
            os._exit(0)
        if isinstance(error, MemoryError):
            os._exit(OUT_OF_MEMORY_STATUS)
        self._channel.close()

    def tell(self, share: float) -> None:
        self._line({"progress": share})

    def answer(self, result: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        self._line({"result": result, "bytes": len(payload)})
        self._channel.write(payload)
        self._channel.flush()

    def _line(self, line: dict[str, Any]) -> None:
        self._channel.write(json.dumps(line).encode() + b"\n")
        self._channel.flush()


def _is_whole(head: dict[str, Any] | None, payload: bytearray) -> bool:
    """Whether an answer has come to its end, or went past it."""
    if head is None:
        return False
    announced = head.get("bytes")
    return "error" in head or not isinstance(announced, int) or len(payload) >= announced


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError as cause:
        raise ChildCrashed("its answer cannot be read") from cause
    if not isinstance(parsed, dict):
        raise ChildCrashed("its answer cannot be read")
    return parsed


def _share(told: Any) -> float:
    return min(max(float(told), 0.0), 1.0) if isinstance(told, int | float) else 0.0


def _library_error(code: str, message: str) -> Exception:
    """The error of that code, in this process. An unknown code is a crash."""
    kinds = [TranscriberError]
    for kind in kinds:
        if kind.code == code:
            return kind(message[:LONGEST_MESSAGE])
        kinds.extend(kind.__subclasses__())
    return ChildCrashed(f"answered with the unknown error {code[:40]!r}")
