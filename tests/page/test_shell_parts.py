"""The page's parts without a score: corrections as a list, undo, the time that is left, following a job."""

import json
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from api.page import STATIC, VIEWS, imported
from tests.page.conftest import Score, Site

pytestmark = pytest.mark.browser


def run(site: Site, module: str, body: str) -> Any:
    """The value of `body`, in which `it` is the module."""
    return site.page.evaluate(f"import('/static/js/{module}').then((it) => {{ {body} }})")


def test_corrections_of_added_notes_follow_their_numbers(site: Site) -> None:
    """Ten notes were heard; taking back the first added one makes the second the first."""
    found = run(
        site,
        "correct/edits.js",
        """
        let edits = it.withAdded([], { onset_s: 1, offset_s: 2, pitch: 60 });
        edits = it.withAdded(edits, { onset_s: 3, offset_s: 4, pitch: 62 });
        edits = it.withNoteEdit(edits, "hand", 11, { hand: "left" });
        edits = it.withNoteEdit(edits, "respell", 4, { step: "C", alter: 0 });
        const deleted = it.withoutNote(edits, 10, 10);
        return { edits, deleted, recorded: it.withoutNote(edits, 4, 10), again: it.withAdded(deleted, { pitch: 64 }) };
        """,
    )
    assert [edit.get("id") for edit in found["edits"]] == ["a1", "a2", None, None]
    assert found["deleted"] == [
        {"edit": "add", "id": "a2", "onset_s": 3, "offset_s": 4, "pitch": 62},
        {"edit": "hand", "source": 10, "hand": "left"},
        {"edit": "respell", "source": 4, "step": "C", "alter": 0},
    ]
    assert found["recorded"][-1] == {"edit": "delete", "source": 4}
    assert all(edit["edit"] != "respell" for edit in found["recorded"])
    assert found["again"][-1]["id"] == "a3"


def test_tempo_level_is_one_correction(site: Site) -> None:
    found = run(
        site,
        "correct/edits.js",
        """
        const twice = it.withScaledTempo([], 2);
        const half = it.withScaledTempo(it.withScaledTempo(twice, 0.5), 0.5);
        const part = it.withNoteEdit([], "tempo-level", 7, { factor: "2" });
        if (it.tempoLevel(part) !== 1 || it.withScaledTempo(part, 0.5)[0] !== part[0]) return "from a note on: lost";
        return [twice, half, it.withScaledTempo(half, 2), it.canScaleTempo(it.withScaledTempo(half, 0.5), 0.5)];
        """,
    )
    assert found == [[{"edit": "tempo-level", "factor": "2"}], [{"edit": "tempo-level", "factor": "1/2"}], [], False]


def test_undo_and_redo_are_inverse(site: Site) -> None:
    found = run(
        site,
        "correct/history.js",
        """
        const two = it.record(it.record(it.begin("a"), "b"), "c");
        const back = it.undone(it.undone(two));
        return [back.present, it.redone(back).present, it.redone(it.redone(back)), it.record(back, "d").future];
        """,
    )
    assert found == ["a", "b", {"past": ["a", "b"], "present": "c", "future": []}, []]


def test_names_of_a_pitch(site: Site) -> None:
    names = run(
        site,
        "pitch.js",
        "return [1, 11, 12].map((pitch) => it.spellings(60 + pitch).map((s) => it.spelledName(s.step, s.alter)));",
    )
    assert [sorted(some) for some in names] == [["B♯♯", "C♯", "D♭"], ["A♯♯", "B", "C♭"], ["B♯", "C", "D♭♭"]]
    assert run(site, "pitch.js", "return [it.pitchName(21), it.pitchName(60), it.pitchName(70)];") == [
        "A0",
        "C4",
        "B♭4",
    ]
    assert run(site, "pitch.js", "return [it.keyName(-2, 'major'), it.keyName(3, 'minor')];") == [
        "B♭ major",
        "F♯ minor",
    ]


def test_time_left_is_told_when_it_can_be(site: Site) -> None:
    found = run(
        site,
        "estimate.js",
        """
        const e = new it.Estimate();
        const steps = [["listen", 0, 0], ["listen", 0.01, 4], ["listen", 0.5, 10], ["notate", 0, 21]];
        return [steps.map((step) => e.left(...step)), [7, 23, 52, 95].map(it.rounded)];
        """,
    )
    assert found[0] == [None, None, 10, None]
    assert [(one["unit"], one["n"]) for one in found[1]] == [
        ("seconds", 7),
        ("seconds", 25),
        ("seconds", 55),
        ("minutes", 2),
    ]


