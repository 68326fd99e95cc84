"""Long recordings go in pieces, and on where they stopped: after a broken connection, and after the page was closed."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, Request, Route, expect

from tests.page.conftest import Site
from tests.page.pieces import plain_waltz, plucked

pytestmark = pytest.mark.browser

RATE = 192_000  # what is short to hear is long to send


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "Long waltz.wav"
    sound = np.repeat(plucked(plain_waltz(bars=4), rate=16_000), RATE // 16_000)
    soundfile.write(path, np.stack([sound, sound], axis=1), RATE, subtype="PCM_24")
    assert path.stat().st_size > 8e6
    return path


def send(page: Page, path: Path) -> None:
    page.set_input_files("#recording", path)
    page.get_by_role("button", name="Write it down").click()


def offsets(requests: list[Request]) -> list[int]:
    return [int(request.headers["upload-offset"]) for request in requests if request.method == "PATCH"]


def check_and_delete(site: Site, page: Page, path: Path) -> None:
    """What the service has is what was sent."""
    place = f"{site.address}/v1/transcriptions/{page.evaluate('location.hash.slice(1)')}"
    assert page.request.get(f"{place}/recording").body() == path.read_bytes()
    assert page.request.delete(place).ok


def test_broken_connection_costs_one_piece(site: Site, long_recording: Path) -> None:
    page = site.page
    site.services.held.set()
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if "/v1/uploads" in request.url else None)
    broken: list[Route] = []

    def break_second(route: Route) -> None:
        is_second = route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0"
        if not is_second or len(broken) == 3:
            route.continue_()
            return
        broken.append(route)
        route.abort("connectionreset")

    page.route("**/v1/uploads/*", break_second)
    send(page, long_recording)
    expect(page.locator("#sending-note")).to_contain_text("goes on by itself")
    expect(page.get_by_role("heading", name="Long waltz")).to_be_visible()
    sent = offsets(requests)
    assert sent == sorted(sent)
    assert sent.count(sent[1]) == 1 + len(broken)
    assert len(set(sent)) == len(sent) - len(broken), "no piece that had arrived was sent again"
    check_and_delete(site, page, long_recording)
    page.goto("about:blank")
    page.goto(site.address)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('upload:'))") == []


def test_upload_goes_on_after_the_page_was_closed(site: Site, long_recording: Path) -> None:
    site.services.held.set()
    first = site.page
    first.route(
        "**/v1/uploads/*",
        lambda route: route.abort() if route.request.headers.get("upload-offset", "0") != "0" else route.continue_(),
    )
    send(first, long_recording)
    expect(first.locator("#sending-note")).to_contain_text("goes on by itself")
    first.close()

    page = site.context.new_page()
    page.goto(site.address)
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if "/v1/uploads" in request.url else None)
    send(page, long_recording)
    expect(page.get_by_role("heading", name="Long waltz")).to_be_visible()
    assert requests[0].method == "HEAD"
    assert offsets(requests)[0] > 0
    check_and_delete(site, page, long_recording)


def test_stopped_upload_leaves_nothing(site: Site, long_recording: Path) -> None:
    page = site.page
    gone: list[str] = []
    page.on("request", lambda request: gone.append(request.url) if request.method == "DELETE" else None)
    page.route("**/v1/uploads/*", lambda route: route.abort() if route.request.method == "PATCH" else route.continue_())
    send(page, long_recording)
    expect(page.locator("#sending-note")).to_contain_text("goes on by itself")
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        page.get_by_role("button", name="Stop").click()
    assert deleted.value.status == 204
    expect(page.locator("#upload-problem")).not_to_be_empty()
    expect(page.get_by_role("button", name="Write it down")).to_be_visible()
    assert len(gone) == 1
