"""Uploads that survive a broken connection: the tus protocol 1.0 (tus.io), core, creation, termination, expiration.

    POST   /v1/uploads        Upload-Length, Upload-Metadata   ─▶ 201, Location: /v1/uploads/{id}
    PATCH  /v1/uploads/{id}   Upload-Offset, the next bytes    ─▶ 204, Upload-Offset
    HEAD   /v1/uploads/{id}                                    ─▶ 200, Upload-Offset: go on from here
    DELETE /v1/uploads/{id}                                    ─▶ 204

The upload's id is that of the job which the last byte makes of it. What came before a connection broke is kept, in
pieces that count once they are stored. Written here because the libraries there are keep state of their own beside the
files, where neither accounts nor a second machine nor a bucket see it.
"""

from __future__ import annotations

import uuid
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.context import Asking, JobId, Shared
from api.intake import discard, make_job, received_by, take_quota, told_if_unstored, usable_webhook
from api.names import display_name, recording_blob
from api.problems import EVERYWHERE, Problem, documented
from api.tus import EXTENSIONS, VERSION, check_version, read_metadata, read_size
from api.upload import RecordingWriter, Upload, too_large
from api.views import address
from api.wishes import read_wishes
from transcriber.errors import EmptyFile
from worker.accounts import Account
from worker.job import Recording
from worker.services import Services
from worker.storage import BlobMissing, Storage, write_blob
from worker.uploads import ResumableUpload

UPLOADS = "/v1/uploads"
PIECE_BYTES = 4 * 1024 * 1024  # held in memory for each connection, and lost where the process is killed
COPIED_BYTES = 1024 * 1024
PATCH_TYPE = "application/offset+octet-stream"

router = APIRouter(responses=EVERYWHERE)

Version = Annotated[str | None, Header(alias="Tus-Resumable", description=VERSION)]
Length = Annotated[str | None, Header(alias="Upload-Length", description="Size of the recording in bytes.")]
Metadata = Annotated[
    str,
    Header(
        alias="Upload-Metadata",
        description="filename, and the fields of the upload form, each with its value in base64:"
        " `filename YS5tcDM=,title RXR1ZGU=`.",
    ),
]
Offset = Annotated[str | None, Header(alias="Upload-Offset", description="Where these bytes begin.")]


def _header(meaning: str) -> dict[str, Any]:
    return {"description": meaning, "schema": {"type": "string"}}


PROGRESS = {
    "Upload-Offset": _header("How many bytes have come in."),
    "Upload-Expires": _header("When the upload is given up, while it is not whole."),
    "Content-Location": _header("The transcription that the whole upload has become."),
}
Responses = dict[int | str, dict[str, Any]]
CREATED: Responses = {201: {"headers": {"Location": _header("The upload's address."), **PROGRESS}}}
TOLD: Responses = {200: {"headers": {"Upload-Length": _header("Size of the recording in bytes."), **PROGRESS}}}
APPENDED: Responses = {204: {"headers": PROGRESS}}
UNKNOWN: Responses = documented(_404="No such upload, or it was given up.", _412="Another version of the protocol.")


@router.options(UPLOADS, status_code=204, summary="What of the tus protocol is spoken here")
def options(services: Shared) -> Response:
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(services.settings.max_upload_bytes),
    }
    return Response(status_code=204, headers=headers)


@router.post(
    UPLOADS,
    status_code=201,
    response_class=Response,
    summary="Begin an upload in pieces (tus)",
    response_description="Begun; send the bytes to the address in Location.",
    responses=CREATED
    | documented(
        _400="A header is missing or makes no sense.",
        _412="Another version of the protocol.",
        _413="The recording is too large.",
    ),
)
async def create(
    request: Request,
    services: Shared,
    account: Asking,
    version: Version = None,
    length: Length = None,
    metadata: Metadata = "",
) -> Response:
    """A connection that breaks costs nothing: ask with HEAD how much came in, and go on from there."""
    check_version(request.headers)
    size = read_size(request.headers, "Upload-Length")
    fields = read_metadata(metadata)
    read_wishes(fields)
    usable_webhook(services, account, fields)
    if size == 0:
        raise EmptyFile("The file is empty; check that the recording was saved, then send it again.")
    if size > services.settings.max_upload_bytes:
        raise too_large(services.settings.max_upload_bytes)
    id = await run_in_threadpool(services.jobs.receive, account.id)
    async with received_by(services, id):
        await run_in_threadpool(take_quota, services, account)
        upload = await run_in_threadpool(services.uploads.expect, id, metadata, size)
        if upload is None:
            raise _unknown(id)
    return Response(status_code=201, headers={"Location": f"{UPLOADS}/{id}", **_progress(upload)})


@router.head(
    UPLOADS + "/{id}",
    response_class=Response,
    summary="How much of an upload has come in (tus)",
    responses=TOLD | UNKNOWN,
)
async def show(id: JobId, request: Request, services: Shared, account: Asking, version: Version = None) -> Response:
    upload = await _find(request, services, account, id)
    headers = {"Upload-Length": str(upload.length), "Cache-Control": "no-store"}
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    return Response(headers=headers | _progress(await _finished(services, account, upload)))


