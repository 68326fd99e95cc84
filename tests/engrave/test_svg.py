from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.engrave.scores import SCORES, bar, finished, study, voice, waltz
from transcriber.engrave import svg
from transcriber.engrave.musicxml import measure_id, write_musicxml
from transcriber.engrave.svg import draw_pages
from transcriber.errors import EngravingError
from transcriber.score import KeySignature, Score, TimeSignature

SVG = "{http://www.w3.org/2000/svg}"


def long_score(bars: int) -> Score:
    time, key = TimeSignature(4, 4), KeySignature(0)
    measures = [
        bar(number, time, key, [voice(1, "C5/8 " * 8)], [voice(1, "C3/4 E3/4 G3/4 E3/4")])
        for number in range(1, bars + 1)
    ]
    return finished(measures, title="Long", composer="Nobody")[0]


def words(page: str) -> list[str]:
    return ["".join(text.itertext()).strip() for text in ElementTree.fromstring(page).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", sorted(SCORES))
def test_every_head_and_bar_is_drawn_under_its_own_id(name: str) -> None:
    score = SCORES[name]()[0]
    root = ElementTree.fromstring("<pages>" + "".join(draw_pages(write_musicxml(score))) + "</pages>")
    drawn = {group.get("id"): group.get("class") for group in root.iter(f"{SVG}g")}
    for _, _, _, chord in score.chords():
        for head in [*(head for grace in chord.graces for head in grace.heads), *chord.heads]:
            assert drawn[head.id] == "note"
    for index in range(len(score.measures)):
        assert drawn[measure_id(index)] == "measure"


def test_pages_carry_title_composer_and_page_numbers() -> None:
    score = long_score(60)
    pages = draw_pages(write_musicxml(score), title=score.title, composer=score.composer)
    assert len(pages) >= 2
    assert words(pages[0])[-2:] == ["Long", "Nobody"]
    for number, page in enumerate(pages[1:], start=2):
        assert words(page)[-1] == str(number)
        assert "Long" not in words(page)


def test_pages_are_a4_and_well_filled() -> None:
    """Four to five bars of plain eighths a system, five to seven systems a page."""
    pages = draw_pages(write_musicxml(long_score(60)), title="Long")
    first = ElementTree.fromstring(pages[0])
    view = [float(number) for number in str(first.get("viewBox")).split()]
    assert view[3] / view[2] == pytest.approx(297 / 210, rel=1e-3)
    classes = [str(group.get("class")) for group in first.iter(f"{SVG}g")]
    systems, measures = classes.count("system"), classes.count("measure")
    assert 5 <= systems <= 7
    assert 4 <= measures / systems <= 5.5


def test_signs_within_text_come_with_their_font() -> None:
    page = draw_pages(write_musicxml(study()[0]))[0]
    assert "Leipzig" not in page
    assert page.count("@font-face") == 1
    assert re.search(r'font-family="Text Signs"[^>]*>\ueca5', page)


@pytest.mark.parametrize("title", ['A & B <i>"' + "very long " * 30, "練習曲" * 40])
def test_an_odd_title_stays_within_the_page_and_the_markup(title: str) -> None:
    score = replace(waltz()[0], title=title)
    page = draw_pages(write_musicxml(score), title=title)[0]
    heading = next(text for text in ElementTree.fromstring(page).iter(f"{SVG}text") if str(text.text)[:3] == title[:3])
    assert heading.get("font-size") == f"{svg.SMALLEST_TITLE}px"
    assert str(heading.text).endswith("…")
    letters = (len(str(heading.text)) - 1) * (1.0 if title[0] == "練" else 0.5)
    assert 0.9 * svg.LINE_WIDTH <= letters * svg.SMALLEST_TITLE <= svg.LINE_WIDTH


def test_a_title_of_middling_length_is_set_smaller() -> None:
    title = "A title that is too long for one line at the usual size"
    page = draw_pages(write_musicxml(waltz()[0]), title=title)[0]
    size = next(text.get("font-size") for text in ElementTree.fromstring(page).iter(f"{SVG}text") if text.text == title)
    assert svg.SMALLEST_TITLE < int(str(size).removesuffix("px")) < svg.TITLE_SIZE + 1


def test_the_same_score_gives_the_same_pages_whatever_was_drawn_before() -> None:
    document = write_musicxml(study()[0])
    first = draw_pages(document, title="Study")
    draw_pages(write_musicxml(waltz()[0]))
    assert draw_pages(document, title="Study") == first


def test_threads_draw_the_same_pages() -> None:
    documents = [write_musicxml(make()[0]) for make in SCORES.values()] * 2
    alone = [draw_pages(document) for document in documents]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(draw_pages, documents)) == alone


def test_a_composer_without_a_title_stands_above_the_music() -> None:
    score = replace(waltz()[0], title="")
    page = draw_pages(write_musicxml(score), composer=score.composer)[0]
    name = next(text for text in ElementTree.fromstring(page).iter(f"{SVG}text") if text.text == score.composer)
    assert name.get("y") == "0"


def test_messages_of_verovio_are_logged_and_not_printed(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A wedge that never ends makes verovio complain."""
    broken = write_musicxml(waltz()[0]).replace(b'<wedge type="stop"', b'<wedge type="continue"')
    with caplog.at_level(logging.WARNING, logger="transcriber.engrave.svg"):
        draw_pages(broken)
    assert any("hairpin" in record.message for record in caplog.records)
    assert capfd.readouterr().err == ""


def test_good_scores_draw_without_a_message(caplog: pytest.LogCaptureFixture) -> None:
    for make in SCORES.values():
        draw_pages(write_musicxml(make()[0]))
    assert caplog.records == []


@pytest.mark.parametrize("document", [b"", b"not music", b"<score-partwise><part/></score-partwise>"])
def test_what_verovio_cannot_read_is_one_clear_error(document: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngravingError, match="cannot be drawn"):
        draw_pages(document)
    assert capfd.readouterr().err == ""
