"""One trace a job, under the job's own id; nothing at all where no collector is named."""

import sys

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from worker.tracing import ADDRESSES, Tracing

JOB, OTHER = "0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000001"


@pytest.fixture
def told() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(autouse=True)
def no_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)


def test_a_job_is_one_trace_whose_id_is_its_own(told: InMemorySpanExporter) -> None:
    api, worker = Tracing(), Tracing()
    for tracing, part in ((api, "api"), (worker, "listen")):
        tracing.begin(part, SimpleSpanProcessor(told))
    with api.job("accept", JOB, bytes=12):
        pass
    with worker.job("listen", JOB, attempt=1), worker.step("decode"):
        pass
    with worker.job("listen", OTHER):
        pass
    accept, decode, listen, another = told.get_finished_spans()
    ids = [f"{span.context.trace_id:032x}" for span in (accept, decode, listen, another) if span.context]
    assert ids == [JOB, JOB, JOB, OTHER]
    assert decode.parent is not None
    assert listen.context is not None
    assert decode.parent.span_id == listen.context.span_id
    assert listen.attributes == {"job": JOB, "attempt": 1}
    assert [span.resource.attributes["service.name"] for span in (accept, listen)] == [
        "transcriber-api",
        "transcriber-listen",
    ]


def test_a_failure_is_told_and_goes_on(told: InMemorySpanExporter) -> None:
    tracing = Tracing()
    tracing.begin("notate", SimpleSpanProcessor(told))
    with pytest.raises(ValueError, match="broken"), tracing.job("notate", JOB):
        raise ValueError("broken")
    (span,) = told.get_finished_spans()
    assert not span.status.is_ok
    assert [event.name for event in span.events] == ["exception"]


def test_nothing_is_recorded_without_a_collector_or_after_the_end(told: InMemorySpanExporter) -> None:
    tracing = Tracing()
    tracing.begin("api")
    with tracing.job("accept", JOB), tracing.step("decode"):
        pass
    tracing.begin("api", SimpleSpanProcessor(told))
    tracing.end()
    with tracing.job("accept", JOB), tracing.step("decode"):
        pass
    assert told.get_finished_spans() == ()


def test_a_collector_without_the_library_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESSES[0], "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    tracing = Tracing()
    with capture_logs() as logs:
        tracing.begin("api")
    assert ["transcriber[tracing]" in line["event"] for line in logs] == [True]
    with tracing.job("accept", JOB):
        pass
