"""What each part of the service spends its time on, told to a collector of OpenTelemetry, where one is named.

    trace = the job's id     accept (API) ── send ── listen (worker) ┬ decode
                                                                     └ network
                                          ── send ── notate (worker) ┬ notate
                                                                     └ engrave

A job's id is 128 random bits, which is what names a trace: no process needs to hand anything on, and whoever knows the
job finds its trace. Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is recorded and no library is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer

ADDRESSES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
FLUSH_MS = 2000

log = structlog.get_logger(__name__)


class Tracing:
    """Of this process: begun once, after any fork."""

    def __init__(self) -> None:
        self._tracer: Tracer | None = None

    def begin(self, part: str, processor: SpanProcessor | None = None) -> None:
        """Where the environment names a collector; `processor` instead of one."""
        if processor is None and not any(os.environ.get(name) for name in ADDRESSES):
            return
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor

            if processor is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

                processor = BatchSpanProcessor(OTLPSpanExporter())
        except ImportError:
            log.warning("traces are not sent: install transcriber[tracing], or unset the collector's address")
            return
        name = os.environ.get("OTEL_SERVICE_NAME", f"transcriber-{part}")
        self._provider = TracerProvider(resource=Resource.create({"service.name": name}))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("transcriber")

    def end(self) -> None:
        """What was recorded last is sent, as far as that takes no time."""
        if self._tracer is not None:
            self._provider.force_flush(FLUSH_MS)
            self._tracer = None

    @contextmanager
    def job(self, name: str, id: str, **attributes: str | int | float) -> Iterator[None]:
        """One piece of work on a job, in the job's own trace."""
        if self._tracer is None:
            yield
            return
        from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

        number = int(id, 16)
        half = number & (2**64 - 1) or 1
        root = SpanContext(number, half, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        context = set_span_in_context(NonRecordingSpan(root))
        with self._tracer.start_as_current_span(name, context, attributes={"job": id, **attributes}):
            yield

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A part of the work around it."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(name):
            yield


TRACING = Tracing()
