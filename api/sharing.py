"""A transcription shown to anybody who knows its public address, and to nobody else once that is taken back.

POST   /v1/transcriptions/{id}/share    ─▶ the address of its page
DELETE /v1/transcriptions/{id}/share    ─▶ that address is gone for good; sharing again makes another
GET    /v1/shared/{word}, /v1/shared/{word}/...     what the owner reads, without a key and without changing it
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from api.context import Asking, JobId, Shared, unknown_job
from api.files import FILE, send_recording, send_result
from api.problems import EVERYWHERE, Problem, documented
from api.views import ROOT, SHARED, SHARED_PAGE, Share, Transcription
from worker.job import Job

router = APIRouter(responses=EVERYWHERE)

Word = Annotated[str, Path(description="The secret word of the public address.", max_length=64)]


def find_shared(word: Word, services: Shared) -> Job:
    """Raises Problem 404, the same whether it was never shared, is shared no more or deleted."""
    job = services.jobs.shared(word)
    if job is None:
        raise Problem(404, "not-found", "Nothing is shared at this address, or not any more.")
    return job


SharedJob = Annotated[Job, Depends(find_shared)]


@router.post(
    ROOT + "/{id}/share",
    summary="Share a transcription with anybody who gets its address",
    response_description="The address; sharing again gives the same.",
    responses=documented(_404="No such transcription."),
)
def share(id: JobId, services: Shared, account: Asking) -> Share:
    """The page, the recording and the files can be read there by anybody, and changed by nobody."""
    job = services.jobs.share(id, account.id)
    if job is None:
        raise unknown_job(id)
    return Share(address=f"{SHARED_PAGE}{job.share}")


@router.delete(
    ROOT + "/{id}/share",
    status_code=204,
    summary="End the sharing of a transcription",
    response_description="Its public address is gone.",
    responses=documented(_404="No such transcription."),
)
def end_sharing(id: JobId, services: Shared, account: Asking) -> None:
    if services.jobs.end_sharing(id, account.id) is None:
        raise unknown_job(id)


@router.get(
    SHARED + "/{word}",
    summary="A shared transcription",
    response_description="As it stands; its links are public too.",
    responses=documented(_404="Nothing is shared there."),
)
def show(word: Word, job: SharedJob, response: Response) -> Transcription:
    response.headers["Cache-Control"] = "no-store"
    return Transcription.of(job, f"{SHARED}/{word}")


@router.head(SHARED + "/{word}/recording", include_in_schema=False)
@router.get(
    SHARED + "/{word}/recording",
    summary="The recording of a shared transcription",
    response_class=Response,
    responses=FILE | documented(_404="Nothing is shared there.", _416="The range lies beyond the end."),
)
def recording(job: SharedJob, request: Request, services: Shared) -> Response:
    return send_recording(services, request, job)


@router.head(SHARED + "/{word}/{name}", include_in_schema=False)
@router.get(
    SHARED + "/{word}/{name}",
    summary="One file of a shared score",
    response_class=Response,
    responses=FILE
    | documented(
        _404="Nothing is shared there, or no such file.",
        _409="It is not finished, or shows something else by now.",
        _416="The range lies beyond the end.",
    ),
)
def result(
    job: SharedJob,
    name: Annotated[str, Path(description="See `links`.", max_length=64)],
    request: Request,
    services: Shared,
    drawn: int | None = None,
) -> Response:
    return send_result(services, request, job, name, drawn)
