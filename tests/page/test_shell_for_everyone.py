"""The page for everyone: axe-core, the keyboard alone, two languages, right to left, light and dark, no connection."""

import re
import time
from collections.abc import Sized
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FileChooser, Page, Route, expect

from api.page import STATIC
from api.problems import __doc__ as problem_codes
from tests.page.conftest import PATIENCE_S, Score, Site
from transcriber import errors

pytestmark = pytest.mark.browser
PHYSICAL = re.compile(r"(?<![\w-])(margin|padding|border|inset)?-?(left|right)\s*:|text-align:\s*(left|right)")


def violations(page: Page) -> list[str]:
    """What axe-core holds against the page as it stands, but for what it calls minor."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:120]}"
        for one in found
        if one["impact"] != "minor"
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(site: Site, score: Score, theme: Literal["light", "dark"]) -> None:
    page = site.page
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    expect(page.get_by_role("listitem").first).to_be_visible()
    page.get_by_text("Title, metre, key and level").click()
    assert violations(page) == []

    page.goto(f"{site.address}/#{score.id}")
    expect(page.locator("#stage svg").first).to_be_visible()
    page.get_by_role("button", name="Correct", exact=True).click()
    page.get_by_role("combobox", name="Metre").select_option("4/4")
    expect(page.locator("#redraw")).to_have_text("Redrawn.")
    page.get_by_role("button", name="Undo", exact=True).click()
    assert violations(page) == []
    for menu in ("View", "Download"):
        page.get_by_text(menu, exact=True).click()
        assert violations(page) == []
    page.get_by_role("button", name="Share", exact=True).click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert violations(page) == []


def test_keyboard_alone_goes_from_upload_to_correction(site: Site, waltz: bytes, tmp_path: Path) -> None:
    page, keys = site.page, site.page.keyboard
    choosers: list[FileChooser] = []
    page.on(
        "filechooser", lambda chooser: choosers.append(chooser)
    )  # from now on: the browser takes a moment before it hands them over
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    file = tmp_path / "By keyboard.mid"
    file.write_bytes(waltz)
    expect(page.locator("#recording")).to_be_focused()
    keys.press("Enter")
    _wait_for(choosers, page)
    choosers[0].set_files(file)
    expect(page.get_by_role("button", name="Write it down")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("heading", name="By keyboard")).to_be_focused()
    expect(page.locator("#stage svg").first).to_be_visible()

    keys.press("e")
    expect(page.get_by_role("heading", name="Correct")).to_be_focused()
    for _ in range(3):
        keys.press("Tab")
    expect(page.get_by_role("combobox", name="Metre")).to_be_focused()
    keys.press("3")  # of "3/4", as a select takes it
    expect(page.locator("#redraw")).to_have_text("Redrawn.")
    expect(page.get_by_role("combobox", name="Metre")).to_be_focused()
    expect(page.get_by_role("complementary").get_by_text("One correction")).to_be_visible()
    for _ in range(100):  # back over everything that the player offers
        keys.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('#view-menu > summary')"):
            break
    keys.press("Enter")
    keys.press("Tab")
    keys.press("ArrowDown")
    expect(page.get_by_role("radio", name="Simple")).to_be_checked()
    keys.press("Escape")
    expect(page.locator("#view-menu > summary")).to_be_focused()
    keys.press("?")
    expect(page.get_by_role("dialog", name="With the keyboard")).to_contain_text("Undo")
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_visitor_quicker_than_the_scripts_loses_nothing(browser: Browser, site: Site, waltz: bytes) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route("**/texts/en.js", lambda route: held.append(route))  # what every script waits for
    page.goto(site.address, wait_until="commit")
    expect(page.locator("#recording")).to_be_attached()
    page.wait_for_function("document.getElementById('main') !== null")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.set_input_files("#recording", {"name": "Early.mid", "mimeType": "audio/midi", "buffer": waltz})
    _wait_for(held, page)
    for route in held:
        route.continue_()
    expect(page.get_by_role("button", name="Write it down")).to_be_focused()
    assert page.evaluate("location.hash") == ""
    page.close()


def _wait_for(things: Sized, page: Page) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not len(things):
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(20)


def test_everything_is_said_in_both_languages(site: Site) -> None:
    texts = site.page.evaluate(
        "Promise.all(['en', 'de'].map(async (code) => (await import(`/static/js/texts/${code}.js`)).default))"
    )
    english, german = texts
    own = {key for key in german if key.startswith("problem.")}
    assert set(english) - set(german) == set()
    assert set(german) - set(english) <= own

    holes = {
        key: {re.findall(r"\{\w+\}", form)[0] for form in _forms(text) if "{" in form} for key, text in english.items()
    }
    for key, text in german.items():
        assert {re.findall(r"\{\w+\}", form)[0] for form in _forms(text) if "{" in form} == holes.get(key, set()), key
        assert isinstance(text, dict) == isinstance(english.get(key, ""), dict), key

    known = set(re.findall(r"[a-z]+(?:-[a-z]+)+", problem_codes or ""))
    known |= {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    assert {key.removeprefix("problem.") for key in own} - {"away", "stopped", "status", "no-file"} <= known


def _forms(text: str | dict[str, str]) -> list[str]:
    return [text] if isinstance(text, str) else [text["other"]]


def test_page_before_its_scripts_says_the_same(site: Site) -> None:
    """The words in index.html, shown until the scripts run, are those of the English texts."""
    english = site.page.evaluate("import('/static/js/texts/en.js').then((module) => module.default)")
    source = (STATIC / "index.html").read_text()
    written = re.findall(r'data-t="([^"]+)"[^>]*>([^<]*)<', source)
    assert len(written) > 50
    assert [(key, text) for key, text in written if english[key] != text] == []
    labels = re.findall(r'aria-label="([^"]*)"[^>]*data-t-label="([^"]+)"', source)
    assert [(key, text) for text, key in labels if english[key] != text] == []


def test_german_is_chosen_by_the_browser_and_by_hand(browser: Browser, site: Site, score: Score) -> None:
    guest = browser.new_context(locale="de-AT").new_page()
    guest.goto(f"{site.address}/#{score.id}")
    expect(guest.get_by_role("button", name="Verbessern")).to_be_visible()
    expect(guest.locator("#job-status")).to_contain_text("Fertig")
    assert guest.evaluate("document.documentElement.lang") == "de"
    guest.get_by_role("button", name="Verbessern").click()
    expect(guest.get_by_role("combobox", name="Tonart").get_by_role("option", name="B-Dur")).to_be_attached()
    guest.get_by_role("combobox", name="Sprache").select_option("en")
    expect(guest.get_by_role("button", name="Correct", exact=True)).to_be_visible()
    guest.reload()
    expect(guest.get_by_role("button", name="Correct", exact=True)).to_be_visible()
    guest.context.close()


@pytest.mark.parametrize("site", [1280, 390], indirect=True)
def test_nothing_overlaps_from_right_to_left(site: Site, score: Score) -> None:
    page = site.page
    for address in (site.address, f"{site.address}/#{score.id}"):
        page.goto(address)
        page.evaluate("document.documentElement.dir = 'rtl'")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for sheet in [STATIC / "page.css", *(STATIC / "css").glob("*.css")]:
        if sheet.name != "score.css":
            assert PHYSICAL.findall(sheet.read_text()) == [], sheet.name


@pytest.mark.parametrize("site", [1280, 1000, 820, 390], indirect=True)
def test_menus_stay_within_the_window(site: Site, score: Score) -> None:
    page = site.page
    page.goto(f"{site.address}/#{score.id}")
    expect(page.locator("#stage svg").first).to_be_visible()
    for menu in ("view", "download", "more"):
        for direction in ("ltr", "rtl"):
            page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
            page.locator(f"#{menu}-menu > summary").click()
            box = page.locator(f"#{menu}-menu > .panel").bounding_box()
            assert box is not None
            width = page.evaluate("window.innerWidth")
            assert box["x"] >= 0, (menu, direction)
            assert box["x"] + box["width"] <= width, (menu, direction)
            page.keyboard.press("Escape")


def test_theme_is_kept(site: Site) -> None:
    page = site.page
    page.emulate_media(color_scheme="light")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("combobox", name="Light or dark").select_option("dark")
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')").startswith("rgb")


def test_what_is_loaded_goes_on_without_a_connection(site: Site, score: Score) -> None:
    page = site.page
    page.goto(f"{site.address}/#{score.id}")
    expect(page.locator("#stage svg").first).to_be_visible()
    page.get_by_role("button", name="Correct", exact=True).click()
    site.context.set_offline(True)
    expect(page.locator("#offline")).to_contain_text("goes on working")
    metre = page.get_by_role("combobox", name="Metre")
    metre.select_option("2/4")
    expect(page.locator("#redraw-problem")).to_contain_text("check the connection")
    expect(metre).to_have_value("")
    expect(page.locator("#stage svg").first).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="With the keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    site.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    metre.select_option("2/4")
    expect(page.locator("#redraw")).to_have_text("Redrawn.")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(metre).to_have_value("")
