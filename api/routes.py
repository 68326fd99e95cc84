"""The service's addresses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.context import Asking, JobId, Shared, find_job, unknown_job
from api.cursor import cursor_after, read_cursor
from api.files import FILE, send_recording, send_result
from api.problems import EVERYWHERE, Problem, documented
from api.views import ROOT, Transcription, TranscriptionList
from worker.sweeper import remove

router = APIRouter(responses=EVERYWHERE)


@router.get(
    ROOT,
    summary="List transcriptions, newest first",
    response_description="One page.",
    responses=documented(_404="Listing is switched off here."),
)
def list_transcriptions(
    services: Shared,
    account: Asking,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(description="From `next` of the page before.", max_length=200)] = None,
) -> TranscriptionList:
    """Your own; on a service without keys everybody's, where that is switched on."""
    if not services.settings.keys and not services.settings.lists_all:
        raise Problem(404, "not-found", "This service does not list transcriptions; keep the address of your own.")
    found = services.jobs.latest(account.id, limit + 1, None if cursor is None else read_cursor(cursor))
    page = found[:limit]
    following = f"{ROOT}?limit={limit}&cursor={cursor_after(page[-1])}" if len(found) > limit else None
    return TranscriptionList(transcriptions=[Transcription.of(job) for job in page], next=following)


@router.get(
    ROOT + "/{id}",
    summary="How far a transcription is",
    response_description="The job as it stands.",
    responses=documented(_404="No such transcription."),
)
def show(id: JobId, services: Shared, account: Asking, response: Response) -> Transcription:
    response.headers["Cache-Control"] = "no-store"
    return Transcription.of(find_job(services, account, id))


@router.delete(
    ROOT + "/{id}",
    status_code=204,
    summary="Stop a transcription and delete everything of it",
    response_description="It is gone.",
    responses=documented(_404="No such transcription."),
)
def delete(id: JobId, services: Shared, account: Asking) -> None:
    """The recording, the score and the job itself; a worker that is busy with it stops within seconds."""
    if not services.jobs.cancel(id, account.id):
        raise unknown_job(id)
    if services.jobs.removable(id):
        remove(services.jobs, services.storage, id)


@router.head(ROOT + "/{id}/recording", include_in_schema=False)
@router.get(
    ROOT + "/{id}/recording",
    summary="The recording as it was uploaded",
    response_class=Response,
    responses=FILE | documented(_404="No such transcription.", _416="The range lies beyond the end."),
)
def recording(id: JobId, request: Request, services: Shared, account: Asking) -> Response:
    return send_recording(services, request, find_job(services, account, id))


@router.head(ROOT + "/{id}/{name}", include_in_schema=False)
@router.get(
    ROOT + "/{id}/{name}",
    summary="One file of the score",
    response_class=Response,
    responses=FILE
    | documented(
        _404="No such transcription or file.",
        _409="It is not finished, or shows something else by now.",
        _416="The range lies beyond the end.",
    ),
)
def result(
    id: JobId,
    name: Annotated[str, Path(description="score.pdf, score.musicxml, score.mid, ...: see `links`.", max_length=64)],
    request: Request,
    services: Shared,
    account: Asking,
    drawn: Annotated[int | None, Query(description="Answer only with what shows this revision.")] = None,
) -> Response:
    return send_result(services, request, find_job(services, account, id), name, drawn)
