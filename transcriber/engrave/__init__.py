"""Score -> files: MusicXML, SVG pages, PDF, MIDI and the synchronisation of page and recording."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from transcriber.engrave.midi import write_quantized_midi
from transcriber.engrave.musicxml import write_musicxml
from transcriber.engrave.pdf import write_pdf
from transcriber.engrave.svg import draw_pages
from transcriber.engrave.sync import Synchronisation
from transcriber.errors import EngravingError, OptionError
from transcriber.performance import Performance, midi_bytes
from transcriber.score import Score

FORMATS = ("musicxml", "pdf", "svg", "midi", "sync")


def engrave(score: Score, performance: Performance, formats: Collection[str] = FORMATS) -> dict[str, bytes]:
    """The files of a score as file suffix -> bytes; the same score and performance give the same bytes.

    `formats` names some of FORMATS: "musicxml" gives ".musicxml", "pdf" ".pdf", "svg" ".page-1.svg", ".page-2.svg" and
    so on, "midi" ".mid" (as performed) and ".quantized.mid" (as written), "sync" ".sync.json".

    Raises OptionError for an unknown format and EngravingError where the score cannot be written or drawn.
    """
    return Edition(score, performance).files(formats)


class Edition:
    """A score on its way to files: what several formats need is made once, when the first of them is asked for."""

    def __init__(self, score: Score, performance: Performance) -> None:
        self.score = score
        self.performance = performance

    @cached_property
    def musicxml(self) -> bytes:
        return write_musicxml(self.score)

    @cached_property
    def pages(self) -> tuple[str, ...]:
        score = self.score
        return draw_pages(self.musicxml, title=score.title, composer=score.composer, staff_mm=score.staff_mm)

    @cached_property
    def synchronisation(self) -> Synchronisation:
        return Synchronisation(self.score, self.performance)

    def begin_drawing(self) -> None:
        """Called as soon as it is sure that `pages` will be asked for; whoever draws elsewhere starts that here."""

    def pdf(self) -> bytes:
        return write_pdf(self.pages, title=self.score.title, composer=self.score.composer)

    def files(self, formats: Collection[str]) -> dict[str, bytes]:
        """As `engrave`."""
        unknown = sorted(set(formats) - set(FORMATS))
        if unknown:
            raise OptionError(f"There is no format named {unknown[0]!r}; choose from {', '.join(FORMATS)}.")
        score, performance = self.score, self.performance
        if not score.measures:
            raise EngravingError("The score holds no bar, so there is nothing to engrave.")
        if not {"pdf", "svg", "sync"}.isdisjoint(formats):
            self.begin_drawing()
        files: dict[str, bytes] = {}
        if "sync" in formats:
            files[".sync.json"] = self.synchronisation.on_pages(self.pages)
        if "musicxml" in formats:
            files[".musicxml"] = self.musicxml
        if "pdf" in formats:
            files[".pdf"] = self.pdf()
        if "svg" in formats:
            files |= {f".page-{number}.svg": page.encode() for number, page in enumerate(self.pages, start=1)}
        if "midi" in formats:
            files[".mid"] = midi_bytes(performance)
            files[".quantized.mid"] = write_quantized_midi(score, performance)
        return files