@router.patch(
    UPLOADS + "/{id}",
    status_code=204,
    response_class=Response,
    summary="Send the next bytes of an upload (tus)",
    response_description="Stored; with the last byte the upload is a transcription.",
    openapi_extra={"requestBody": {"required": True, "content": {PATCH_TYPE: {}}}},
    responses=APPENDED
    | UNKNOWN
    | documented(
        _400="A header is missing or makes no sense.",
        _409="The bytes do not begin where the upload stands; ask with HEAD.",
        _413="More bytes than were announced.",
        _415=f"Not {PATCH_TYPE}.",
        _507="The service has no room left.",
    ),
)
async def append(
    id: JobId, request: Request, services: Shared, account: Asking, version: Version = None, offset: Offset = None
) -> Response:
    upload = await _find(request, services, account, id)
    if request.headers.get("content-type") != PATCH_TYPE:
        raise Problem(415, "not-octets", f"Send the bytes as {PATCH_TYPE}.")
    if read_size(request.headers, "Upload-Offset") != upload.received_bytes:
        raise _misplaced(upload)
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > upload.length - upload.received_bytes:
        raise _too_long(upload)
    with told_if_unstored():
        upload = await _appended(request, services, upload)
        upload = await _finished(services, account, upload)
    return Response(status_code=204, headers=_progress(upload))


@router.delete(
    UPLOADS + "/{id}",
    status_code=204,
    response_class=Response,
    summary="Give up an upload (tus)",
    response_description="Nothing of it is left.",
    responses=UNKNOWN | documented(_409="It is a transcription by now; delete that."),
)
async def terminate(
    id: JobId, request: Request, services: Shared, account: Asking, version: Version = None
) -> Response:
    await _find(request, services, account, id)
    await run_in_threadpool(discard, services, id)
    if await run_in_threadpool(services.uploads.find, id, account.id):
        raise Problem(409, "upload-finished", f"The upload is whole and a transcription by now; delete {address(id)}.")
    return Response(status_code=204)


@router.post(UPLOADS + "/{id}", include_in_schema=False)
async def overridden(id: JobId, request: Request, services: Shared, account: Asking) -> Response:
    """For clients whose network lets neither PATCH nor DELETE through; the protocol asks for it."""
    methods = {"PATCH": append, "HEAD": show, "DELETE": terminate}
    method = methods.get(request.headers.get("x-http-method-override", "").upper())
    if method is None:
        await _find(request, services, account, id)
        raise Problem(405, "method-not-allowed", "This address does not answer to that method.")
    return await method(id, request, services, account)


async def _find(request: Request, services: Services, account: Account, id: str) -> ResumableUpload:
    """Raises Problem 404, before anything else is looked at, and 412."""
    upload = await run_in_threadpool(services.uploads.find, id, account.id)
    if upload is None:
        raise _unknown(id)
    check_version(request.headers)
    return upload


async def _appended(request: Request, services: Services, upload: ResumableUpload) -> ResumableUpload:
    """With the request's bytes, or those that came before it broke off."""
    waiting = bytearray()
    try:
        async for data in request.stream():
            waiting += data
            if upload.received_bytes + len(waiting) > upload.length:
                raise _too_long(upload)
            if len(waiting) >= PIECE_BYTES:
                upload = await run_in_threadpool(_add_piece, services, upload, bytes(waiting))
                waiting.clear()
    except ClientDisconnect:
        pass  # nobody reads the answer; what has come is kept for the next connection
    return await run_in_threadpool(_add_piece, services, upload, bytes(waiting)) if waiting else upload


def _add_piece(services: Services, upload: ResumableUpload, data: bytes) -> ResumableUpload:
    """Raises Problem 409 where another connection was faster."""
    piece = f"piece-{upload.received_bytes}-{uuid.uuid4().hex[:8]}"
    write_blob(services.storage, f"{upload.id}/{piece}", data)
    grown = services.uploads.add(upload, piece, len(data))
    if grown is None:
        services.storage.drop(f"{upload.id}/{piece}")
        raise _misplaced(upload)
    return grown


async def _finished(services: Services, account: Account, upload: ResumableUpload) -> ResumableUpload:
    """The upload as a job where it is whole; also where an earlier request brought the last byte and was killed."""
    if upload.whole and upload.receiving:
        await run_in_threadpool(_finish, services, account, upload)
        return await run_in_threadpool(services.uploads.find, upload.id, account.id) or upload
    return upload


def _finish(services: Services, account: Account, upload: ResumableUpload) -> None:
    """Two requests may do so at once, from the same pieces; only one makes the job."""
    fields = read_metadata(upload.metadata)
    try:
        recording = _joined(services.storage, upload, display_name(fields.get("filename", "")))
        make_job(services, account, upload.id, Upload(recording, fields))
    except (BlobMissing, Problem) as error:
        if services.jobs.get(upload.id, account.id) is None:
            raise _unknown(upload.id) from error
    for piece in upload.pieces:
        services.storage.drop(f"{upload.id}/{piece}")


def _joined(storage: Storage, upload: ResumableUpload, name: str) -> Recording:
    """The pieces as one blob."""
    with storage.create(f"{upload.id}/{recording_blob(name)}") as file:
        writer = RecordingWriter(file, name, upload.length)
        for piece in upload.pieces:
            with storage.open(f"{upload.id}/{piece}") as source:
                while block := source.read(COPIED_BYTES):
                    writer.write(block)
    return writer.recording()


def _progress(upload: ResumableUpload) -> dict[str, str]:
    headers = {"Upload-Offset": str(upload.received_bytes)}
    if upload.ends_at is not None:
        headers["Upload-Expires"] = formatdate(upload.ends_at, usegmt=True)
    if not upload.receiving:
        headers["Content-Location"] = address(upload.id)
    return headers


def _unknown(id: str) -> Problem:
    return Problem(404, "not-found", f"There is no upload {id!r}; it may have been given up.")


def _misplaced(upload: ResumableUpload) -> Problem:
    return Problem(409, "wrong-offset", f"The upload stands at byte {upload.received_bytes}; go on from there.")


def _too_long(upload: ResumableUpload) -> Problem:
    return Problem(413, "file-too-large", f"The upload has more than the {upload.length} bytes announced.")
