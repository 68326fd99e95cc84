"""Score -> files: MusicXML, SVG pages, PDF, MIDI and the synchronisation of page and recording."""

from __future__ import annotations

from collections.abc import Collection

from transcriber.engrave.midi import write_quantized_midi
from transcriber.engrave.musicxml import write_musicxml
from transcriber.engrave.pdf import write_pdf
from transcriber.engrave.svg import draw_pages
from transcriber.engrave.sync import write_sync
from transcriber.errors import EngravingError, OptionError
from transcriber.performance import Performance, midi_bytes
from transcriber.score import Score

FORMATS = ("musicxml", "pdf", "svg", "midi", "sync")
DRAWN = {"pdf", "svg", "sync"}  # formats that need the pages


def engrave(score: Score, performance: Performance, formats: Collection[str] = FORMATS) -> dict[str, bytes]:
    """The files of a score as file suffix -> bytes; the same score and performance give the same bytes.

    `formats` names some of FORMATS: "musicxml" gives ".musicxml", "pdf" ".pdf", "svg" ".page-1.svg", ".page-2.svg" and
    so on, "midi" ".mid" (as performed) and ".quantized.mid" (as written), "sync" ".sync.json".

    Raises OptionError for an unknown format and EngravingError where the score cannot be written or drawn.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown:
        raise OptionError(f"There is no format named {unknown[0]!r}; choose from {', '.join(FORMATS)}.")
    if not score.measures:
        raise EngravingError("The score holds no bar, so there is nothing to engrave.")
    musicxml = write_musicxml(score)
    pages: tuple[str, ...] = ()
    if DRAWN & set(formats):
        pages = draw_pages(musicxml, title=score.title, composer=score.composer)
    files: dict[str, bytes] = {}
    if "musicxml" in formats:
        files[".musicxml"] = musicxml
    if "pdf" in formats:
        files[".pdf"] = write_pdf(pages, title=score.title, composer=score.composer)
    if "svg" in formats:
        files |= {f".page-{number}.svg": page.encode() for number, page in enumerate(pages, start=1)}
    if "midi" in formats:
        files[".mid"] = midi_bytes(performance)
        files[".quantized.mid"] = write_quantized_midi(score, performance)
    if "sync" in formats:
        files[".sync.json"] = write_sync(score, performance, pages)
    return files
