"""One transcription job and the states that it passes through.

    receiving ──uploaded──▶ queued ──claim──▶ running ──last task finished──▶ done
                              ▲                 │ │ └──the recording's fault, or the third attempt──▶ failed
                              │                 │ └──task finished, another follows──▶ queued (attempts 0)
                              └─────────────────┘
                  worker stopped, lost, or broken: tried again

    done ──its owner changes something──▶ queued ──claim──▶ running ──drawn again, or not──▶ done
                                            ▲                 │
                                            └──changed again──┘

    any state ──deleted, or the upload cut off──▶ cancelled ──no worker holds it──▶ row and files gone

The tasks are `listen` (a recording becomes notes) and `notate` (notes become a score and its files); a MIDI file starts
at `notate`. A cancelled job exists only for whoever cleans it up.

A job that was done once stays done for its readers: `revision` counts what its owner asked for, `drawing` is what the
worker that has it is drawing, `drawn` what the files show. Each revision's files have names of their own, so that the
last good ones are there until the row names others; a change that cannot be drawn leaves its reason in the row and the
files as they were. Redraws go before every other waiting job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from transcriber.options import AS_HEARD, View

MAX_ATTEMPTS = 3  # of each task: enough for a restart and an unlucky second one, few enough to stop a poison job

COMPRESSED_BYTES_PER_S = 16_000  # 128 kbit/s
BYTES_PER_S = {"wav": 176_400, "aif": 176_400, "aiff": 176_400, "flac": 90_000}  # stereo at 44.1 kHz and 16 bit


class State(StrEnum):
    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Task(StrEnum):
    """What a worker does next with the job; also the name of the queue."""

    LISTEN = "listen"
    NOTATE = "notate"


class Stage(StrEnum):
    """What is being done, as shown to the user; engraving belongs to the task `notate`."""

    LISTEN = "listen"
    NOTATE = "notate"
    ENGRAVE = "engrave"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What its owner asked for. `title` None prints the recording's name; metre and key None are decided by ear.

    `edits` are the corrections as `transcriber.notate.edits` writes them in JSON, in the order in which they were made.
    """

    title: str | None = None
    composer: str = ""
    metre: str | None = None
    key: str | None = None
    view: View = AS_HEARD
    edits: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "composer": self.composer,
            "metre": self.metre,
            "key": self.key,
            "view": asdict(self.view),
            "edits": [dict(edit) for edit in self.edits],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Wishes:
        view, edits = View(**stored.get("view", {})), tuple(stored.get("edits", ()))
        return cls(**{**stored, "view": view, "edits": edits})

    def printed(self, part: str) -> str | None:
        """The `title` or `composer` that is printed: an edit's text, or the one asked for."""
        texts = [edit["text"] for edit in self.edits if edit["edit"] == part]
        asked: str | None = self.title if part == "title" else self.composer
        return texts[-1] if texts else asked


@dataclass(frozen=True, slots=True)
class Recording:
    """What was uploaded: its display name, the name of its stored file, its size, kind and content."""

    name: str
    blob: str
    size_bytes: int
    is_midi: bool = False
    sha256: str = ""

    @property
    def expected_s(self) -> float:
        """Its length as far as name and size tell, to let the short ones go first; nothing else depends on it."""
        suffix = self.blob.rpartition(".")[2]
        return 0.0 if self.is_midi else self.size_bytes / BYTES_PER_S.get(suffix, COMPRESSED_BYTES_PER_S)


@dataclass(frozen=True, slots=True)
class Job:
    """One row. Times are Unix seconds; `files` maps the name of each stored result to its size in bytes.

    `account` is whose it is, "" on a service without keys; `heard_by` the edition that listened; `timings` the seconds
    that each finished task took; `share` the secret word of its public address; `heard` maps
    what listening left for its readers to sizes, as `files` does what engraving left.
    """

    id: str
    state: State
    task: Task
    stage: Stage
    progress: float
    attempts: int
    owner: str | None
    lease_until: float | None
    recording: Recording
    wishes: Wishes
    warnings: tuple[str, ...]
    error_code: str | None
    error_message: str | None
    created_at: float
    updated_at: float
    finished_at: float | None
    duration_s: float | None
    version: str
    account: str
    heard_by: str | None
    expires_at: float | None
    files: Mapping[str, int] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    revision: int = 0
    drawing: int = 0
    drawn: int = 0
    share: str | None = None
    heard: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_redraw(self) -> bool:
        """Whether it was done once and waits, or is worked on, to be drawn again."""
        return self.finished_at is not None and self.state in (State.QUEUED, State.RUNNING)

    @property
    def shown_state(self) -> State:
        """The state that its readers see."""
        return State.DONE if self.is_redraw else self.state

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Job:
        return cls(
            id=row["id"],
            state=State(row["state"]),
            task=Task(row["task"]),
            stage=Stage(row["stage"]),
            progress=row["progress"],
            attempts=row["attempts"],
            owner=row["owner"],
            lease_until=row["lease_until"],
            recording=Recording(
                row["file_name"], row["file_blob"], row["file_bytes"], row["is_midi"], row["content"] or ""
            ),
            wishes=Wishes.from_json(row["wishes"]),
            warnings=tuple(row["warnings"]),
            error_code=row["error_code"],
            error_message=row["error_message"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            finished_at=row["finished_at"],
            duration_s=row["duration_s"],
            version=row["version"],
            account=row["account"],
            heard_by=row["heard_by"],
            expires_at=row["expires_at"],
            files=row["files"],
            timings=row["timings"],
            revision=row["revision"],
            drawing=row["drawing"],
            drawn=row["drawn"],
            share=row["share"],
            heard=row["heard"],
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be done again: the listening, and with `files` everything."""

    heard_by: str | None
    warnings: Sequence[str]
    duration_s: float | None
    files: Mapping[str, int] | None = None
    heard: Mapping[str, int] = field(default_factory=dict)


def result_blob(name: str, revision: int) -> str:
    """What a file of a score is stored as: each revision beside the one before."""
    return f"r{revision}.{name}" if revision else name
