"""Celery's file transport for one machine, made safe against readers and writers that meet.

The original writes a message in place, so that a reader may take it before its content is there and end the worker;
and it moves what it reads through the system's temporary folder, which may be another disk. Here a message appears and
disappears by one rename each, on the disk of the data folder.
"""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

POLL_S = 0.05  # a redraw takes less than a second, and must not wait for a good part of it
ALIAS = "filequeue"  # the scheme of the broker's address
TRANSPORT_ALIASES[ALIAS] = f"{__name__}:Transport"


class Channel(filesystem.Channel):
    """Messages are files TIME_ID.QUEUE.msg; those that end in .part are not there yet, or already taken."""

    # The two overrides are ignored because kombu's own base classes disagree on the parameters.
    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        file = Path(self.data_folder_out) / f"{time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        unfinished = file.with_name(file.name + ".part")
        unfinished.write_text(json.dumps(message), encoding="utf-8")
        unfinished.replace(file)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """The oldest message of the queue. Raises Empty. What cannot be read is dropped: the job's row stays."""
        for file in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            taken = file.with_name(file.name + ".part")
            try:
                file.replace(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            with suppress(ValueError, OSError):
                message = json.loads(taken.read_text(encoding="utf-8"))
                taken.unlink()
                return message
            taken.unlink(missing_ok=True)
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        """One look at the queue a call, where Celery asks for two seconds of them: a worker told to stop hears it."""
        super().drain_events(connection, timeout=POLL_S)  # type: ignore[no-untyped-call]
