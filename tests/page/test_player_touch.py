"""The stage under a finger, on a window as wide as a phone's."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.page.conftest import PATIENCE_S, Site
from tests.page.player import Player, transcribed
from tests.page.service import WorkedServices

pytestmark = pytest.mark.browser
STEPS = 6


class Finger:
    """A finger on the glass, as the browser's own events; where it is, in pixels of the window."""

    def __init__(self, player: Player) -> None:
        self.page = player.page
        self.devtools = player.page.context.new_cdp_session(player.page)

    def _touch(self, kind: str, *points: tuple[float, float]) -> None:
        self.devtools.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        )

    def drag(self, start: tuple[float, float], end: tuple[float, float], rest_ms: float = 0.0) -> None:
        self._touch("touchStart", start)
        self.page.wait_for_timeout(rest_ms)
        for step in range(1, STEPS + 1):
            self._touch("touchMove", tuple(a + (b - a) * step / STEPS for a, b in zip(start, end, strict=True)))  # type: ignore[arg-type]
        self._touch("touchEnd")


@pytest.fixture(scope="module")
def waltz_job(browser: Browser, service: tuple[WorkedServices, str], waltz: bytes) -> str:
    return transcribed(browser, service[1], "waltz.mid", waltz)


@pytest.fixture
def phone(browser: Browser, service: tuple[WorkedServices, str], waltz_job: str) -> Iterator[Player]:
    services, address = service
    expect.set_options(timeout=1000 * PATIENCE_S)
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    site = Site(address, services, context, context.new_page())
    yield Player(site, waltz_job)
    context.close()


def middle(player: Player, id: str) -> tuple[float, float]:
    box = player.note(id).locator(".notehead").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_tap_on_a_note_plays_from_there(phone: Player) -> None:
    page = phone.page
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    note = next(note for note in phone.sync["notes"] if note["onset_s"] > 4)
    phone.note(note["id"]).scroll_into_view_if_needed()
    page.touchscreen.tap(*middle(phone, note["id"]))
    phone.wait_for_time(f"time >= {note['onset_s']}")
    assert page.evaluate("moments.find(({ lit }) => lit.length).time") >= note["onset_s"] - 0.05
    assert page.evaluate("told.at(-1)")[1]["source"] == note["source"]
    page.get_by_role("button", name="Pause").tap()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_finger_drags_a_loop_on_the_waveform(phone: Player) -> None:
    page = phone.page
    box = page.locator(".waveform").bounding_box()
    assert box is not None
    bars = phone.sync["measures"]

    def at(second: float) -> tuple[float, float]:
        return box["x"] + box["width"] * second / phone.sync["duration_s"], box["y"] + 30

    Finger(phone).drag(at(bars[2]["start_s"] + 0.5), at(bars[5]["start_s"] + 0.5))
    expect(page.get_by_role("button", name="Repeat bars")).to_contain_text("3–6")


def test_resting_finger_drags_a_loop_on_the_score_and_a_quick_one_scrolls(phone: Player) -> None:
    page = phone.page
    bars = phone.sync["measures"]
    ids = [next(note["id"] for note in phone.sync["notes"] if note["measure"] == bars[index]["id"]) for index in (0, 1)]
    phone.note(ids[0]).scroll_into_view_if_needed()
    start, end = (middle(phone, id) for id in ids)
    finger = Finger(phone)
    before = page.evaluate("scrollY")
    finger.drag((start[0], start[1] + 150), (start[0], start[1] - 50))
    page.wait_for_function("(before) => scrollY > before", arg=before)
    expect(page.get_by_role("button", name="Repeat bars")).not_to_contain_text("1")
    phone.note(ids[0]).scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    start, end = (middle(phone, id) for id in ids)
    finger.drag(start, end, rest_ms=600)
    expect(page.get_by_role("button", name="Repeat bars")).to_contain_text("1–2")
