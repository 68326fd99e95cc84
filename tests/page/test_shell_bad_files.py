"""Every file that cannot become a score is refused on the page with a sentence of its own, and can be deleted there."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.page.conftest import Site
from tests.recordings import wav, written
from tests.test_bad_recordings import BAD_FILES, bad_file

pytestmark = pytest.mark.browser

NO_FILES = {"folder", "missing", "pipe", "name too long"}  # what a browser never sends
ELSEWISE = {"midi": "holds no piano note", "two hours": "larger than the 20 MB accepted"}  # as the service sees them
BAD = {kind: ELSEWISE.get(kind, sentence) for kind, (_, sentence) in BAD_FILES.items() if kind not in NO_FILES} | {
    "broken midi": "not a MIDI file that can be read",
    "no music": "No piano",
}


def chosen(kind: str, folder: Path) -> Path:
    if kind == "broken midi":
        return written(folder / "song.mid", b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\x00\x0a\x00\x90")
    if kind == "no music":  # a hum that grows and fades
        seconds = np.arange(3 * 16_000) / 16_000
        hum = 0.05 * np.sin(np.pi * seconds / 3) * np.sin(2 * np.pi * 100 * seconds)
        return written(folder / "hum.wav", wav(hum[None].astype(np.float32), 16_000))
    return bad_file(kind, folder)


@pytest.mark.parametrize("kind", BAD)
def test_bad_file_is_explained(site: Site, tmp_path: Path, kind: str) -> None:
    page = site.page
    page.set_input_files("#recording", chosen(kind, tmp_path))
    page.get_by_role("button", name="Write it down").click()
    problem = page.locator("#upload-problem:not([hidden]), #job-problem:not([hidden])")
    expect(problem).to_contain_text(re.compile(re.escape(BAD[kind])))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if page.locator("#job-problem").is_visible():
        page.get_by_role("button", name="Delete recording and score").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Record with the microphone")).to_be_visible()
    # Chromium reports refused uploads whatever the page does.
    assert [error for error in site.errors if "status of 4" not in error] == []
