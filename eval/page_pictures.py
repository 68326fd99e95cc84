"""Pictures of every state of the learner's page at three widths, light and dark, for the eye to judge.

    transcriber-serve --port 8000 & python -m eval.page_pictures http://127.0.0.1:8000 --out pictures

The states are brought about in a real Chromium as a learner would; what needs a slow or broken service is answered from
here instead. Every run uploads `--recording` once and deletes it at its end. `--states score,note` takes only some.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from eval.service_recordings import upload_request

WIDTHS = {390: 844, 820: 1180, 1280: 800}  # of a phone, a tablet and a laptop: pixels, with the height
THEMES = ("light", "dark")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PATIENCE_MS = 180_000
SETTLED_MS = 400  # for pictures to be decoded and transitions to end
DENIED = """() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
}"""


@dataclass(frozen=True)
class Site:
    """A service with one finished transcription."""

    address: str
    job: dict[str, Any]

    @property
    def home(self) -> str:
        return f"{self.address}/"

    @property
    def score(self) -> str:
        return f"{self.address}/#{self.job['id']}"


Show = Callable[[Page, Site], None]
STATES: dict[str, Show] = {}


def state(show: Show) -> Show:
    """Registers a function that brings a page into the state of its name."""
    STATES[show.__name__.replace("_", "-")] = show
    return show


def answered_as(page: Page, site: Site, **changes: Any) -> None:
    """The job looks different to the page: `changes` replace its fields."""
    text = json.dumps(site.job | changes)

    def stream(route: Route) -> None:
        route.fulfill(body=f"event: transcription\ndata: {text}\n\n", content_type="text/event-stream")

    page.route("**/events", stream)
    page.route(f"**/v1/transcriptions/{site.job['id']}", lambda route: route.fulfill(json=json.loads(text)))


def open_score(page: Page, site: Site) -> None:
    page.goto(site.score)
    page.locator("#stage .sheets .sheet g.note").first.wait_for()  # taken over by the player


def drawn_as(place: str, view: dict[str, Any]) -> None:
    """The service draws the score this way, unless it does so already."""
    with urllib.request.urlopen(place) as answer:
        job = json.load(answer)
    if job["view"] != view:
        body = json.dumps({"edits": [], "view": view, "base": job["revision"]}).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{place}/score", body, headers, method="PUT")).close()
    while job["view"] != view or job["drawn"] != job["revision"]:
        time.sleep(0.2)
        with urllib.request.urlopen(place) as answer:
            job = json.load(answer)


def menu(page: Page, site: Site, name: str) -> None:
    open_score(page, site)
    page.locator(f"#{name}-menu > summary").click()


@state
def connection_broken(page: Page, site: Site) -> None:
    page.route("**/v1/uploads", lambda route: route.abort())
    page.goto(site.home)
    page.set_input_files("#recording", {"name": "Sonata.wav", "mimeType": "audio/wav", "buffer": b"0" * 9_000_000})
    page.locator("#chosen button").click()
    page.locator("#sending-note:not(:empty)").wait_for()


@state
def home(page: Page, site: Site) -> None:
    page.goto(site.home)
    page.locator("#library-list li").first.wait_for()


@state
def home_with_wishes(page: Page, site: Site) -> None:
    home(page, site)
    page.locator(".wishes > summary").click()


@state
def home_in_german(page: Page, site: Site) -> None:
    home(page, site)
    page.locator("#language").select_option("de")
    expect(page.locator("html")).to_have_attribute("lang", "de")


@state
def home_right_to_left(page: Page, site: Site) -> None:
    home(page, site)
    page.evaluate("() => { document.documentElement.dir = 'rtl'; }")


@state
def file_chosen(page: Page, site: Site) -> None:
    page.goto(site.home)
    page.set_input_files("#recording", {"name": "Nocturne.m4a", "mimeType": "audio/mp4", "buffer": b"0" * 2_345_678})


@state
def file_refused(page: Page, site: Site) -> None:
    page.goto(site.home)
    page.set_input_files("#recording", {"name": "Nocturne.m4a", "mimeType": "audio/mp4", "buffer": b""})
    page.locator("#chosen button").click()
    page.locator("#upload-problem:not([hidden])").wait_for()


@state
def microphone_denied(page: Page, site: Site) -> None:
    page.goto(site.home)
    page.evaluate(DENIED)
    page.locator("#record-open").click()
    page.locator("#recorder .problem").wait_for()


@state
def microphone_ready(page: Page, site: Site) -> None:
    page.goto(site.home)
    page.locator("#record-open").click()
    page.locator("#recorder canvas").wait_for()
    page.wait_for_timeout(2500)


@state
def recording(page: Page, site: Site) -> None:
    microphone_ready(page, site)
    page.locator("#recorder input[type=checkbox]").uncheck()
    page.locator("#recorder .primary").click()
    page.wait_for_timeout(1500)


@state
def recorded(page: Page, site: Site) -> None:
    recording(page, site)
    page.locator("#recorder .primary").click()
    page.locator("#recorder audio").wait_for()


@state
def in_progress(page: Page, site: Site) -> None:
    answered_as(page, site, state="running", stage="listen", progress=0.42)
    page.goto(site.score)
    page.locator("#progress:not([hidden])").wait_for()


@state
def failed(page: Page, site: Site) -> None:
    error = {"code": "silent-recording", "message": "The recording is silent; check the microphone and its level."}
    answered_as(page, site, state="failed", stage="listen", error=error)
    page.goto(site.score)
    page.locator("#job-problem:not([hidden])").wait_for()


@state
def gone(page: Page, site: Site) -> None:
    page.goto(f"{site.home}#{'0' * 32}")
    page.locator("#job-problem:not([hidden])").wait_for()


@state
def score(page: Page, site: Site) -> None:
    open_score(page, site)


@state
def score_with_warning(page: Page, site: Site) -> None:
    answered_as(page, site, warnings=["The recording is very quiet; the softest notes may be missing."])
    open_score(page, site)


@state
def score_offline(page: Page, site: Site) -> None:
    open_score(page, site)
    page.context.set_offline(True)
    page.locator("#offline:not([hidden])").wait_for()


@state
def score_shared(page: Page, site: Site) -> None:
    request = urllib.request.Request(f"{site.address}{site.job['links']['self']}/share", method="POST")
    with urllib.request.urlopen(request) as answer:
        page.goto(site.address + json.load(answer)["address"])
    page.locator("#stage .sheets .sheet g.note").first.wait_for()


@state
def correcting(page: Page, site: Site) -> None:
    edits = [
        {"edit": "metre", "beats": 3, "beat_type": 4},
        {"edit": "hand", "source": 3, "hand": "left"},
        {"edit": "respell", "source": 5, "step": "A", "alter": 0},
    ]
    answered_as(page, site, edits=edits)
    open_score(page, site)
    page.locator("#correct-open").click()


@state
def note_selected(page: Page, site: Site) -> None:
    open_score(page, site)
    page.locator("#stage g.note").nth(6).click(force=True)
    page.locator("#note:not([hidden])").wait_for()


@state
def playing(page: Page, site: Site) -> None:
    open_score(page, site)
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(2500)


@state
def loop_and_one_hand(page: Page, site: Site) -> None:
    open_score(page, site)
    for key in ("ArrowRight", "[", "ArrowRight", "ArrowRight", "]", "1"):
        page.keyboard.press(key)


@state
def how_sure(page: Page, site: Site) -> None:
    open_score(page, site)
    page.keyboard.press("u")


@state
def why_this_note(page: Page, site: Site) -> None:
    """With a MIDI file nothing was heard, and the note is chosen without it."""
    note_selected(page, site)
    page.keyboard.press("w")
    page.wait_for_timeout(1500)


@state
def adding_a_note(page: Page, site: Site) -> None:
    open_score(page, site)
    page.keyboard.press("n")
    page.keyboard.press("ArrowUp")


@state
def not_drawn(page: Page, site: Site) -> None:
    error = {"code": "engraving-failed", "message": "The score cannot be engraved: the drawing breaks down."}
    answered_as(page, site, revision=site.job["revision"] + 1, redraw_error=error)
    open_score(page, site)


@state
def view_menu(page: Page, site: Site) -> None:
    menu(page, site, "view")


@state
def download_menu(page: Page, site: Site) -> None:
    menu(page, site, "download")


@state
def share_dialog(page: Page, site: Site) -> None:
    open_score(page, site)
    page.locator("#share-open").click()


@state
def delete_dialog(page: Page, site: Site) -> None:
    home(page, site)
    page.locator("#library-list .row button").last.click()


@state
def rename_dialog(page: Page, site: Site) -> None:
    home(page, site)
    page.locator("#library-list .row button").first.click()


@state
def help_dialog(page: Page, site: Site) -> None:
    open_score(page, site)
    page.keyboard.press("?")
    page.locator("#help-dialog[open]").wait_for()


@state
def all_aids(page: Page, site: Site) -> None:
    view = site.job["view"] | {"chords": True, "note_names": True, "fingering": True}
    place = f"{site.address}{site.job['links']['self']}"
    drawn_as(place, view)
    open_score(page, site)
    page.wait_for_timeout(SETTLED_MS)


@contextmanager
def transcribed(address: str, path: Path) -> Iterator[Site]:
    """The service with this recording written down, deleted at the end."""
    with urllib.request.urlopen(upload_request(address, path.name, path.read_bytes())) as answer:
        job = json.load(answer)
    place = address + job["links"]["self"]
    try:
        while job["state"] in ("queued", "running") or (job["state"] == "done" and not job["links"]["pdf"]):
            time.sleep(0.5)
            with urllib.request.urlopen(place) as answer:
                job = json.load(answer)
        if job["state"] == "failed":
            raise SystemExit(job["error"]["message"])
        yield Site(address, job)
    finally:
        urllib.request.urlopen(urllib.request.Request(place, method="DELETE")).close()


def picture(browser: Browser, site: Site, name: str, width: int, theme: str, path: Path) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        service_workers="block",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        STATES[name](page, site)
        page.wait_for_timeout(SETTLED_MS)
        page.screenshot(path=path, full_page=name.startswith(("home", "file", "micro", "record")))
    finally:
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="of the running service")
    parser.add_argument("--recording", type=Path, default=Path("examples/minuet.m4a"))
    parser.add_argument("--out", type=Path, default=Path("pictures"))
    parser.add_argument("--states", default=",".join(STATES), help="by comma; all unless given")
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)))
    parser.add_argument("--themes", default=",".join(THEMES))
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    asked.out.mkdir(parents=True, exist_ok=True)
    with transcribed(asked.address.rstrip("/"), asked.recording) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in asked.states.split(","):
            for width in map(int, asked.widths.split(",")):
                for theme in asked.themes.split(","):
                    path = asked.out / f"{name}-{width}-{theme}.png"
                    picture(browser, site, name, width, theme, path)
                    print(path, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
