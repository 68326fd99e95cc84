"""What the API says of a job."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from transcriber.options import MOST_SEMITONES, Level, Size
from transcriber.options import View as ScoreView
from worker.job import Job, Stage, State
from worker.stages import EVIDENCE, NOTES, PEAKS, RESULT_STEM

PAGE = re.compile(r"\.page-(\d+)\.svg")
ROOT = "/v1/transcriptions"
SHARED = "/v1/shared"
SHARED_PAGE = "/shared#shared/"  # the page itself lies open there, where the others ask for a key


class Failure(BaseModel):
    code: str = Field(description="Stable; compare this one.")
    message: str = Field(description="One sentence that says what is wrong and what to do about it.")


class View(BaseModel):
    """How the score is shown; the files are of what is seen."""

    model_config = ConfigDict(extra="forbid")

    level: Level = "full"
    chords: bool = Field(default=False, description="Chord symbols above the staff.")
    note_names: bool = Field(default=False, description="A letter for every note.")
    fingering: bool = Field(default=False, description="A finger for every note.")
    pedal: bool = Field(default=True, description="Pedal marks.")
    transpose: int = Field(default=0, ge=-MOST_SEMITONES, le=MOST_SEMITONES, description="In semitones.")
    size: Size = "normal"

    def as_wished(self) -> ScoreView:
        return ScoreView(**self.model_dump())


class ScoreChange(BaseModel):
    """What the score is to be written by from now on, all of it: corrections that are left out are taken back."""

    model_config = ConfigDict(extra="forbid")

    edits: list[dict[str, Any]] = Field(
        description='Corrections, for instance {"edit": "hand", "source": 12, "hand": "left"}.'
    )
    view: View = View()
    base: int = Field(ge=0, description="The `revision` that this was made from.")


class Rename(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, description="Left out: as it was.")
    composer: str | None = Field(default=None, description="Left out: as it was.")


class Share(BaseModel):
    address: str = Field(description="Of the page that anybody may read, below this service's own address.")


class Links(BaseModel):
    """Addresses of the files; a score's are there once the state is `done`.

    Those of a score that was changed name what they show: once it has been drawn again they answer 409 `redrawn`.
    """

    self: str
    recording: str
    musicxml: str | None = None
    pdf: str | None = None
    midi: str | None = Field(default=None, description="As it was played.")
    quantized_midi: str | None = Field(default=None, description="As it is written.")
    sync: str | None = Field(default=None, description="Note ids and bars to seconds of the recording.")
    notes: str | None = Field(
        default=None, description="What was played: notes and pedal, and the other metres that it could be in."
    )
    peaks: str | None = Field(default=None, description="The recording's waveform.")
    evidence: str | None = Field(default=None, description="What the model heard, by `start_s` and `end_s`.")
    share: str | None = Field(default=None, description="POST shares it with anybody, DELETE ends that.")
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
    view: View
    edits: list[dict[str, Any]] = Field(description="Corrections, in order.")
    revision: int = Field(description="Counts the changes asked for.")
    drawn: int = Field(description="The revision that the files show; PDF, MusicXML and MIDI follow the pages.")
    redraw_error: Failure | None = Field(
        description="Why the last change could not be drawn; the files are of `drawn`."
    )
    shared: bool = Field(description="Whether anybody who knows the address may read it.")
    may_edit: bool
    duration_s: float | None
    warnings: list[str]
    error: Failure | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When everything of it is deleted; null: when you delete it.")
    links: Links

    @classmethod
    def of(cls, job: Job, root: str | None = None) -> Transcription:
        """As its owner sees it; with `root`, the public address, as everybody does."""
        wishes = job.wishes.as_json()
        failure = {"code": job.error_code, "message": job.error_message} if job.error_code else None
        is_failed = job.state is State.FAILED
        return cls.model_validate(
            {
                "id": job.id if root is None else "",
                "state": job.shown_state,
                "stage": Stage.ENGRAVE if job.is_redraw else job.stage,
                "progress": 1.0 if job.is_redraw else job.progress,
                "file_name": job.recording.name,
                **wishes,
                "title": job.wishes.printed("title"),
                "composer": job.wishes.printed("composer"),
                "revision": job.revision,
                "drawn": job.drawn,
                "redraw_error": None if is_failed else failure,
                "shared": job.share is not None,
                "may_edit": root is None,
                "duration_s": job.duration_s,
                "warnings": list(job.warnings),
                "error": failure if is_failed else None,
                "created_at": _time(job.created_at),
                "updated_at": _time(job.updated_at),
                "finished_at": _time(job.finished_at),
                "expires_at": _time(job.expires_at),
                "links": _links(job, root or address(job.id), is_owner=root is None),
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


def _links(job: Job, root: str, *, is_owner: bool) -> Links:
    shown = f"?drawn={job.drawn}" if job.drawn else ""

    def link(name: str) -> str | None:
        return f"{root}/{name}{shown}" if name in job.files else None

    is_done = job.shown_state is State.DONE
    pages = sorted((name for name in job.files if PAGE.search(name)), key=_page_number)
    return Links(
        self=root,
        recording=f"{root}/recording",
        musicxml=link(RESULT_STEM + ".musicxml"),
        pdf=link(RESULT_STEM + ".pdf"),
        midi=link(RESULT_STEM + ".mid"),
        quantized_midi=link(RESULT_STEM + ".quantized.mid"),
        sync=link(RESULT_STEM + ".sync.json"),
        notes=link(NOTES),
        peaks=f"{root}/{PEAKS}" if PEAKS in job.heard else None,
        evidence=f"{root}/{EVIDENCE}" if EVIDENCE in job.heard else None,
        share=f"{root}/share" if is_done and is_owner else None,
        pages=[f"{root}/{name}{shown}" for name in pages],
    )


def _page_number(name: str) -> int:
    match = PAGE.search(name)
    return int(match[1]) if match else 0


def _time(unix_s: float | None) -> datetime | None:
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC)
