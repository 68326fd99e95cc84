"""The learner's page as it is sent: its early script, what it announces, and files that a browser may keep."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.page import STATIC, VIEWS, PageAsSent, imported, version_of


def test_imports_are_followed_each_module_once(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "main.js").write_text(
        'import { a } from "./parts/a.js";\nimport {\n  b,\n  c,\n} from "./b.js";\nconst later = import("./c.js");\n'
    )
    (tmp_path / "parts" / "a.js").write_text('import "../b.js";\nexport const folder = "./parts";\n')
    (tmp_path / "b.js").write_text('export { a } from "./parts/a.js";\n')
    assert imported(tmp_path, ["main.js"]) == ["main.js", "parts/a.js", "b.js"]


def test_every_module_that_is_imported_is_there_and_found() -> None:
    """Those loaded later, when they are needed, are not announced."""
    modules = STATIC / "js"
    announced = {name for roots in VIEWS.values() for name in imported(modules, roots)}
    others = {str(path.relative_to(modules)) for path in modules.rglob("*.js")} - announced
    assert others == {"docs.js", "early.js", "resumable.js", "score/strings-worker.js", "texts/de.js"}


def test_only_the_script_in_the_page_may_run_besides_its_files(client: TestClient) -> None:
    answer = client.get("/")
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert client.get("/shared").text == answer.text


def test_the_page_announces_the_modules_of_each_view_below_its_version(client: TestClient) -> None:
    page = client.get("/").text
    found = re.search(r'<script type="application/json" id="modules">(.*?)</script>', page)
    assert found is not None
    announced = json.loads(found[1])
    assert announced["root"] == f"/static/{version_of(STATIC)}/js/"
    assert {view: announced[view] for view in VIEWS} == {
        view: imported(STATIC / "js", roots) for view, roots in VIEWS.items()
    }
    assert not re.search(r'"/static/(?!v-)', page)


def test_files_below_their_version_are_kept_and_others_asked_for(client: TestClient) -> None:
    named = client.get(f"/static/{version_of(STATIC)}/js/main.js")
    assert named.status_code == 200
    assert "immutable" in named.headers["cache-control"]
    for address in ("/static/js/main.js", "/static/v-000000000000/js/main.js"):
        answer = client.get(address)
        assert answer.content == named.content
        assert answer.headers["cache-control"] == "no-cache"
        assert client.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get("/static/v-000000000000/../app.py").status_code == 404
    assert client.get(f"/static/{version_of(STATIC)}/none.js").status_code == 404


def test_another_file_makes_another_version(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    first = version_of(tmp_path)
    (tmp_path / "b.js").write_text("")
    second = version_of(tmp_path)
    (tmp_path / "b.js").rename(tmp_path / "c.js")
    assert len({first, second, version_of(tmp_path)}) == 3


def test_a_page_without_its_early_script_is_refused(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    for name in ("early.js", *(name for roots in VIEWS.values() for name in roots)):
        path = tmp_path / "js" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "index.html").write_text("<!doctype html>")
    with pytest.raises(ValueError, match=r"early\.js"):
        PageAsSent.of(tmp_path, "v-0123456789ab")
