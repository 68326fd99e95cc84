"""`transcriber-serve`: the whole service under one command, or one part of it for a larger installation."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn

from api.app import create_app
from worker.checkup import EVERYTHING, find_out
from worker.embedded import Embedded
from worker.job import Task
from worker.log import configure_logging
from worker.process import run_worker, workers_answer
from worker.schema import migrate
from worker.services import Services
from worker.settings import Settings
from worker.tracing import TRACING

LINGER_S = 3  # open downloads and event streams are cut so long after the stop was asked for

log = structlog.get_logger(__name__)


class Part(StrEnum):
    ALL = "all"
    API = "api"
    LISTEN = "listen"
    NOTATE = "notate"
    SWEEP = "sweep"
    MIGRATE = "migrate"
    PING = "ping"
    DOCTOR = "doctor"


def serve(
    part: Annotated[
        Part, typer.Argument(help="What to run; by default everything, under this one process.")
    ] = Part.ALL,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the database, recordings and scores.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs at a time of the parts listen and notate.")] = 1,
    one_process: Annotated[
        bool, typer.Option("--one-process", help="Of the part listen: all in one process that shares a GPU.")
    ] = False,
) -> None:
    """Serve transcriptions.

    Parts: all; or for a larger installation api, listen and notate (workers), sweep (and webhooks; one is enough, more
    do no harm), migrate (the database, once before the others), ping (exit status 0 if a worker here answers),
    doctor (tries every part once and says what is wrong).
    Every TRANSCRIBER_* variable of the environment is a setting; options win over it.
    """
    chosen = {"host": host, "port": port, "data_dir": data_dir}
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    if part in (Part.LISTEN, Part.NOTATE):
        run_worker(settings, Task(part), concurrency, one_process=one_process and part is Part.LISTEN)
        return
    if part is Part.PING:
        raise typer.Exit(0 if workers_answer(settings) else 1)
    configure_logging(settings.log_format)
    services = Services(settings)
    if part is Part.MIGRATE:
        migrate(services.jobs.engine)
    elif part is Part.DOCTOR:
        raise typer.Exit(0 if _examine(services) else 1)
    elif part is Part.SWEEP:
        _sweep(services)
    else:
        _serve(services, Embedded(services) if part is Part.ALL else nullcontext())


def _serve(services: Services, background: Embedded | nullcontext[None]) -> None:
    listener = _listen_on(services.settings.host, services.settings.port)
    config = uvicorn.Config(
        create_app(services),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=LINGER_S,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # uvicorn stops at the first SIGINT or SIGTERM and then raises it again; by then nothing is left to interrupt.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: _note_stop(server))
    TRACING.begin("api")
    with listener, background:
        host, port = listener.getsockname()[:2]
        print(f"Transcriber is at http://{_for_browser(host)}:{port}  (Ctrl-C stops it)", flush=True)
        server.run(sockets=[listener])
    TRACING.end()
    print("Stopped.", flush=True)


def _note_stop(server: uvicorn.Server) -> None:
    """A signal before uvicorn listens to signals, or after."""
    server.should_exit = True


def _listen_on(host: str, port: int) -> socket.socket:
    """Bound before any worker starts, so that a port in use is one clear line and nothing else."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        print(f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port.", file=sys.stderr)
        raise SystemExit(1) from error


def _for_browser(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _examine(services: Services) -> bool:
    """Say of each part whether it works; true where all do."""
    if not services.settings.database_url:
        migrate(services.engine)  # a laptop's database is made by whoever comes first
    findings = find_out(services, EVERYTHING)
    for finding in findings:
        typer.echo(f"{finding.part:10} {finding.problem or 'works'}")
    return all(finding.problem is None for finding in findings)


def _sweep(services: Services) -> None:
    stop = threading.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: stop.set())
    courier = threading.Thread(target=services.courier.run, args=(stop,), name="courier")
    courier.start()
    services.sweeper.run(stop)
    courier.join()


def main() -> None:
    typer.run(serve)


if __name__ == "__main__":
    main()
