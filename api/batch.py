"""Several recordings in one request: each is a job of its own, and one that cannot be accepted loses no other."""

from __future__ import annotations

import copy
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from api.context import Asking, Shared
from api.form import FileBegun, FileEnded, UploadForm, boundary_of
from api.intake import (
    discard,
    earlier_job,
    kept,
    make_job,
    refuse_another,
    take_quota,
    told_if_unstored,
    usable_webhook,
)
from api.names import recording_blob
from api.problems import EVERYWHERE, Problem, documented
from api.receiving import UPLOAD_FORM
from api.upload import RecordingWriter, Upload, refuse_announced_excess
from api.views import ROOT, Batch, BatchEntry, Failure, Transcription
from api.wishes import read_wishes
from transcriber.errors import TranscriberError
from worker.accounts import Account
from worker.job import Job, Recording
from worker.jobs import AlreadyReceived
from worker.services import Services
from worker.storage import Discarding, Writable

MOST_RECORDINGS = 50

router = APIRouter(responses=EVERYWHERE)

BATCH_FORM: dict[str, Any] = copy.deepcopy(UPLOAD_FORM)
_properties = BATCH_FORM["content"]["multipart/form-data"]["schema"]["properties"]
_properties["recording"] = {"type": "array", "maxItems": MOST_RECORDINGS, "items": _properties["recording"]}


@router.post(
    ROOT + "/batch",
    status_code=207,
    response_model=Batch,
    summary="Upload several recordings",
    response_description="For each recording its job, or why it was refused.",
    openapi_extra={"requestBody": BATCH_FORM},
    responses=documented(
        _400="The form is incomplete or broke off; nothing of it was kept.",
        _413="The request is larger than all its recordings may be.",
        _415="Not a multipart form.",
    ),
)
async def upload_batch(
    request: Request,
    services: Shared,
    account: Asking,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Any text; a batch repeated with it, for instance after a lost answer, makes no job twice.",
            min_length=1,
            max_length=250,
        ),
    ] = None,
) -> Response:
    """As one upload, with up to 50 files in the field `recording`; the text fields hold for all of them."""
    refuse_announced_excess(request, MOST_RECORDINGS * services.settings.max_upload_bytes)
    form = UploadForm(boundary_of(request), MOST_RECORDINGS)
    arrivals: list[Arrival] = []
    ids: list[str] = []  # of the rows that were begun for this request
    async with kept(services, ids):
        try:
            async for event in form.events(request):
                if isinstance(event, FileBegun):
                    key = f"{idempotency_key}/{len(arrivals)}" if idempotency_key else None
                    arrivals.append(Arrival(services, account, event.name, key, ids))
                    await run_in_threadpool(arrivals[-1].begin)
                elif isinstance(event, FileEnded):
                    await run_in_threadpool(arrivals[-1].end)
                else:
                    await run_in_threadpool(arrivals[-1].write, event)
            read_wishes(form.fields)
            usable_webhook(services, account, form.fields)
            entries = [await run_in_threadpool(arrival.entry, form.fields) for arrival in arrivals]
        except BaseException:
            # Also when the server stops in the middle, hence not in another thread, which would have to be waited for.
            for arrival in arrivals:
                arrival.close()
            for id in ids:
                discard(services, id)
            raise
    return JSONResponse(Batch(recordings=entries).model_dump(mode="json"), 207)


@dataclass(slots=True)
class Arrival:
    """One recording of a batch as it comes in; what goes wrong with it is noted, and its other bytes passed over."""

    services: Services
    account: Account
    name: str
    key: str | None
    ids: list[str]
    id: str = ""
    earlier: Job | None = None
    recording: Recording | None = None
    error: Problem | TranscriberError | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _writer: RecordingWriter | None = None

    def begin(self) -> None:
        storage: Writable = self.services.storage
        try:
            try:
                self.id = self.services.jobs.receive(self.account.id, self.key)
                self.ids.append(self.id)
                take_quota(self.services, self.account)
            except AlreadyReceived as before:
                self.earlier = earlier_job(self.services, self.account, before.id)
                self.id, storage = before.id, Discarding()
            with told_if_unstored():
                file = self._stack.enter_context(storage.create(f"{self.id}/{recording_blob(self.name)}"))
            self._writer = RecordingWriter(file, self.name, self.services.settings.max_upload_bytes)
        except (Problem, TranscriberError) as error:
            self._refuse(error)

    def write(self, block: bytearray) -> None:
        if self._writer is None:
            return
        try:
            with told_if_unstored():
                self._writer.write(block)
        except (Problem, TranscriberError) as error:
            self._refuse(error)

    def end(self) -> None:
        if self._writer is None:
            return
        try:
            self.recording = self._writer.recording()
            with told_if_unstored():
                self._stack.close()
        except (Problem, TranscriberError) as error:
            self._refuse(error)

    def entry(self, fields: dict[str, str]) -> BatchEntry:
        """The recording as a job, once the whole form is there."""
        job = self.earlier
        if self.recording is not None:
            try:
                upload = Upload(self.recording, fields)
                if job:
                    refuse_another(job, upload)
                else:
                    job = make_job(self.services, self.account, self.id, upload)
            except (Problem, TranscriberError) as error:
                self._refuse(error)
        if self.error is None:
            assert job is not None
            return BatchEntry(file_name=self.name, transcription=Transcription.of(job))
        return BatchEntry(file_name=self.name, error=Failure(code=self.error.code, message=str(self.error)))

    def close(self) -> None:
        """What was written of an unfinished recording is dropped."""
        with suppress(OSError):  # a full disk says so once more
            self._stack.__exit__(ConnectionError, ConnectionError(), None)

    def _refuse(self, error: Problem | TranscriberError) -> None:
        self.error, self.recording, self._writer = error, None, None
        self.close()
        if self.earlier is None and self.id in self.ids:
            discard(self.services, self.id)
            self.ids.remove(self.id)
