"""Where the service asks for keys, the browser asks for one, and everybody sees their own transcriptions."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.live import serving
from tests.page.conftest import PATIENCE_S
from tests.page.service import WorkedServices
from worker.settings import Settings

pytestmark = pytest.mark.browser


def visitor(browser: Browser, address: str, key: str) -> Page:
    context = browser.new_context(http_credentials={"username": "key", "password": key})
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    page.goto(address)
    return page


def test_everybody_sees_their_own(browser: Browser, tmp_path: Path, waltz: bytes) -> None:
    expect.set_options(timeout=1000 * PATIENCE_S)
    services = WorkedServices(Settings(data_dir=tmp_path / "data", keys=True))
    keys = [
        services.accounts.create(name, requests_per_minute=600, uploads_per_day=5)[1] for name in ("Clara", "Robert")
    ]
    with services.working(), serving(services) as address:
        clara, robert = (visitor(browser, address, key) for key in keys)
        clara.set_input_files("#recording", {"name": "Clara.mid", "mimeType": "audio/midi", "buffer": waltz})
        clara.get_by_role("button", name="Write it down").click()
        expect(clara.locator("#stage svg").first).to_be_visible()
        id = clara.evaluate("location.hash.slice(1)")
        clara.goto(address)
        expect(clara.get_by_role("link", name="Clara")).to_be_visible()

        robert.reload()
        expect(robert.locator("#home")).to_be_visible()
        assert robert.get_by_role("link", name="Clara").count() == 0
        robert.goto(f"{address}/#{id}")
        expect(robert.locator("#job-problem")).to_contain_text("There is no such transcription here")

        stranger = browser.new_context().new_page()
        answer = stranger.request.get(f"{address}/v1/transcriptions")
        assert answer.status == 401
        for page in (clara, robert, stranger):
            page.context.close()
