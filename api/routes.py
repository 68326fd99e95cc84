"""The service's addresses."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from api.files import file_response
from api.names import content_disposition, media_type, split_suffix
from api.problems import Problem, documented
from api.upload import receive_upload
from api.views import ROOT, Health, Transcription, TranscriptionList, address
from api.wishes import read_wishes
from worker.job import Job, State
from worker.services import Services
from worker.stages import RESULT_STEM
from worker.storage import BlobMissing
from worker.sweeper import remove

router = APIRouter(responses=documented(_422="A parameter or field has a value that cannot be used."))
health = APIRouter()


def services_of(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Shared = Annotated[Services, Depends(services_of)]
JobId = Annotated[str, Path(description="From the answer to the upload.", max_length=64)]

UPLOAD_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["recording"],
                "properties": {
                    "recording": {
                        "type": "string",
                        "contentMediaType": "application/octet-stream",
                        "description": "Any common audio or video file, or a MIDI file from a digital piano.",
                    },
                    "title": {"type": "string", "maxLength": 200},
                    "composer": {"type": "string", "maxLength": 200},
                    "metre": {"type": "string", "description": "For instance 3/4; otherwise decided by listening."},
                    "key": {"type": "string", "description": "For instance Bb major or F# minor."},
                },
            }
        }
    },
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"headers": {"Location": {"description": "The job's address.", "schema": {"type": "string"}}}}
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    206: {"description": "The part of it that the Range header asks for."},
    304: {"description": "Not changed since the ETag sent in If-None-Match."},
}


@router.post(
    ROOT,
    status_code=202,
    response_model=Transcription,
    summary="Upload a recording",
    response_description="Accepted; the job waits for a worker.",
    openapi_extra={"requestBody": UPLOAD_FORM},
    responses=ACCEPTED
    | documented(
        _400="The form is incomplete or broke off.",
        _413="The recording is too large.",
        _415="Not a multipart form.",
    ),
)
async def upload(request: Request, services: Shared) -> Response:
    """The answer names the job's address; poll it until `state` is `done` or `failed`."""
    id = await run_in_threadpool(services.jobs.receive)
    try:
        received = await receive_upload(request, services.storage, id, services.settings.max_upload_bytes)
        wishes = read_wishes(received.fields)
        job = await run_in_threadpool(services.jobs.enqueue, id, received.recording, wishes)
        if job is None:
            raise Problem(400, "upload-incomplete", "The upload took too long and was given up; please send it again.")
    except BaseException:
        # Also when the server stops in the middle; what is left then is removed by the sweeper.
        services.jobs.give_up(id)
        remove(services.jobs, services.storage, id)
        raise
    await run_in_threadpool(services.send, id, job.task)
    body = Transcription.of(job).model_dump(mode="json")
    return JSONResponse(body, 202, {"Location": address(id)})


@router.get(
    ROOT,
    summary="List transcriptions, newest first",
    response_description="One page.",
    responses=documented(_404="Listing is switched off here."),
)
def list_transcriptions(
    services: Shared,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[str | None, Query(description="Id of the last one on the page before.", max_length=64)] = None,
) -> TranscriptionList:
    if not services.settings.lists_all:
        raise Problem(404, "not-found", "This service does not list transcriptions; keep the address of your own.")
    last = None if before is None else _find(services, before)
    found = services.jobs.latest(limit + 1, last)
    page = found[:limit]
    following = f"{ROOT}?limit={limit}&before={page[-1].id}" if len(found) > limit else None
    return TranscriptionList(transcriptions=[Transcription.of(job) for job in page], next=following)


@router.get(
    ROOT + "/{id}",
    summary="How far a transcription is",
    response_description="The job as it stands.",
    responses=documented(_404="No such transcription."),
)
def show(id: JobId, services: Shared, response: Response) -> Transcription:
    response.headers["Cache-Control"] = "no-store"
    return Transcription.of(_find(services, id))


@router.delete(
    ROOT + "/{id}",
    status_code=204,
    summary="Stop a transcription and delete everything of it",
    response_description="It is gone.",
    responses=documented(_404="No such transcription."),
)
def delete(id: JobId, services: Shared) -> None:
    """The recording, the score and the job itself; a worker that is busy with it stops within seconds."""
    if not services.jobs.cancel(id):
        raise _unknown(id)
    if services.jobs.removable(id):
        remove(services.jobs, services.storage, id)


@router.head(ROOT + "/{id}/recording", include_in_schema=False)
@router.get(
    ROOT + "/{id}/recording",
    summary="The recording as it was uploaded",
    response_class=Response,
    responses=FILE | documented(_404="No such transcription.", _416="The range lies beyond the end."),
)
def recording(id: JobId, request: Request, services: Shared) -> Response:
    job = _find(services, id)
    return _send(services, request, job, job.recording.blob, job.recording.name)


@router.head(ROOT + "/{id}/{name}", include_in_schema=False)
@router.get(
    ROOT + "/{id}/{name}",
    summary="One file of the score",
    response_class=Response,
    responses=FILE
    | documented(
        _404="No such transcription or file.", _409="It is not finished.", _416="The range lies beyond the end."
    ),
)
def result(
    id: JobId,
    name: Annotated[str, Path(description="score.pdf, score.musicxml, score.mid, ...: see `links`.", max_length=64)],
    request: Request,
    services: Shared,
) -> Response:
    job = _find(services, id)
    if name in job.files:
        stem = job.wishes.title or split_suffix(job.recording.name)[0]
        return _send(services, request, job, name, stem + name.removeprefix(RESULT_STEM))
    if job.state in (State.QUEUED, State.RUNNING) and name.startswith(RESULT_STEM):
        raise Problem(409, "not-finished", "The score is not finished yet; ask again when the state is `done`.")
    raise Problem(404, "not-found", f"The transcription has no file {name!r}; its `links` name those there are.")


@health.get("/healthz", summary="Whether the service answers", response_description="It does.")
def healthz(services: Shared) -> Health:
    return Health(version=services.jobs.version)


def _find(services: Services, id: str) -> Job:
    job = services.jobs.get(id)
    if job is None:
        raise _unknown(id)
    return job


def _unknown(id: str) -> Problem:
    return Problem(404, "not-found", f"There is no transcription {id!r}; it may have been deleted.")


def _send(services: Services, request: Request, job: Job, blob: str, name: str) -> Response:
    kind = media_type(blob)
    disposition = content_disposition(name, inline=kind != "application/octet-stream")
    etag = f'"{job.id}-{blob}-{job.finished_at or 0:.3f}"'
    try:
        return file_response(request, services.storage, f"{job.id}/{blob}", kind, disposition, etag)
    except BlobMissing as cause:
        raise _unknown(job.id) from cause
