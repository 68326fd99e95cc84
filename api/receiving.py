"""The upload: one recording and its wishes become a job, once, however often a client sends them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from api.context import Asking, Shared
from api.intake import earlier_job, make_job, received_by, refuse_another, take_quota
from api.problems import EVERYWHERE, documented
from api.upload import receive_upload
from api.views import ROOT, Transcription, View, address
from worker.accounts import Account
from worker.job import Job
from worker.jobs import AlreadyReceived
from worker.services import Services
from worker.storage import Discarding

router = APIRouter(responses=EVERYWHERE)

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
                    **View.model_json_schema()["properties"],
                    "webhook": {
                        "type": "string",
                        "format": "uri",
                        "description": "https address to POST to when the job has ended, signed by Standard Webhooks.",
                    },
                },
            }
        }
    },
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "headers": {
            "Location": {"description": "The job's address.", "schema": {"type": "string"}},
            "Idempotency-Replayed": {
                "description": "true where this very upload was accepted before; the job is the same.",
                "schema": {"type": "string"},
            },
        }
    }
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
        _409="An upload with this Idempotency-Key is still coming in.",
        _413="The recording is too large.",
        _415="Not a multipart form.",
        _422="A field has a value that cannot be used, or the Idempotency-Key belongs to another upload.",
        _507="The service has no room left.",
    ),
)
async def upload(
    request: Request,
    services: Shared,
    account: Asking,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Any text; an upload repeated with it, for instance after a lost answer, makes no second job.",
            min_length=1,
            max_length=255,
        ),
    ] = None,
) -> Response:
    """The answer names the job's address; poll it until `state` is `done` or `failed`, or follow its events."""
    try:
        id = await run_in_threadpool(services.jobs.receive, account.id, idempotency_key)
    except AlreadyReceived as earlier:
        return accepted(await _replayed(request, services, account, earlier.id), replayed=True)
    async with received_by(services, id):
        await run_in_threadpool(take_quota, services, account)
        received = await receive_upload(request, services.storage, id, services.settings.max_upload_bytes)
        job = await run_in_threadpool(make_job, services, account, id, received)
    return accepted(job)


def accepted(job: Job, replayed: bool = False) -> Response:
    headers = {"Location": address(job.id)}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(Transcription.of(job).model_dump(mode="json"), 202, headers)


async def _replayed(request: Request, services: Services, account: Account, id: str) -> Job:
    """The job of an earlier upload with the same key; what is sent now is read, compared and dropped."""
    job = await run_in_threadpool(earlier_job, services, account, id)
    refuse_another(job, await receive_upload(request, Discarding(), id, services.settings.max_upload_bytes))
    return job
