"""The ASGI application: routes, problem responses, the page, and headers that keep strangers' scripts out."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import batch, changes, events, evidence, health, receiving, resumable, sharing
from api.access import Access
from api.page import POLICY, STATIC, PageAsSent, VersionedFiles, version_of
from api.problems import answer_with_problems
from api.routes import router
from api.tus import TusVersion
from worker.services import Services


class SecurityHeaders:
    """Adds the headers to every response; a route's own policy stands."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self.app(scope, receive, send_protected)


def create_app(services: Services) -> FastAPI:
    """The application over these services. Its own documentation page replaces the framework's, which needs a CDN."""
    app = FastAPI(
        title="Transcriber",
        description="Piano recordings in, readable sheet music out.",
        version=version("transcriber"),
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.registry = health.create_registry(services)
    app.state.streams = 0  # clients that follow a job at this moment
    app.include_router(receiving.router)
    app.include_router(batch.router)
    app.include_router(resumable.router)
    app.include_router(events.router)  # before the files of a job, whose route would take its address
    app.include_router(changes.router)
    app.include_router(evidence.router)
    app.include_router(sharing.router)
    app.include_router(router)
    app.include_router(health.router)
    answer_with_problems(app)

    shipped = version_of(STATIC)
    page_as_sent = PageAsSent.of(STATIC, shipped)

    @app.get("/", include_in_schema=False)
    def page(request: Request) -> Response:
        return page_as_sent.answer(request)

    @app.get("/shared", include_in_schema=False)
    def shared_page(request: Request) -> Response:
        """The same page; only that it is not behind a key."""
        return page_as_sent.answer(request)

    @app.get("/docs", include_in_schema=False)
    def documentation() -> FileResponse:
        return FileResponse(STATIC / "docs.html")

    app.add_middleware(health.Observed, registry=app.state.registry)
    app.add_middleware(Access, services=services)
    app.add_middleware(TusVersion, root=resumable.UPLOADS)
    app.add_middleware(SecurityHeaders)  # added last, so that it is outermost: refusals carry the headers too
    app.mount("/static", GZipMiddleware(VersionedFiles(STATIC, shipped)), name="static")
    return app
