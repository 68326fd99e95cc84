"""A real Chromium before the real service."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.page.pieces import plain_waltz, plucked
from tests.page.service import WorkedServices, running
from transcriber.performance import write_midi

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PATIENCE_S = 400.0  # of a machine that does other things beside


@dataclass
class Site:
    """One visitor: a browser window of his own, what it asked for, and what went wrong in it."""

    address: str
    services: WorkedServices
    context: BrowserContext
    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def send(self, name: str, data: bytes) -> None:
        self.page.set_input_files("#recording", {"name": name, "mimeType": "audio/mp4", "buffer": data})
        expect(self.page.get_by_role("button", name="Write it down")).to_be_focused()
        self.page.keyboard.press("Enter")

    def open_score(self, name: str, midi: bytes) -> None:
        """Upload a MIDI file, which needs no listening, and wait for its score."""
        self.page.goto(self.address)
        self.send(f"{name}.mid", midi)
        expect(self.page.get_by_role("button", name="Correct", exact=True)).to_be_visible()


@pytest.fixture(scope="package")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears: two seconds of a decaying A, at two thirds of full scale."""
    seconds = np.arange(2 * 48_000) / 48_000
    tone = sum(np.sin(2 * np.pi * 220 * partial * seconds) / partial for partial in (1, 2, 3))
    path = tmp_path_factory.mktemp("microphone") / "tone.wav"
    soundfile.write(path, (0.4 * tone * np.exp(-seconds)).astype(np.float32), 48_000)
    return path


@pytest.fixture(scope="package")
def browser(sound: Path) -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={sound}"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkedServices, str]]:
    with running(tmp_path_factory.mktemp("service")) as started:
        yield started


@pytest.fixture
def site(browser: Browser, service: tuple[WorkedServices, str], request: pytest.FixtureRequest) -> Iterator[Site]:
    """`indirect` parameters choose the width of the window."""
    services, address = service
    expect.set_options(timeout=1000 * PATIENCE_S)
    context = browser.new_context(viewport={"width": getattr(request, "param", 1280), "height": 844})
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    site = Site(address, services, context, page)
    page.on("request", lambda request: site.requests.append(request.url))
    page.on("pageerror", lambda error: site.errors.append(str(error)))
    page.on("console", lambda message: site.errors.append(message.text) if message.type == "error" else None)
    page.goto(address)
    yield site
    services.held.clear()
    context.close()


@dataclass(frozen=True)
class Score:
    """A finished transcription at the service, for tests that leave it as they found it."""

    address: str
    id: str

    def get(self) -> dict[str, Any]:
        answer = httpx2.get(f"{self.address}/v1/transcriptions/{self.id}", timeout=PATIENCE_S)
        job: dict[str, Any] = answer.raise_for_status().json()
        return job

    def put(self, **change: Any) -> None:
        place = f"{self.address}/v1/transcriptions/{self.id}/score"
        httpx2.put(place, json=change, timeout=PATIENCE_S).raise_for_status()


@pytest.fixture(scope="package")
def score(service: tuple[WorkedServices, str], waltz: bytes) -> Score:
    _, address = service
    files = {"recording": ("A waltz.mid", waltz)}
    sent = httpx2.post(f"{address}/v1/transcriptions", files=files, timeout=PATIENCE_S).raise_for_status()
    score = Score(address, sent.json()["id"])
    deadline_s = time.monotonic() + PATIENCE_S
    while score.get()["state"] != "done":
        assert time.monotonic() < deadline_s, score.get()
        time.sleep(0.2)
    return score


@pytest.fixture(scope="session")
def waltz(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Sixteen bars of a plain waltz as a digital piano would send it."""
    path = tmp_path_factory.mktemp("midi") / "waltz.mid"
    write_midi(plain_waltz(bars=16), path)
    return path.read_bytes()


@pytest.fixture(scope="session")
def played_waltz(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two bars of it as a recording."""
    path = tmp_path_factory.mktemp("recording") / "waltz.flac"
    soundfile.write(path, plucked(plain_waltz(bars=2), rate=16_000), 16_000)
    return path.read_bytes()
