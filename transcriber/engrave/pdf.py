"""SVG pages -> one PDF, laid out by typst, which needs no package of the system.

typst sets text in the faces that it carries, so that the bytes are the same on every machine; the system's fonts are
looked at only where a title or a mark holds letters that those faces lack.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import typst

from transcriber.engrave.svg import FONTS
from transcriber.engrave.xmltree import printable
from transcriber.errors import EngravingError

TEXT_FACE = "Libertinus Serif"  # comes with typst; has Latin, Greek and Cyrillic
PAGE = "#set page(width: 210mm, height: 297mm, margin: 0mm)"
SVG_FONT = 'font-family="Times, serif"'
FONT_FACE = re.compile(r"<style>@font-face.*?</style>", re.DOTALL)
GLYPH = '<path transform="scale(1,-1)"'
STROKELESS_GLYPH = '<path style="stroke:none" transform="scale(1,-1)"'
WORDS = re.compile(r">([^<>]+)<")
BEYOND_TEXT_FACE = re.compile(r"[^\u0000-\u052f\u1e00-\u206f\u266d-\u266f\ue000-\uf8ff]")


def write_pdf(pages: Sequence[str], *, title: str = "", composer: str = "") -> bytes:
    """The pages as an A4 PDF with its title and author in the metadata. Raises EngravingError where typst fails."""
    sources = {f"page-{number}.svg": _for_typst(page).encode() for number, page in enumerate(pages, start=1)}
    images = [f'#image("{name}", width: 210mm, height: 297mm)' for name in sources]
    author = _quoted(composer) if composer else "()"
    metadata = f"#set document(title: {_quoted(title)}, author: {author}, date: none)"
    document = "\n".join([metadata, PAGE, *images])
    foreign = any(BEYOND_TEXT_FACE.search(words) for page in pages for words in WORDS.findall(page))
    inputs = {"main": document.encode(), **sources}
    try:
        # typst's type stubs leave out that its input may be a dict of files.
        pdf: bytes = typst.compile(  # type: ignore[call-overload]
            inputs, font_paths=_fonts(with_system=foreign), pdf_tags=False
        )
    except (typst.TypstError, RuntimeError) as cause:
        raise EngravingError("The PDF cannot be made, because typst cannot lay out the pages.") from cause
    return pdf


@cache
def _fonts(*, with_system: bool) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=with_system, include_embedded_fonts=True, font_paths=[FONTS])


def _for_typst(page: str) -> str:
    """typst reads no embedded fonts, and strokes the outlines of glyphs where a stylesheet asks for strokes."""
    page = FONT_FACE.sub("", page)
    page = page.replace(GLYPH, STROKELESS_GLYPH)
    return page.replace(SVG_FONT, f'font-family="{TEXT_FACE}"')


def _quoted(words: str) -> str:
    escaped = printable(words).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
