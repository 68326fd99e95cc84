"""What it costs to open the learner's page: requests, bytes, first and largest paint, blocked time, moved layout.

    transcriber-serve --port 8000 & python -m eval.page_load http://127.0.0.1:8000 [--score ID] [--runs 5]

Measured in Chromium with an empty cache, as Lighthouse does for phones: 150 ms round trip, 1.6 Mbit/s down, a processor
four times slower (`--plain` leaves network and processor as they are). Bytes are those on the wire, headers included.
Total blocking time is what tasks of more than 50 ms take beyond that, between the first paint and the time when nothing
has been fetched for half a second; layout shift is the sum of all shifts without input. Medians of the runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Browser, sync_playwright

# Lighthouse's simulated "slow 4G" and mid-tier phone (lighthouse/core/config/constants.js).
ROUND_TRIP_MS = 150
BITS_PER_S = 1_638_400
PROCESSOR_SLOWDOWN = 4
PHONE = {"width": 412, "height": 823}
LONG_TASK_MS = 50
IDLE_MS = 1000

OBSERVE = """
window.measured = { tasks: [], paints: {}, shift: 0 };
const watch = (type, take) =>
  new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
watch("longtask", (entry) => measured.tasks.push([entry.startTime, entry.duration]));
watch("paint", (entry) => (measured.paints[entry.name] = entry.startTime));
watch("largest-contentful-paint", (entry) => (measured.paints.largest = entry.startTime));
watch("layout-shift", (entry) => { if (!entry.hadRecentInput) measured.shift += entry.value; });
"""


def measure(browser: Browser, address: str, is_slow: bool) -> dict[str, float]:
    """One visit with an empty cache; times in milliseconds."""
    context = browser.new_context(viewport={"width": PHONE["width"], "height": PHONE["height"]})
    page = context.new_page()
    page.add_init_script(OBSERVE)
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    sizes: list[float] = []
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    if is_slow:
        rate = BITS_PER_S / 8
        conditions = {"offline": False, "latency": ROUND_TRIP_MS, "downloadThroughput": rate, "uploadThroughput": rate}
        devtools.send("Network.emulateNetworkConditions", conditions)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": PROCESSOR_SLOWDOWN})
    page.goto(address, wait_until="networkidle")
    page.wait_for_timeout(IDLE_MS)
    measured: dict[str, Any] = page.evaluate("() => window.measured")
    context.close()
    first = measured["paints"]["first-contentful-paint"]
    blocked = sum(max(0.0, length - LONG_TASK_MS) for start, length in measured["tasks"] if start + length > first)
    return {
        "requests": len(sizes),
        "bytes": sum(sizes),
        "first_paint_ms": first,
        "largest_paint_ms": measured["paints"].get("largest", first),
        "blocked_ms": blocked,
        "layout_shift": measured["shift"],
    }


def medians(visits: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(visit[name] for visit in visits), 3) for name in visits[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="of the running service")
    parser.add_argument("--score", help="id of a finished transcription, to measure its view too")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="neither network nor processor slowed down")
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    places = {"home": f"{asked.address}/"} | ({"score": f"{asked.address}/#{asked.score}"} if asked.score else {})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        figures = {
            name: medians([measure(browser, place, not asked.plain) for _ in range(asked.runs)])
            for name, place in places.items()
        }
        browser.close()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
