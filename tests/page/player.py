"""A score that is open in the browser, as the player's tests see and touch it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from tests.page.conftest import Site

SLOW_MS = 120_000  # of a machine that does other things beside
# What the page made to sound: its audio elements, every tone that was started, at which rate it turns, and clicks.
OVERHEAR = """
  window.audios = [];
  window.Audio = class extends Audio { constructor() { super(); window.audios.push(this); } };
  window.tones = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when, ...rest) {
    window.tones.push({ when, detune: this.detune.value, length: this.buffer.length });
    return start.call(this, when, ...rest);
  };
  window.clicks = []; // of the metronome: when by the sound's own clock, which is `heard` as it is told
  const strike = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (when) {
    const { currentTime, outputLatency } = this.context;
    const [heard, music] = [currentTime - (outputLatency || 0), window.audios[0]?.currentTime];
    window.clicks.push({ when, heard, music, pitch: this.frequency.value });
    return strike.call(this, when);
  };
"""
WATCH = """() => {
  window.sheets = () => [...document.querySelectorAll('.sheet')];
  const notes = (mark) => sheets()
    .flatMap((sheet) => [...sheet.shadowRoot.querySelectorAll(`g.note.${mark}`)].map((note) => note.id)).sort();
  window.marked = notes;
  window.moments = [];
  window.told = [];
  const stage = document.getElementById('stage');
  const hear = (type, listener) => stage.addEventListener(`stage:${type}`, ({ detail }) => listener(detail));
  hear('time', ({ time }) => window.moments.push({ time, lit: notes('sounding') }));
  for (const type of ['select', 'add']) hear(type, (detail) => window.told.push([type, detail]));
}"""


def transcribed(browser: Browser, address: str, name: str, data: bytes) -> str:
    """Upload a recording and wait for its score: the job's id."""
    context = browser.new_context()
    try:
        recording = FilePayload(name=name, mimeType="application/octet-stream", buffer=data)
        answer = context.request.post(f"{address}/v1/transcriptions", multipart={"recording": recording})
        job = answer.json()["id"]
        for _ in range(SLOW_MS // 200):
            state = context.request.get(f"{address}/v1/transcriptions/{job}").json()
            if state["state"] not in ("queued", "running"):
                break
            time.sleep(0.2)
        assert state["state"] == "done", state["error"]
        return str(job)
    finally:
        context.close()


@dataclass
class Player:
    """The stage of one job."""

    site: Site
    job: str

    def __post_init__(self) -> None:
        self.page.add_init_script(OVERHEAR)
        self.page.goto("about:blank")  # from where an address is loaded anew
        self.page.goto(f"{self.site.address}/#{self.job}")
        # The first page is drawn before the player is there, which marks whose hand each note is of.
        expect(self.page.locator(".sheet g.note:is(.right, .left)").first).to_be_attached(timeout=SLOW_MS)
        self.page.evaluate(WATCH)

    @property
    def page(self) -> Page:
        return self.site.page

    def get(self, link: str) -> Any:
        """A JSON file of the job by the name of its link."""
        job = self.page.request.get(f"{self.site.address}/v1/transcriptions/{self.job}").json()
        return self.page.request.get(self.site.address + job["links"][link]).json()

    @cached_property
    def sync(self) -> dict[str, Any]:
        return dict(self.get("sync"))

    def note(self, id: str) -> Locator:
        return self.page.locator(f".sheet g.note#{id}").first

    def marked(self, mark: str) -> list[str]:
        return list(self.page.evaluate(f"marked({json.dumps(mark)})"))

    def sounding_at(self, second: float) -> list[str]:
        return sorted(note["id"] for note in self.sync["notes"] if note["onset_s"] <= second < note["offset_s"])

    def time(self) -> float:
        return float(self.page.evaluate("moments.at(-1).time"))

    def wait_for(self, condition: str) -> None:
        """Until this expression in JavaScript holds; the page's policy lets nobody evaluate words within it."""
        until = time.monotonic() + SLOW_MS / 1000
        while not self.page.evaluate(condition):
            assert time.monotonic() < until, f"never: {condition}"
            self.page.wait_for_timeout(20)

    def wait_for_time(self, condition: str) -> None:
        """Until this condition of `time`, the present second, holds."""
        self.wait_for(f"(() => {{ const {{ time }} = moments.at(-1) ?? {{}}; return {condition}; }})()")

    def seek(self, second: float) -> None:
        """By a click on the waveform; a pixel is some hundredths of a second."""
        waveform = self.page.locator(".waveform")
        width = waveform.evaluate("element => element.clientWidth")
        waveform.click(position={"x": width * second / self.sync["duration_s"], "y": 8})  # waits until it stands still
