"""The learner's page as it is sent, so that a slow connection costs few round trips.

The files in `static` are what a browser runs. Three things are done to them once, when the service starts: the early
script goes into the page itself, which names its hash in the policy; beside it stands which modules each view imports,
found in the modules, so that all are asked for at once; and every address within the page carries a hash of all files,
so that a browser keeps them for ever and never mixes two versions.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from api.packing import takes_gzip

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# Each view's modules are these and what they import; `main.js` loads the others when the view is opened. Those of the
# first page come first.
VIEWS = {"home": ("main.js", "home.js"), "job": ("score/opening.js", "main.js", "job.js", "score/stage.js")}
EARLY = '<script src="/static/js/early.js"></script>'
IMPORT = re.compile(r'^(?:import|export)\b[^"\'`;=(]*"(\.[^"]+)";', re.MULTILINE)
VERSION = re.compile(r"v-[0-9a-f]{12}")
KEPT = "public, max-age=31536000, immutable"
ASKED = "no-cache"  # kept, and asked for each time whether it still holds


def imported(modules: Path, roots: Sequence[str]) -> list[str]:
    """The roots, each before all that it imports."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in found:
            return
        found[name] = None
        for target in IMPORT.findall((modules / name).read_text()):
            visit(posixpath.normpath(posixpath.join(posixpath.dirname(name), target)))

    for root in roots:
        visit(root)
    return list(found)


def version_of(folder: Path) -> str:
    """Names the contents of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return f"v-{digest.hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class PageAsSent:
    html: bytes
    packed: bytes
    headers: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, version: str) -> PageAsSent:
        """The page of a folder whose files have this version."""
        modules = folder / "js"
        script = (modules / "early.js").read_text()
        lists = {view: imported(modules, roots) for view, roots in VIEWS.items()}
        announced = json.dumps({"root": "/static/js/", **lists}, separators=(",", ":"))
        data = f'<script type="application/json" id="modules">{announced}</script>'
        html = (folder / "index.html").read_text()
        if EARLY not in html:
            raise ValueError(f"index.html has no {EARLY}")
        page = html.replace(EARLY, f"{data}\n  <script>{script}</script>").replace('"/static/', f'"/static/{version}/')
        run = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
        assert run is not None
        hashed = base64.b64encode(hashlib.sha256(run[1].encode()).digest()).decode()
        headers = {
            "Content-Security-Policy": f"{POLICY}; script-src 'self' 'sha256-{hashed}'",
            "Cache-Control": ASKED,
            "Vary": "Accept-Encoding",
        }
        return cls(page.encode(), gzip.compress(page.encode(), mtime=0), headers)

    def answer(self, request: Request) -> Response:
        if takes_gzip(request.headers):
            return Response(self.packed, 200, {**self.headers, "Content-Encoding": "gzip"}, "text/html")
        return Response(self.html, 200, dict(self.headers), "text/html")


class VersionedFiles(StaticFiles):
    """The files of a folder, also below the name of its version: `page.css` and `v-0123456789ab/page.css`.

    Below the name of another version, which a service beside this one may have told while both are exchanged, a
    browser does not keep them.
    """

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__(directory=folder)
        self.version = version

    async def get_response(self, path: str, scope: Scope) -> Response:
        first, _, rest = path.partition("/")
        response = await super().get_response(rest if VERSION.fullmatch(first) else path, scope)
        response.headers["Cache-Control"] = KEPT if first == self.version else ASKED
        return response
