"""The stage: the score in step with the recording and the synthesised piano, and everything a learner does there."""

import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.page.conftest import Site
from tests.page.player import Player, transcribed
from tests.page.service import WorkedServices

pytestmark = pytest.mark.browser

MINUET = Path(__file__).parents[2] / "examples" / "minuet.m4a"
MOMENTS = 20
CLICKS = 8


@pytest.fixture(scope="module")
def minuet(browser: Browser, service: tuple[WorkedServices, str]) -> str:
    """A recording of 51 seconds, heard by the real model."""
    return transcribed(browser, service[1], "minuet.m4a", MINUET.read_bytes())


@pytest.fixture(scope="module")
def waltz_job(browser: Browser, service: tuple[WorkedServices, str], waltz: bytes) -> str:
    return transcribed(browser, service[1], "waltz.mid", waltz)


@pytest.fixture
def recorded(site: Site, minuet: str) -> Player:
    return Player(site, minuet)


@pytest.fixture
def played(site: Site, waltz_job: str) -> Player:
    """From a digital piano: there is no recording to hear."""
    return Player(site, waltz_job)


def test_highlighted_notes_are_those_that_sound_at_twenty_moments(recorded: Player) -> None:
    chance = random.Random(20)
    for _ in range(MOMENTS):
        recorded.seek(chance.uniform(0, recorded.sync["duration_s"]))
        moment = recorded.page.evaluate("moments.at(-1)")
        heard = recorded.page.evaluate("audios[0].currentTime")
        assert abs(moment["time"] - heard) < 0.001
        assert moment["lit"] == recorded.sounding_at(moment["time"])
    assert recorded.site.errors == []


def test_recording_plays_slower_at_its_pitch_and_in_step(recorded: Player) -> None:
    page = recorded.page
    page.get_by_role("slider", name="Speed").fill("50")
    page.get_by_role("button", name="Play", exact=True).click()
    recorded.wait_for_time("time > 0.8")
    span = page.evaluate(
        """async () => {
             const [began, from] = [performance.now(), audios[0].currentTime];
             await new Promise((resolve) => setTimeout(resolve, 1500));
             return { wall: (performance.now() - began) / 1000, music: audios[0].currentTime - from };
           }"""
    )
    assert span["music"] == pytest.approx(0.5 * span["wall"], abs=0.2)
    assert page.evaluate("[audios[0].playbackRate, audios[0].preservesPitch]") == [0.5, True]
    page.get_by_role("button", name="Pause").click()
    moments = page.evaluate("moments")
    lit = [moment for moment in moments if moment["lit"]]
    assert len(lit) >= 10
    for moment in moments:
        assert moment["lit"] == recorded.sounding_at(moment["time"])


@pytest.mark.parametrize("percent", [100, 50])
def test_metronome_clicks_on_the_performed_beats(recorded: Player, percent: int) -> None:
    """Each click falls when the recording reaches a beat of it, however unevenly it was played.

    A page that a busy machine holds up strikes late; it is listened to until it had its turn for some beats on end.
    """
    page = recorded.page
    first = next(measure for measure in recorded.sync["measures"] if measure["start_s"] > 8)
    recorded.seek(first["start_s"] - 0.2)
    page.get_by_role("slider", name="Speed").fill(str(percent))
    page.get_by_role("button", name="Metronome").click()
    page.get_by_role("button", name="Play", exact=True).click()
    beats = {second: place == 0 for bar in recorded.sync["measures"] for place, second in enumerate(bar["beats_s"])}

    def heard() -> tuple[list[dict[str, float]], list[float], list[float]]:
        """The last clicks, the beat nearest to each, and how far off it each falls."""
        clicks = page.evaluate(f"clicks.slice(-{CLICKS})")
        falls_s = [click["music"] + (click["when"] - click["heard"]) * percent / 100 for click in clicks]
        nearest = [min(beats, key=lambda second: abs(second - at_s)) for at_s in falls_s]
        return clicks, nearest, [abs(at_s - beat_s) for at_s, beat_s in zip(falls_s, nearest, strict=True)]

    recorded.wait_for(f"clicks.length >= {CLICKS}")
    clicks, nearest, off_s = heard()
    while max(off_s) >= 0.05 and page.get_by_role("button", name="Pause").is_visible():
        recorded.wait_for(f"clicks.length > {page.evaluate('clicks.length')} || audios[0].paused")
        clicks, nearest, off_s = heard()
    print(f"clicks off the beat by at most {1000 * max(off_s):.0f} ms")
    assert max(off_s) < 0.05
    started = sorted(beats).index(nearest[0])
    assert nearest == sorted(beats)[started : started + len(nearest)], "no beat is left out, none clicks twice"
    assert [click["pitch"] > 1500 for click in clicks] == [beats[second] for second in nearest]


