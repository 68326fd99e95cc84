"""A JSON body, read to a limit: the framework itself would keep any size in memory."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from api.problems import Problem

Model = TypeVar("Model", bound=BaseModel)

LARGEST_BODY = 1024 * 1024  # bytes: some 15,000 corrections


async def read_body(request: Request, model: type[Model]) -> Model:
    """Raises Problem 400 or 413, and RequestValidationError with the field that is wrong."""
    body = bytearray()
    try:
        async for data in request.stream():
            body += data
            if len(body) > LARGEST_BODY:
                raise Problem(413, "file-too-large", f"The request has more than {LARGEST_BODY // 1024} KiB.")
    except ClientDisconnect as cause:
        raise Problem(400, "bad-request", "The request broke off before its end; please send it again.") from cause
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as cause:
        errors = [{**found, "loc": ("body", *found["loc"])} for found in cause.errors(include_context=False)]
        raise RequestValidationError(errors) from cause


def documented_body(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI's `requestBody` of a route that reads it so."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)  # the parts are described with the answers that hold them
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
