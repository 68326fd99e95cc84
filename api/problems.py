"""Every refusal as `application/problem+json` (RFC 9457) with a stable code and one sentence to act on.

Codes of the service itself; those of recordings and options are the library's (`transcriber.errors`).

    400  bad-request          404  not-found              412  unknown-tus-version      422  key-reused
    400  upload-incomplete    405  method-not-allowed     413  file-too-large           429  too-many-requests
    400  missing-recording    409  not-finished           415  not-multipart            429  quota-used-up
    401  key-needed           409  upload-in-progress     415  not-octets               500  internal-error
    403  cross-site           409  upload-finished        416  range-not-satisfiable    503  unavailable
                              409  wrong-offset           422  invalid-request          503  too-many-streams
                              409  changed-meanwhile                                    507  storage-full
                              409  redrawn
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from transcriber.errors import TranscriberError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

PLAIN_CODES = {
    400: ("bad-request", "The request is malformed."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not answer to that method."),
    413: ("file-too-large", "The request is larger than this service accepts."),
}


class Problem(Exception):
    """Raised by a route, answered as problem+json."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def problem_response(
    request: Request, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any
) -> Response:
    body = {
        "type": f"urn:transcriber:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request.url.path,
    }
    return JSONResponse(body | extra, status, dict(headers or {}), MEDIA_TYPE)


def answer_with_problems(app: FastAPI) -> None:
    """Turn every error that can leave a route into a problem response; none shows a traceback."""

    @app.exception_handler(Problem)
    async def _own(request: Request, error: Problem) -> Response:
        return problem_response(request, error.status, error.code, error.detail, error.headers)

    @app.exception_handler(TranscriberError)
    async def _library(request: Request, error: TranscriberError) -> Response:
        return problem_response(request, 422, error.code, error.message)

    @app.exception_handler(HTTPException)
    async def _framework(request: Request, error: HTTPException) -> Response:
        code, detail = PLAIN_CODES.get(error.status_code, ("bad-request", str(error.detail)))
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := _methods(app, request.url.path)):
            headers["Allow"] = ", ".join(methods)  # of all its routes; the framework names those of one
        return problem_response(request, error.status_code, code, detail, headers)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"field": ".".join(str(part) for part in found["loc"][1:]), "detail": str(found["msg"])}
            for found in error.errors()
        ]
        named = "; ".join(f"{found['field']}: {found['detail']}" for found in errors)
        return problem_response(request, 422, "invalid-request", f"The request is not valid: {named}.", errors=errors)

    @app.exception_handler(OperationalError)
    async def _away(request: Request, error: OperationalError) -> Response:
        log.error("database unreachable", error=str(error.orig))
        detail = "The service cannot reach its job table at this moment; please try again."
        return problem_response(request, 503, "unavailable", detail, {"Retry-After": "5"})

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        detail = "Something went wrong on our side; please try again in a moment."
        return problem_response(request, 500, "internal-error", detail)


def _methods(app: FastAPI, path: str) -> list[str]:
    """What the described address that fits best answers to; empty where none is described."""
    described: dict[str, dict[str, Any]] = app.openapi()["paths"]
    fitting = [template for template in described if compile_path(template)[0].match(path)]
    if not fitting:
        return []
    return sorted(method.upper() for method in described[min(fitting, key=lambda template: template.count("{"))])


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; compare this one."},
        "detail": {"type": "string", "description": "One sentence, fit to show to a person."},
        "instance": {"type": "string"},
    },
}


def documented(**problems: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` of a route: `documented(_404="No such transcription.")`."""
    return {
        int(status.lstrip("_")): {"description": meaning, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}
        for status, meaning in problems.items()
    }


EVERYWHERE = documented(
    _401="This service asks for a key, and none or an unknown one was sent.",
    _422="A parameter or field has a value that cannot be used.",
    _429="The key asked too often, or its uploads of today are used up.",
)
