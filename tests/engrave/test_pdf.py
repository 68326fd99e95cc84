from __future__ import annotations

import re
import zlib

import pytest

from tests.engrave.scores import study, waltz
from transcriber.engrave.musicxml import write_musicxml
from transcriber.engrave.pdf import write_pdf
from transcriber.engrave.svg import draw_pages
from transcriber.errors import EngravingError


def expanded(pdf: bytes) -> bytes:
    """The file with its compressed streams opened, so that its objects can be searched."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    opened = [pdf]
    for stream in streams:
        try:
            opened.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(opened)


@pytest.fixture(scope="module")
def pages() -> tuple[str, ...]:
    return draw_pages(write_musicxml(study()[0]), title="Study", composer="Nobody")


def test_pages_become_an_a4_pdf_with_title_and_author(pages: tuple[str, ...]) -> None:
    pdf = expanded(write_pdf([*pages, *pages], title="Study", composer="Nobody"))
    assert pdf.startswith(b"%PDF-1.")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2
    boxes = [tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf)]
    assert boxes
    assert all(box == pytest.approx((0, 0, 595.276, 841.89), abs=0.01) for box in boxes)
    assert b"/Title" in pdf
    assert b"Study" in pdf
    assert b"Nobody" in pdf


def test_the_text_faces_are_embedded(pages: tuple[str, ...]) -> None:
    """The serif of the words, bold for the tempo, and the signs of the metronome mark."""
    pdf = expanded(write_pdf(pages))
    fonts = set(re.findall(rb"/BaseFont\s*/[A-Z]{6}\+([\w-]+)", pdf))
    names = b" ".join(sorted(fonts)).decode()
    assert "LibertinusSerif" in names
    assert "TextSigns" in names


def test_the_bytes_repeat_and_hold_no_date(pages: tuple[str, ...]) -> None:
    pdf = write_pdf(pages, title="Study")
    assert pdf == write_pdf(pages, title="Study")
    assert b"CreationDate" not in expanded(pdf)
    assert b"ModDate" not in expanded(pdf)


def test_titles_in_quotes_and_other_scripts() -> None:
    title = 'Étude "No. 1" \\ 練習曲'
    pages = draw_pages(write_musicxml(waltz()[0]), title=title)
    assert write_pdf(pages, title=title, composer="Дмитрий").startswith(b"%PDF")


def test_a_page_that_is_no_svg_is_one_clear_error() -> None:
    with pytest.raises(EngravingError, match="typst cannot lay out"):
        write_pdf(["<svg"])