def test_click_on_a_note_plays_from_there_and_chooses_it(recorded: Player) -> None:
    note = next(note for note in recorded.sync["notes"] if note["onset_s"] > 12)
    recorded.note(note["id"]).locator(".notehead").click()
    recorded.wait_for_time(f"time >= {note['onset_s']}")
    assert recorded.page.evaluate("moments.find(({ lit }) => lit.length).time") >= note["onset_s"] - 0.05
    assert recorded.page.evaluate("told.at(-1)") == ["select", {"source": note["source"], "id": note["id"]}]
    assert note["id"] in recorded.marked("chosen")
    expect(recorded.page.get_by_role("heading", name=re.compile(r"in bar \d+, \d+ % sure"))).to_be_visible()


def test_evidence_says_why_a_note_was_written(recorded: Player) -> None:
    page = recorded.page
    note = next(note for note in recorded.sync["notes"] if note["onset_s"] > 5 and note["confidence"] > 0.9)
    recorded.note(note["id"]).locator(".notehead").click()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Why?").click()
    expect(page.locator(".why")).to_contain_text("was struck here with a strength of")
    assert page.locator(".instead").inner_text() != ""
    painted = (
        "([...document.querySelector('.spectrum').getContext('2d').getImageData(0, 0, 60, 60).data].some(Boolean))"
    )
    assert page.evaluate(painted)
    page.get_by_role("region", name="Why this note").get_by_role("button", name="Close").click()
    expect(page.locator(".evidence")).to_be_hidden()
    assert page.evaluate("told.at(-1)") == ["select", {"source": None, "id": None}]


@pytest.mark.parametrize(
    ("stroke", "ringing", "sure", "words"),
    [
        (90, 100, 95, "with a strength of 90 %, and it was heard to ring on"),
        (20, 100, 95, "Only 20 % of a stroke was heard here, but the notes around speak for"),
        (90, 100, 60, "the notes around speak against it: together only 60 % sure"),
        (20, 100, 60, "it may be an echo"),
        (90, 20, 60, "it hardly rang on (20 %)"),
        (55, 100, 60, "with a strength of 55 %, and it was heard to ring on"),
    ],
)
def test_why_weighs_the_stroke_against_what_surrounds_it(
    site: Site, minuet: str, stroke: int, ringing: int, sure: int, words: str
) -> None:
    def all_as_sure(route: Route) -> None:
        answer = route.fetch()
        played = answer.json()
        notes = [{**note, "confidence": sure / 100} for note in played["notes"]]
        route.fulfill(response=answer, json={**played, "notes": notes})

    def all_as_strong(route: Route) -> None:
        answer = route.fetch()
        seen = answer.json()
        levels = {
            curve: [[round(2.55 * percent)] * len(seen["pitches"])] * len(seen[curve])
            for curve, percent in (("onset", stroke), ("frame", ringing))
        }
        route.fulfill(response=answer, json={**seen, **levels})

    site.page.route("**/notes.json", all_as_sure)
    site.page.route("**/evidence?*", all_as_strong)
    player = Player(site, minuet)
    player.note(player.sync["notes"][0]["id"]).locator(".notehead").click()
    site.page.get_by_role("button", name="Why?").click()
    expect(site.page.locator(".why")).to_contain_text(words)


def test_doubtful_notes_are_shaded_by_the_slider_and_listed(recorded: Player) -> None:
    page = recorded.page
    page.get_by_role("button", name="How sure the transcription is").click()
    notes = recorded.sync["notes"]
    for percent in (95, 100, 50):
        page.get_by_role("slider", name=re.compile("Shaded")).fill(str(percent))
        shaded = [id for level in (1, 2, 3) for id in recorded.marked(f"doubt-{level}")]
        assert sorted(shaded) == sorted(note["id"] for note in notes if note["confidence"] < percent / 100)
    page.get_by_role("slider", name=re.compile("Shaded")).fill("100")
    doubts = {
        measure["id"]: sum(
            1 - note["confidence"] for note in notes if note["measure"] == measure["id"] and not note["tied"]
        )
        for measure in recorded.sync["measures"]
    }
    worst = max(recorded.sync["measures"], key=lambda measure: doubts[measure["id"]])
    first = page.get_by_role("region", name="How sure").get_by_role("listitem").first
    expect(first).to_contain_text(f"bar {worst['number']}")
    first.get_by_role("button").click()
    recorded.wait_for_time(f"time > {worst['start_s']}")
    recorded.wait_for_time(f"time >= {worst['end_s']}")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_the_line_stays_where_it_is_played_when_the_page_grows_narrower(played: Player) -> None:
    page = played.page
    place = """(() => {
      const sheet = document.querySelector(".sheet");
      const cursor = sheet.shadowRoot.querySelector(".cursor");
      const [line, whole] = [cursor, sheet].map((one) => one.getBoundingClientRect());
      return (line.x - whole.x) / whole.width;
    })()"""
    before = page.evaluate(place)
    page.set_viewport_size({"width": 700, "height": 844})
    played.wait_for(f"document.querySelector('.sheet').clientWidth < 700 && Math.abs({place} - {before}) < 0.004")


