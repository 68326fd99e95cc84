"""Recording in the browser: the level, the count-in, the file, and why the microphone may be missing."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.page.conftest import Site

pytestmark = pytest.mark.browser
REFUSAL = """() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", %r));
}
"""


def test_what_the_microphone_hears_becomes_a_transcription(site: Site) -> None:
    page = site.page
    page.get_by_role("button", name="Record with the microphone").click()
    start = page.get_by_role("button", name="Start recording")
    expect(start).to_be_focused()
    page.wait_for_function("() => document.querySelector('#recorder meter').value > -20")
    expect(page.locator("#recorder")).to_contain_text("A good level.")
    start.click()
    expect(page.locator("#recorder [role=status]")).to_contain_text("Starts in")
    stop = page.get_by_role("button", name="Stop recording")
    expect(stop).to_be_focused()
    expect(page.get_by_role("timer")).to_have_text(re.compile("0:0[3-9]|0:[1-5]."))
    stop.click()
    expect(page.locator("#recorder [role=status]")).to_contain_text("Recorded 0:0")
    page.wait_for_function("() => document.querySelector('#recorder audio').duration > 2")
    send = page.get_by_role("button", name="Write it down")
    expect(send).to_be_focused()
    site.services.held.set()
    send.click()
    expect(page.locator("#job-name")).to_contain_text("Recording 20")
    job = page.evaluate("async () => (await fetch(`/v1/transcriptions/${location.hash.slice(1)}`)).json()")
    assert job["file_name"].startswith("Recording 20")
    page.get_by_role("button", name="Delete recording and score").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="From your playing to the page")).to_be_visible()
    assert site.errors == []


def test_a_microphone_wanted_before_the_scripts_came_is_opened(site: Site) -> None:
    page = site.page
    held: list[Route] = []
    page.route("**/js/home.js", lambda route: held.append(route))
    with page.expect_request("**/js/home.js"):
        page.reload(wait_until="commit")
    page.get_by_role("button", name="Record with the microphone").click()
    expect(page.locator("#recorder")).to_be_hidden()
    for route in held:
        route.continue_()
    expect(page.get_by_role("button", name="Start recording")).to_be_focused()
    assert site.errors == []


def test_recording_can_be_thrown_away_and_made_again(site: Site) -> None:
    page = site.page
    opens = page.get_by_role("button", name="Record with the microphone")
    opens.click()
    page.get_by_role("checkbox", name="Count in four beats").uncheck()
    page.get_by_role("button", name="Start recording").click()
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_role("button", name="Record again").click()
    expect(page.get_by_role("button", name="Start recording")).to_be_focused()
    expect(page.get_by_role("button", name="Write it down")).to_be_hidden()
    page.get_by_role("button", name="Cancel").click()
    expect(opens).to_be_focused()
    expect(page.get_by_text("Choose a recording")).to_be_visible()
    assert site.errors == []


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("NotAllowedError", "did not let the page use the microphone"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "used by another program"),
    ],
)
def test_missing_microphone_is_explained(site: Site, reason: str, words: str) -> None:
    site.page.evaluate(REFUSAL % reason)
    site.page.get_by_role("button", name="Record with the microphone").click()
    expect(site.page.locator("#recorder").get_by_role("alert")).to_contain_text(words)
    site.page.get_by_role("button", name="Cancel").click()
    expect(site.page.get_by_text("Choose a recording")).to_be_visible()


def test_recording_becomes_a_score_with_the_real_model(site: Site, played_waltz: bytes) -> None:
    site.send("Played waltz.flac", played_waltz)
    page = site.page
    expect(page.get_by_role("heading", name="Played waltz")).to_be_visible()
    expect(page.locator("#stage svg").first).to_be_visible()
    expect(page.locator("#job-status")).to_contain_text("Done")
