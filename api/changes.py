"""What its owner changes of a finished transcription: corrections, the view, its title."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api.body import documented_body, read_body
from api.context import Asking, JobId, Shared, find_job, unknown_job
from api.problems import EVERYWHERE, Problem, documented
from api.views import ROOT, Rename, ScoreChange, Transcription
from api.wishes import cleaned
from worker.accounts import Account
from worker.corrections import check_edits
from worker.job import Job, State, Wishes
from worker.services import Services

router = APIRouter(responses=EVERYWHERE)


@router.put(
    ROOT + "/{id}/score",
    summary="Correct the score, or show it another way",
    response_description="Accepted: it is drawn again, and `drawn` follows `revision` within a second or two.",
    openapi_extra=documented_body(ScoreChange),
    responses=documented(
        _404="No such transcription.",
        _409="It is not finished, or was changed meanwhile: `base` is not its `revision`.",
        _413="More corrections than this service takes.",
        _422="A correction is impossible, or contradicts another; nothing is changed.",
    ),
)
async def correct(id: JobId, request: Request, services: Shared, account: Asking, response: Response) -> Transcription:
    """Replaces all corrections and the view. The files are served as they were until the new pages are there.

    Follow the redraw by events or polling. Pages and synchronisation come first; PDF, MusicXML and MIDI answer 409
    until they show the same.
    """
    response.headers["Cache-Control"] = "no-store"
    await run_in_threadpool(find_job, services, account, id)  # a stranger hears nothing else, whatever was sent
    change = await read_body(request, ScoreChange)
    return Transcription.of(await run_in_threadpool(_correct, services, account, id, change))


def _correct(services: Services, account: Account, id: str, change: ScoreChange) -> Job:
    job = find_job(services, account, id)
    if job.shown_state is not State.DONE:
        raise Problem(409, "not-finished", "The score is not finished yet; correct it when the state is `done`.")
    if change.base != job.revision:
        raise _changed_meanwhile(job.revision)
    wishes = dataclasses.replace(job.wishes, edits=tuple(change.edits), view=change.view.as_wished())
    check_edits(dataclasses.replace(job, wishes=wishes), services.storage)
    changed = services.jobs.change(id, account.id, change.base, wishes)
    if changed is None:
        raise _changed_meanwhile(find_job(services, account, id).revision)
    _send(services, changed)
    return changed


def _changed_meanwhile(revision: int) -> Problem:
    return Problem(
        409, "changed-meanwhile", f"The score was changed meanwhile; it is at revision {revision}: look at it again."
    )


@router.patch(
    ROOT + "/{id}",
    summary="Rename a transcription",
    response_description="Renamed; a finished score is drawn again.",
    openapi_extra=documented_body(Rename),
    responses=documented(_404="No such transcription.", _409="It was changed at the same moment; try again."),
)
async def rename(id: JobId, request: Request, services: Shared, account: Asking, response: Response) -> Transcription:
    """Title and composer, each left as it was where it is not sent; they replace those of the corrections."""
    response.headers["Cache-Control"] = "no-store"
    await run_in_threadpool(find_job, services, account, id)
    named = await read_body(request, Rename)
    return Transcription.of(await run_in_threadpool(_rename, services, account, id, named))


def _rename(services: Services, account: Account, id: str, named: Rename) -> Job:
    job = find_job(services, account, id)
    changed = services.jobs.change(id, account.id, job.revision, _renamed(job.wishes, named))
    if changed is None:
        if services.jobs.get(id, account.id) is None:
            raise unknown_job(id)
        raise _changed_meanwhile(job.revision)
    _send(services, changed)
    return changed


def _renamed(wishes: Wishes, named: Rename) -> Wishes:
    """Raises OptionError where a text is too long."""
    texts: dict[str, Any] = {part: cleaned(part, text) for part, text in named.model_dump(exclude_none=True).items()}
    edits = tuple(edit for edit in wishes.edits if edit["edit"] not in texts)
    return dataclasses.replace(wishes, edits=edits, **texts)


def _send(services: Services, job: Job) -> None:
    if job.state is State.QUEUED and job.is_redraw:
        services.send(job.id, job.task)
