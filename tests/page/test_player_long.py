"""A ten-minute piece plays smoothly: the page's thread is never busy for long, wherever it plays and turns pages."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.page.conftest import Site
from tests.page.pieces import plain_waltz
from tests.page.player import Player, transcribed
from tests.page.service import WorkedServices
from transcriber.performance import write_midi

pytestmark = pytest.mark.browser

BARS = 400  # at 1.5 s
LONG_TASK_MS = 50.0  # what the Long Tasks API calls long
TRACED = ["toplevel", "devtools.timeline"]
PLACES_S = (100.0, 299.0, 580.0)
PLAYED_MS = 2500


@pytest.fixture(scope="module")
def long_job(browser: Browser, service: tuple[WorkedServices, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("long") / "long.mid"
    write_midi(plain_waltz(BARS), path)
    return transcribed(browser, service[1], "long.mid", path.read_bytes())


def busy_ms(trace: bytes) -> list[float]:
    """How long each task of the page's thread kept it busy: its own time, not that of other programs in between."""
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    page_threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return [
        event["tdur"] / 1000
        for event in events
        if "RunTask" in event["name"] and (event["pid"], event["tid"]) in page_threads and "tdur" in event
    ]


def test_no_long_task_while_ten_minutes_play(browser: Browser, site: Site, long_job: str) -> None:
    player = Player(site, long_job)
    page = player.page
    assert player.sync["duration_s"] == pytest.approx(600, abs=1)
    page.keyboard.press("Space")
    player.wait_for_time("time > 1")
    for place_s in PLACES_S:
        player.seek(place_s)
        player.wait_for_time(f"time > {place_s + 1}")
        browser.start_tracing(page=page, categories=TRACED)
        page.wait_for_timeout(PLAYED_MS)
        tasks = busy_ms(browser.stop_tracing())
        assert len(tasks) > 50
        print(f"at {place_s:.0f} s: the longest of {len(tasks)} tasks {max(tasks):.1f} ms")
        assert max(tasks) < LONG_TASK_MS
    page.keyboard.press("Space")
    last = page.evaluate("moments.at(-1)")
    assert last["lit"] == player.sounding_at(last["time"])
    drawn = "sheets().filter((sheet) => sheet.shadowRoot.querySelector('svg')).length"
    assert 0 < page.evaluate(drawn) < len(player.sync["pages"])
    assert site.errors == []
