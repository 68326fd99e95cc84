"""What the API says of a job."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from worker.job import Job, Stage, State
from worker.stages import RESULT_STEM

PAGE = re.compile(r"\.page-(\d+)\.svg")
ROOT = "/v1/transcriptions"


class Failure(BaseModel):
    code: str = Field(description="Stable; compare this one.")
    message: str = Field(description="One sentence that says what is wrong and what to do about it.")


class Links(BaseModel):
    """Addresses of the files; a score's are there once the state is `done`."""

    self: str
    recording: str
    musicxml: str | None = None
    pdf: str | None = None
    midi: str | None = Field(default=None, description="As it was played.")
    quantized_midi: str | None = Field(default=None, description="As it is written.")
    sync: str | None = Field(default=None, description="Note ids and bars to seconds of the recording.")
    pages: list[str] = Field(default_factory=list, description="SVG, one address a page.")


class Transcription(BaseModel):
    id: str
    state: Literal["queued", "running", "done", "failed"]
    stage: Stage = Field(description="What is done now, or next while queued; where it ended.")
    progress: float = Field(ge=0, le=1, description="Share of the stage that is done.")
    file_name: str
    title: str | None = Field(description="As asked for; null: the file's name.")
    composer: str
    metre: str | None = Field(description="As asked for; null: decided by listening.")
    key: str | None = Field(description="As asked for; null: decided by listening.")
    duration_s: float | None
    warnings: list[str]
    error: Failure | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When everything of it is deleted; null: when you delete it.")
    links: Links

    @classmethod
    def of(cls, job: Job) -> Transcription:
        return cls.model_validate(
            {
                "id": job.id,
                "state": job.state,
                "stage": job.stage,
                "progress": job.progress,
                "file_name": job.recording.name,
                **job.wishes.as_json(),
                "duration_s": job.duration_s,
                "warnings": list(job.warnings),
                "error": {"code": job.error_code, "message": job.error_message} if job.state is State.FAILED else None,
                "created_at": _time(job.created_at),
                "updated_at": _time(job.updated_at),
                "finished_at": _time(job.finished_at),
                "expires_at": _time(job.expires_at),
                "links": _links(job),
            }
        )


class BatchEntry(BaseModel):
    """One recording of a batch: a transcription, or why there is none."""

    file_name: str
    transcription: Transcription | None = None
    error: Failure | None = None


class Batch(BaseModel):
    recordings: list[BatchEntry] = Field(description="In the order in which they were sent.")


class TranscriptionList(BaseModel):
    transcriptions: list[Transcription]
    next: str | None = Field(description="Address of the following page, older ones; null at the end.")


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    version: str


class Readiness(BaseModel):
    ready: bool
    parts: dict[str, bool] = Field(description="Each part that was tried, and whether it works.")


def address(job_id: str) -> str:
    return f"{ROOT}/{job_id}"


def _links(job: Job) -> Links:
    def link(suffix: str) -> str | None:
        name = RESULT_STEM + suffix
        return f"{address(job.id)}/{name}" if name in job.files else None

    pages = sorted((name for name in job.files if PAGE.search(name)), key=_page_number)
    return Links(
        self=address(job.id),
        recording=f"{address(job.id)}/recording",
        musicxml=link(".musicxml"),
        pdf=link(".pdf"),
        midi=link(".mid"),
        quantized_midi=link(".quantized.mid"),
        sync=link(".sync.json"),
        pages=[f"{address(job.id)}/{name}" for name in pages],
    )


def _page_number(name: str) -> int:
    match = PAGE.search(name)
    return int(match[1]) if match else 0


def _time(unix_s: float | None) -> datetime | None:
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC)
