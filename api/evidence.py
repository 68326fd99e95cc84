"""What the model heard in a few seconds of a recording, and what else it nearly wrote there."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.context import Asking, JobId, Shared, find_job
from api.problems import EVERYWHERE, Problem, documented
from api.sharing import SharedJob
from api.views import ROOT, SHARED
from worker.job import Job
from worker.services import Services
from worker.stages import EVIDENCE, PERFORMANCE, requested_edits
from worker.storage import BlobMissing, read_blob

router = APIRouter(responses=EVERYWHERE)

LONGEST_S = 10.0
AROUND_S = 0.3  # before and after a chosen note, whatever was asked for: its rivals are struck there


class PlayedNote(BaseModel):
    source: int
    onset_s: float
    offset_s: float
    pitch: int
    velocity: int
    confidence: float


class NearlyWritten(BaseModel):
    pitch: int
    strength: float = Field(description="Of its stroke, 0..1.")
    onset_s: float
    relation: str = Field(description="To the chosen note: again, semitone, octave, partial or beside.")
    why: str = Field(description="The relation in words.")


class Evidence(BaseModel):
    """Levels are 0..255: of the curves a probability, of the spectrogram -100 dB to full scale."""

    frame_s: float = Field(description="From one frame to the next.")
    start_s: float = Field(description="Of the first frame.")
    pitches: list[int]
    onset: list[list[int]] = Field(description="For each frame how strongly each pitch is struck.")
    frame: list[list[int]] = Field(description="For each frame how surely each pitch sounds.")
    spectrogram: list[list[int]] = Field(description="For each frame the level of each band.")
    bands_per_semitone: int = 1
    notes: list[PlayedNote] = Field(description="What was heard, with how sure the model is.")
    alternatives: list[NearlyWritten] = Field(description="To the chosen note, the strongest first.")


FIRST = Annotated[float, Query(alias="start_s", ge=0, allow_inf_nan=False)]
LAST = Annotated[
    float | None, Query(alias="end_s", ge=0, allow_inf_nan=False, description="At most, and otherwise, 10 s later.")
]
SOURCE = Annotated[int | None, Query(alias="source", ge=0, description="A note, heard or added, to find rivals of.")]


@router.get(
    ROOT + "/{id}/evidence",
    summary="What the model heard in a few seconds",
    response_description="Strengths of onsets and of sounding keys, and the spectrum, frame by frame.",
    responses=documented(_404="No such transcription, or nothing was kept: it came as MIDI, or is not finished."),
)
def evidence(
    id: JobId, services: Shared, account: Asking, start_s: FIRST = 0.0, end_s: LAST = None, source: SOURCE = None
) -> Evidence:
    return _evidence(services, find_job(services, account, id), start_s, end_s, source)


@router.get(
    SHARED + "/{word}/evidence",
    summary="What the model heard in a few seconds of a shared recording",
    response_description="As for its owner.",
    responses=documented(_404="Nothing is shared there, or nothing was kept."),
)
def shared_evidence(
    job: SharedJob, services: Shared, start_s: FIRST = 0.0, end_s: LAST = None, source: SOURCE = None
) -> Evidence:
    return _evidence(services, job, start_s, end_s, source)


def _evidence(services: Services, job: Job, start_s: float, end_s: float | None, source: int | None) -> Evidence:
    from transcriber.evidence import FRAME, ONSET, SPECTRUM, Window, alternatives, read_window
    from transcriber.notate.additions import with_added
    from transcriber.performance import HIGHEST_PITCH, LOWEST_PITCH, Note, decode_performance

    end_s = start_s + LONGEST_S if end_s is None else end_s
    if not start_s < end_s <= start_s + LONGEST_S:
        raise Problem(
            422, "invalid-request", f"Ask for {LONGEST_S:.0f} s at most: end_s is {end_s}, start_s {start_s}."
        )

    def window(first_s: float, last_s: float) -> Window:
        with services.storage.open(f"{job.id}/{EVIDENCE}") as file:
            return read_window(file, first_s, last_s)

    def played(note_source: int) -> dict[str, Any]:
        note = notes[note_source]
        return {"source": note_source, **{name: getattr(note, name) for name in Note.__slots__}}

    try:
        performance = decode_performance(read_blob(services.storage, f"{job.id}/{PERFORMANCE}"))
        notes = performance.notes
        written = with_added(performance, requested_edits(job.wishes)).notes  # those heard, then those put in by hand
        seen = window(start_s, end_s)
        rivals = []
        if source is not None and source < len(written):
            chosen = written[source]
            near = window(max(0.0, chosen.onset_s - AROUND_S), chosen.onset_s + AROUND_S)
            rivals = alternatives(near, chosen, written)
    except BlobMissing as cause:
        raise Problem(404, "not-found", "Nothing was kept of what was heard in this recording.") from cause
    return Evidence(
        frame_s=seen.frame_s,
        start_s=seen.start_s,
        pitches=list(range(LOWEST_PITCH, HIGHEST_PITCH + 1)),
        onset=seen.levels[:, ONSET].tolist(),
        frame=seen.levels[:, FRAME].tolist(),
        spectrogram=seen.levels[:, SPECTRUM].tolist(),
        notes=[
            PlayedNote(**played(index))
            for index, note in enumerate(notes)
            if note.onset_s < end_s and note.offset_s > start_s
        ],
        alternatives=[
            NearlyWritten(**{name: getattr(other, name) for name in NearlyWritten.model_fields}) for other in rivals
        ],
    )
