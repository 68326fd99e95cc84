"""A job's progress as server-sent events: each is the whole job as it stands, so that a missed one does no harm.

An event's id is a digest of what it says. A client that comes back with `Last-Event-ID` hears from the service when
something has changed since, whichever process it reaches; after the last event it is told to stay away (204).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.context import Asking, JobId, Shared, find_job
from api.problems import EVERYWHERE, Problem, documented
from api.views import ROOT, Transcription
from worker.job import Job, State
from worker.services import Services

router = APIRouter(responses=EVERYWHERE)

POLL_S = 0.5  # workers report once a second
REDRAW_POLL_S = 0.02  # somebody waits for the page that they have just changed
SILENCE_S = 15.0  # then a comment, so that no proxy takes the stream for dead
RETRY_MS = 2000
MOST_STREAMS = 500  # of one process: each asks the database twice a second
ENDED = (State.DONE, State.FAILED)


STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `transcription` with the job as data; the last has the state `done` or `failed`, or is"
        " the event `deleted`.",
        "content": {"text/event-stream": {}},
    },
    204: {"description": "The last event was received; do not connect again."},
}


@router.get(
    ROOT + "/{id}/events",
    summary="Follow a transcription",
    response_class=Response,
    responses=STREAM | documented(_404="No such transcription.", _503="Too many clients follow at this moment."),
)
async def events(
    id: JobId,
    request: Request,
    services: Shared,
    account: Asking,
    last_event_id: Annotated[str | None, Header(description="The `id` of the last event received.")] = None,
) -> Response:
    job = await run_in_threadpool(find_job, services, account, id)
    if job.state in ENDED and last_event_id == _event(job).id:
        return Response(status_code=204)
    if request.app.state.streams >= MOST_STREAMS:
        raise Problem(503, "too-many-streams", "Too many clients follow at this moment; poll the job instead.")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(request, services, job, last_event_id), 200, headers, "text/event-stream")


class _Event:
    """One event of the stream as it goes over the wire."""

    def __init__(self, name: str, body: dict[str, Any]) -> None:
        told = {field: value for field, value in body.items() if field != "updated_at"}  # changes with every heartbeat
        self.id = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
        self.text = f"id: {self.id}\nevent: {name}\ndata: {json.dumps(body)}\n\n"


def _event(job: Job) -> _Event:
    return _Event("transcription", Transcription.of(job).model_dump(mode="json"))


async def _stream(request: Request, services: Services, job: Job, last_id: str | None) -> AsyncIterator[str]:
    request.app.state.streams += 1
    try:
        yield f"retry: {RETRY_MS}\n\n"
        silent_s = 0.0
        while True:
            event = _event(job)
            if event.id != last_id:
                yield event.text
                last_id, silent_s = event.id, 0.0
            if job.state in ENDED:
                return
            wait_s = REDRAW_POLL_S if job.is_redraw else POLL_S
            await asyncio.sleep(wait_s)
            silent_s += wait_s
            if silent_s >= SILENCE_S:
                yield ": still there\n\n"
                silent_s = 0.0
            found = await run_in_threadpool(services.jobs.get, job.id, job.account)
            if found is None:
                yield _Event("deleted", {"id": job.id}).text
                return
            job = found
    finally:
        request.app.state.streams -= 1
