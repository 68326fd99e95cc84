"""How soon a learner sees a correction: from the request until pages and synchronisation of it are there.

    transcriber-serve --port 8000 & python -m eval.redraw_time http://127.0.0.1:8000 [--recording FILE] [--browser]

Measured from the client's side on a running service, which draws the piece first: for each kind of change, the time to
the answer of the request, to the first moment when all its pages and its synchronisation have been fetched, and to the
moment when PDF, MusicXML and MIDI are there too. `--browser` measures what a learner sees instead: in Chromium, from
the key that corrects a note to the first frame in which the page before their eyes is the new one. Without a recording
the piece is a waltz of five minutes, made here. Every figure is of one run on one machine; the load of the machine is
told with them.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
from playwright.sync_api import Page, sync_playwright

from eval.service_load import upload

POLL_S = 0.02
PATIENCE_S = 600.0
LENGTH_S = 300.0
BEAT_S = 0.55

Change = Callable[[int], dict[str, Any]]
# By the number of the round: each asks for something else than the one before.
CHANGES: dict[str, Change] = {
    "hand of a note": lambda round: {"edits": [{"edit": "hand", "source": 40 + round, "hand": "left"}]},
    "delete a note": lambda round: {"edits": [{"edit": "delete", "source": 41 + round}]},
    "add a note": lambda round: {
        "edits": [{"edit": "add", "id": "a1", "onset_s": 30.0 + round, "offset_s": 31.0 + round, "pitch": 76}]
    },
    "key": lambda round: {"edits": [{"edit": "key", "fifths": round % 5}]},
    "metre": lambda round: {"edits": [{"edit": "metre", "beats": 3 + round % 2, "beat_type": 4}]},
    "tempo x2": lambda round: {"edits": [{"edit": "tempo-level", "factor": ["2", "1/2"][round % 2]}]},
    "simple level": lambda round: {"edits": [], "view": {"level": "simple", "chords": round % 2 == 0}},
    "note names and fingering": lambda round: {
        "edits": [],
        "view": {"note_names": True, "fingering": True, "transpose": round % 12},
    },
}


def waltz(length_s: float = LENGTH_S, seed: int = 0) -> bytes:
    """A MIDI file: bass and chords in three, a tune in eighths above; some 1,900 notes in five minutes."""
    rng = np.random.default_rng(seed)
    file, track = mido.MidiFile(ticks_per_beat=500), mido.MidiTrack()
    file.tracks.append(track)
    roots, tune = (0, 5, 7, 0, 9, 2, 7, 0), (0, 2, 4, 5, 7, 9, 7, 5, 4, 2)
    events: list[tuple[float, int, int]] = []
    for beat in range(int(length_s / BEAT_S)):
        bar, place = divmod(beat, 3)
        root, at_s = roots[bar % len(roots)], BEAT_S * beat
        struck = [36 + root] if place == 0 else [48 + root, 52 + root]
        notes = [(pitch, 0.0, 0.9) for pitch in struck]
        notes += [(72 + root % 7 + tune[(2 * beat + half) % len(tune)], 0.5 * half, 0.45) for half in (0, 1)]
        for pitch, late, length in notes:
            onset_s = at_s + BEAT_S * late + abs(rng.normal(0, 0.01))
            events += [(onset_s, pitch, int(rng.integers(50, 90))), (onset_s + BEAT_S * length, pitch, 0)]
    now = 0
    for second, pitch, velocity in sorted(events):
        tick = round(second * 1000)  # 500 a quarter at 120 quarters a minute
        track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=tick - now))
        now = tick
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


class Score:
    """A transcription on a running service."""

    def __init__(self, root: str, id: str) -> None:
        self.root = root
        self.address = f"{root}/v1/transcriptions/{id}"

    def job(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.address, timeout=60) as answer:
            job: dict[str, Any] = json.load(answer)
        return job

    def wait(self, is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Raises TimeoutError, and RuntimeError where the job or the change failed."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            job = self.job()
            if failure := job["error"] or job["redraw_error"]:
                raise RuntimeError(f"{failure['code']}: {failure['message']}")
            if is_there(job):
                return job
            time.sleep(POLL_S)
        raise TimeoutError(self.address)

    def change(self, body: dict[str, Any]) -> tuple[float, float, float]:
        """Seconds to the answer, to fetched pages and synchronisation, and to all files."""
        base = self.job()["revision"]
        started_s = time.perf_counter()
        data = json.dumps({"view": {}, **body, "base": base}).encode()
        request = urllib.request.Request(
            f"{self.address}/score", data, {"Content-Type": "application/json"}, method="PUT"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            revision = json.load(answer)["revision"]
        answered_s = time.perf_counter() - started_s
        links = self.wait(lambda job: job["drawn"] == revision)["links"]
        for link in [*links["pages"], links["sync"]]:
            with urllib.request.urlopen(self.root + link, timeout=60) as page:
                page.read()
        seen_s = time.perf_counter() - started_s
        self.wait(lambda job: job["links"]["pdf"] is not None)
        return answered_s, seen_s, time.perf_counter() - started_s


# From a key to the frame that shows its effect: the first sheet that is drawn again is the one that is looked at.
PRESSED_TO_SEEN = """(pressed) => new Promise((resolve) => {
  const sheets = document.querySelector("#stage .sheets");
  const began = performance.now();
  const seen = ({ detail }) => requestAnimationFrame(() => requestAnimationFrame(() => {
    resolve({ seconds: (performance.now() - began) / 1000, sheet: detail });
  }));
  sheets.addEventListener("drawn", seen, { once: true });
  document.body.dispatchEvent(new KeyboardEvent("keydown", { ...pressed, bubbles: true, cancelable: true }));
})"""
PRESSES = {
    "hand of a note": {"key": "h"},
    "delete a note": {"key": "Delete"},
    "undo": {"key": "z", "ctrlKey": True},
}
READY_MS = 1000  # between two corrections: the next engraver loads


def in_browser(page: Page, score: Score, rounds: int) -> dict[str, list[float]]:
    """Seconds from each key to the page that shows it; every round takes another note of the second page."""
    page.goto(f"{score.root}/#{score.address.rpartition('/')[2]}")
    sheet = page.locator(".sheet").nth(1)
    sheet.scroll_into_view_if_needed()
    sheet.locator("g.note").first.wait_for()
    times: dict[str, list[float]] = {change: [] for change in PRESSES}
    for number in range(rounds):
        sheet.locator("g.note").nth(60 + 7 * number).locator(".notehead").click()
        page.keyboard.press("Space")  # the click plays from there
        page.locator("#note:not([hidden])").wait_for()
        for change, key in PRESSES.items():
            score.wait(lambda job: job["links"]["pdf"] is not None and job["drawn"] == job["revision"])
            page.wait_for_timeout(READY_MS)
            times[change].append(page.evaluate(PRESSED_TO_SEEN, key)["seconds"])
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", help="the service, such as http://127.0.0.1:8000")
    parser.add_argument("--recording", type=Path, help="a piece of your own")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--browser", action="store_true", help="until a learner sees it, in Chromium")
    options = parser.parse_args()
    name = options.recording.name if options.recording else "waltz.mid"
    data = options.recording.read_bytes() if options.recording else waltz()
    score = Score(options.root, upload(options.root, name, data))
    started_s = time.perf_counter()
    first = score.wait(lambda job: job["state"] == "done")
    print(f"first score: {time.perf_counter() - started_s:.1f} s, {len(first['links']['pages'])} pages")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.browser:
        print_seen(score, options.rounds)
    else:
        print_fetched(score, options.rounds)


def print_seen(score: Score, rounds: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        times = in_browser(browser.new_page(viewport={"width": 1280, "height": 800}), score, rounds)
        browser.close()
    print(f"{'change':28} {'seen':>7} {'best':>7} {'worst':>7}   seconds, medians of {rounds}")
    for change, seconds in times.items():
        print(f"{change:28} {statistics.median(seconds):7.3f} {min(seconds):7.3f} {max(seconds):7.3f}")


def print_fetched(score: Score, rounds: int) -> None:
    print(f"{'change':28} {'answered':>9} {'seen':>7} {'worst':>7} {'all files':>10}   seconds, medians")
    for change, body in CHANGES.items():
        times = [score.change(body(number)) for number in range(rounds)]
        answered, seen, whole = (statistics.median(column) for column in zip(*times, strict=True))
        worst = max(seen_s for _, seen_s, _ in times)
        print(f"{change:28} {answered:9.3f} {seen:7.3f} {worst:7.3f} {whole:10.3f}", flush=True)


if __name__ == "__main__":
    main()
