"""Requests made from the API's own description: every answer is one that it describes, and none is a fault.

The tests are parametrized here, as schemathesis's own way to do so asks for an older pytest.
"""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.openapi import FILE
from eval import described_requests as described_requests
from tests.worker.pumped import PumpedServices
from worker.settings import Settings

EXAMPLES = 8  # of each operation: the whole file takes seconds; `eval.described_requests` makes any number
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
RESULTS = list(schemathesis.openapi.from_path(str(FILE)).get_all_operations())
OPERATIONS = {result.ok().label: result.ok() for result in RESULTS if isinstance(result, Ok)}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("service")
    return create_app(PumpedServices(Settings(data_dir=folder / "data", max_upload_mb=1)))


def test_every_operation_is_understood() -> None:
    assert len(OPERATIONS) == len(RESULTS) > 10


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_answers_are_those_described(app: FastAPI, label: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: Any) -> None:
        case = data.draw(OPERATIONS[label].as_strategy())
        case.call_and_validate(app=app, checks=CHECKS)

    ask()