def test_progress_is_asked_for_where_events_do_not_come_through(site: Site, waltz: bytes) -> None:
    site.page.route("**/events", lambda route: route.abort())
    site.open_score("Polled", waltz)
    expect(site.page.locator("#job-status")).to_contain_text("Done")


def test_change_from_elsewhere_is_not_overwritten(site: Site, score: Score) -> None:
    """Two windows: the second changes the score by what it knew before the first did."""
    page = site.page
    page.goto(f"{site.address}/#{score.id}")
    page.get_by_role("button", name="Correct", exact=True).click()
    metre = page.get_by_role("combobox", name="Metre")
    expect(metre).to_be_visible()
    job = score.get()
    score.put(edits=[{"edit": "key", "fifths": -1, "mode": "major"}], view=job["view"], base=job["revision"])
    metre.select_option("4/4")
    expect(page.locator("#redraw-problem")).to_contain_text("changed elsewhere")
    expect(metre).to_have_value("")
    expect(page.get_by_role("combobox", name="Key")).to_have_value("-1 major")
    page.get_by_role("button", name="Undo all corrections").click()
    expect(page.get_by_text("No corrections yet.")).to_be_visible()


def test_change_that_cannot_be_drawn_is_said(site: Site, score: Score) -> None:
    def broken(route: Route) -> None:
        job = score.get() | {"redraw_error": {"code": "engraving-failed", "message": "It cannot be drawn."}}
        route.fulfill(body=f"event: transcription\ndata: {json.dumps(job)}\n\n", content_type="text/event-stream")

    site.page.route("**/events", broken)
    site.page.goto(f"{site.address}/#{score.id}")
    expect(site.page.locator("#redraw-problem")).to_contain_text("The last change could not be drawn")


def modules(site: Site) -> set[str]:
    return {url.partition("/js/")[2] for url in site.requests if url.endswith(".js")}


def test_home_loads_what_it_announced_and_nothing_of_the_score(site: Site) -> None:
    """Modules that are not announced are found one after the other, each a round trip later."""
    site.requests.clear()
    site.page.reload(wait_until="networkidle")
    expect(site.page.locator("#theme")).to_have_value("auto")
    assert modules(site) == set(imported(STATIC / "js", VIEWS["home"]))


def test_a_score_opened_by_its_address_loads_what_was_announced_and_each_page_once(site: Site, score: Score) -> None:
    site.page.goto("about:blank")
    site.requests.clear()
    site.page.goto(f"{site.address}/#{score.id}")
    expect(site.page.locator("#stage g.note").first).to_be_attached()
    expect(site.page.locator("#stage .controls")).to_be_visible()
    site.page.wait_for_load_state("networkidle")
    announced = set(imported(STATIC / "js", VIEWS["job"]))
    at_home = set(imported(STATIC / "js", VIEWS["home"]))  # loaded when all is there, for the way back
    assert announced <= modules(site) <= announced | at_home
    for page in score.get()["links"]["pages"]:
        assert [url for url in site.requests if url.endswith(page)] == [f"{site.address}{page}"]
    assert not [url for url in site.requests if url.endswith("/events")]  # it is finished: nothing is to be followed
    assert site.page.locator("#stage .sheet").count() == len(score.get()["links"]["pages"])
    assert site.errors == []


@pytest.mark.parametrize("late", ["score/stage.js", "job.js"])
def test_a_page_that_was_drawn_early_is_left_behind_for_another_piece(site: Site, score: Score, late: str) -> None:
    """A script comes late, and meanwhile the visitor goes elsewhere."""
    held: list[Route] = []
    site.page.route(f"**/js/{late}", lambda route: held.append(route))
    site.page.goto("about:blank")
    site.page.goto(f"{site.address}/#{score.id}")
    expect(site.page.locator("#stage > .sheet g.note").first).to_be_attached()
    site.page.evaluate("location.hash = ''")
    expect(site.page.locator("#home")).to_be_visible()
    expect(site.page.locator("#stage .sheet")).to_have_count(0)
    for route in held:
        route.continue_()
    site.page.evaluate(f"location.hash = '{score.id}'")
    expect(site.page.locator("#stage .controls")).to_be_visible()
    expect(site.page.locator("#stage > .sheet")).to_have_count(0)
    expect(site.page.locator("#stage .sheets .sheet g.note").first).to_be_attached()