def test_bars_that_are_dragged_over_repeat(played: Player) -> None:
    page = played.page
    page.locator(".sheet").scroll_into_view_if_needed()
    bars = played.sync["measures"]
    first = next(note["id"] for note in played.sync["notes"] if note["measure"] == bars[1]["id"])
    last = next(note["id"] for note in played.sync["notes"] if note["measure"] == bars[2]["id"])
    start, end = (played.note(id).locator(".notehead").bounding_box() for id in (first, last))
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 3, start["y"] + 3)
    page.mouse.down()
    page.mouse.move(end["x"] + 3, end["y"] + 3, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name="Repeat bars")).to_contain_text("2–3")
    page.keyboard.press("Space")
    played.wait_for_time(f"time > {bars[2]['start_s']}")
    played.wait_for_time(f"time < {bars[2]['start_s']}")
    times = page.evaluate("moments.map(({ time }) => time)")
    assert max(times) < bars[2]["end_s"] + 0.25
    jump = next(after for before, after in pairwise(times) if after < before - 0.5)
    assert jump == pytest.approx(bars[1]["start_s"], abs=0.1)
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Repeat bars")).to_have_attribute("aria-pressed", "false")


def test_one_hand_rests_and_the_piano_plays_the_other(played: Player) -> None:
    page = played.page
    page.keyboard.press("3")
    expect(page.get_by_role("button", name="Right", exact=True)).to_have_attribute("aria-pressed", "true")
    left = sorted(note["id"] for note in played.sync["notes"] if note["staff"] == 2)
    assert played.marked("resting") == left
    page.keyboard.press("Space")
    played.wait_for_time("time > 3")
    page.keyboard.press("Space")
    until = played.time()
    right = [note for note in played.sync["notes"] if note["staff"] == 1 and note["onset_s"] <= until]
    strokes = page.evaluate("tones.length")
    assert len(right) <= strokes <= len(right) + 2  # the next ones are struck a quarter of a second ahead


def test_keyboard_alone_reaches_everything(played: Player) -> None:
    page = played.page
    bars = played.sync["measures"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert played.time() == pytest.approx(bars[2]["start_s"], abs=0.001)
    page.keyboard.press("[")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    expect(page.get_by_role("button", name="Repeat bars")).to_contain_text("3–4")
    page.keyboard.press("-")
    expect(page.get_by_role("slider", name="Speed")).to_have_value("95")
    page.keyboard.press(".")
    chosen = page.evaluate("told.at(-1)")
    assert chosen[0] == "select"
    expect(page.locator(".say")).to_contain_text("in bar 4")
    page.keyboard.press("Home")
    assert played.time() == 0
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Metronome")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("1")
    expect(page.get_by_role("button", name="Left", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("n")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    kind, added = page.evaluate("told.at(-1)")
    assert (kind, added["pitch"]) == ("add", 61)
    assert 0 <= added["onset_s"] < added["offset_s"]
    page.keyboard.press("Space")
    played.wait_for_time("time > 0.5")
    assert played.site.errors == []


def test_missed_note_is_put_in_on_the_roll_and_drawn(played: Player) -> None:
    page = played.page
    before = len(played.sync["notes"])
    played.seek(10)
    page.get_by_role("button", name="Add a missed note").click()
    box = page.locator(".roll").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    kind, added = page.evaluate("told.at(-1)")
    assert kind == "add"
    assert added["onset_s"] == pytest.approx(10, abs=0.3)
    heads = "sheets().reduce((sum, sheet) => sum + sheet.shadowRoot.querySelectorAll('g.note').length, 0)"
    played.wait_for(f"document.getElementById('job').dataset.drawn > 0 && {heads} > {before}")
    assert played.time() == pytest.approx(10, abs=0.3)
