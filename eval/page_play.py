"""Whether a long piece plays smoothly on the learner's page: long tasks by the clock on the wall, and frames.

    transcriber-serve --port 8000 & python -m eval.page_play http://127.0.0.1:8000 [--recording FILE | --score ID]

A recording is uploaded through the page, as a learner would, and waited for; without one it is a waltz of `--minutes`,
made here as of plucked strings. Then it plays, `--seconds` at each of several places, the first page turn among them.
Told are, for each place, the tasks of more than 50 ms (Long Tasks API: from beginning to end, whatever else the machine
does), the longest of them, and the frames in a second. At every place the notes that are lit are compared with those
that sound by the synchronisation file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import soundfile
from playwright.sync_api import Page, sync_playwright

from tests.page.pieces import BEAT_S, plain_waltz, plucked

FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
PATIENCE_MS = 1_800_000
RATE = 22_050
PLACES = (0.0, 0.1, 0.35, 0.6, 0.85)  # of the piece
OBSERVE = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: "longtask" });
  window.frames = 0;
  const count = () => { window.frames += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
  window.moment = null;
  const lit = () => [...document.querySelectorAll(".sheet")]
    .flatMap((sheet) => [...sheet.shadowRoot.querySelectorAll("g.note.sounding")].map((note) => note.id)).sort();
  const stage = document.getElementById("stage");
  stage.addEventListener("stage:time", ({ detail }) => { window.moment = [detail.time, lit]; });
}"""


def made(minutes: float, folder: Path) -> Path:
    path = folder / "Long waltz.wav"
    soundfile.write(path, plucked(plain_waltz(round(60 * minutes / (3 * BEAT_S))), RATE), RATE, subtype="PCM_16")
    return path


def open_score(page: Page, asked: argparse.Namespace, folder: Path) -> None:
    if asked.score:
        page.goto(f"{asked.address}/#{asked.score}")
    else:
        page.goto(asked.address)
        recording = asked.recording or made(asked.minutes, folder)
        page.set_input_files("#recording", recording)
        began_s = time.monotonic()
        page.get_by_role("button", name="Write it down").click()
        page.locator("#progress:not([hidden])").wait_for()
        print(f"{recording.stat().st_size / 1e6:.1f} MB sent in {time.monotonic() - began_s:.1f} s", flush=True)
    page.locator(".sheets .sheet g.note").first.wait_for(timeout=PATIENCE_MS)
    if not asked.score:
        print(f"score after {time.monotonic() - began_s:.1f} s", flush=True)
    page.evaluate(OBSERVE)


def play(page: Page, sync: dict[str, Any], seconds: float) -> None:
    waveform = page.locator(".waveform")
    width = waveform.evaluate("element => element.clientWidth")
    print(f"{'place':>8} {'long tasks':>11} {'longest':>9} {'frames/s':>9}   lit as it sounds")
    page.keyboard.press("Space")
    for place in PLACES:
        waveform.click(position={"x": 1 + (width - 2) * place, "y": 8})
        page.wait_for_timeout(1000)
        page.evaluate("() => { tasks.length = 0; frames = 0; }")
        began_s = time.monotonic()
        page.wait_for_timeout(1000 * seconds)
        tasks, frames = page.evaluate("[tasks, frames]")
        rate = frames / (time.monotonic() - began_s)
        at_s, lit = page.evaluate("[moment[0], moment[1]()]")
        sounding = sorted(note["id"] for note in sync["notes"] if note["onset_s"] <= at_s < note["offset_s"])
        longest = f"{max(tasks):6.0f} ms" if tasks else "none"
        print(f"{at_s:7.1f}s {len(tasks):11d} {longest:>9} {rate:9.1f}   {lit == sounding}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="of the running service")
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--score", help="id of a finished transcription")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=10.0, help="played at each place")
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        open_score(page, asked, Path(folder))
        job = page.request.get(f"{asked.address}/v1/transcriptions/{page.evaluate('location.hash.slice(1)')}").json()
        sync = page.request.get(asked.address + job["links"]["sync"]).json()
        print(
            f"{job['id']}: {sync['duration_s']:.0f} s, {len(sync['notes'])} heads, {len(sync['pages'])} pages; "
            f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        play(page, sync, asked.seconds)
        browser.close()


if __name__ == "__main__":
    main()
