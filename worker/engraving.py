"""Drawing in a child process: it is native code that nothing else can interrupt, and holds up every thread.

python -m worker.engraving LIMITS       on standard input a line of JSON, {"title", "composer", "staff_mm", "bytes"},
                                        and the bytes of a MusicXML document, answered with its pages; then, where a
                                        line "pdf" follows, the PDF of them

Whatever of a score's files is not drawn is written by this process meanwhile.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

from transcriber.options import FORMATS
from worker.child import Answering, Child, Progress
from worker.confinement import Limits, confine

if TYPE_CHECKING:
    from transcriber.performance import Performance
    from transcriber.score import Score

MODULE = "worker.engraving"
LIMITS = Limits(memory_bytes=8 * 1024**3, cpu_s=900, wall_s=1800.0, answer_bytes=1024**3)


class Engraver:
    """Engraves one score, with a child process that draws."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def begin(self, score: Score, performance: Performance) -> None:
        """The child draws from now on, whatever this process does until it asks for the files."""
        from worker.drawing import DrawnByChild

        self._edition = DrawnByChild(score, performance, self._child)
        self._edition.begin_drawing()

    def files(self, formats: Collection[str] = FORMATS, on_progress: Progress | None = None) -> dict[str, bytes]:
        """As `transcriber.engrave.engrave`, some now and others later; EngravingError too where the child wants more
        than its limits.

        `on_progress` is called several times a second and may raise to end the work.
        """
        self._edition.on_progress = on_progress
        return self._edition.files(formats)


class Presses:
    """The engravers of this process. With `keep_ready`, the next one is always loaded before it is needed."""

    def __init__(self) -> None:
        self._waiting: Child | None = None
        self._ready = False

    def keep_ready(self) -> None:
        """From now on, a child that has loaded its libraries waits; it ends with this process."""
        import worker.drawing  # noqa: F401, or the first score would wait for it

        self._ready = True
        self._prepare()

    @contextmanager
    def engraver(self) -> Iterator[Engraver]:
        """Started ahead of the score, so that it loads its libraries while the score is being written down."""
        child, self._waiting = self._waiting, None
        if child is not None and not child.is_alive():
            child.end()
            child = None
        child = child or Child(MODULE, [], LIMITS).start()
        try:
            yield Engraver(child)
        finally:
            child.end()
            if self._ready:
                self._prepare()

    def _prepare(self) -> None:
        if self._waiting is None:
            self._waiting = Child(MODULE, [], LIMITS).start()


PRESSES = Presses()  # of this process, as its children are
engraver = PRESSES.engraver


def _warm_up() -> None:
    """Draw a bar of silence: fonts and tables that a process reads once are then read before somebody waits."""
    from transcriber.engrave import Edition
    from transcriber.performance import Performance
    from transcriber.score import KeySignature, Measure, NoteValue, Rest, Score, TimeSignature, Voice

    silence = (Voice(1, (Rest(Fraction(0), Fraction(4), NoteValue("whole"), whole_measure=True),)),)
    bar = Measure(1, TimeSignature(4, 4), KeySignature(0), Fraction(4), silence, silence, beat_times_s=(0.0,))
    Edition(Score((bar,), title="Silence", end_s=1.0), Performance(())).files(("svg", "sync"))


def main() -> None:
    from transcriber.engrave.pdf import write_pdf
    from transcriber.engrave.svg import draw_pages

    limits = Limits(**json.loads(sys.argv[1]))
    with Answering() as parent:
        confine(limits, readable=None)
        _warm_up()
        question = sys.stdin.buffer.readline()
        if not question:
            return
        words = json.loads(question)
        musicxml = sys.stdin.buffer.read(words["bytes"])
        drawn = draw_pages(musicxml, title=words["title"], composer=words["composer"], staff_mm=words["staff_mm"])
        pages = [page.encode() for page in drawn]
        parent.answer({"sizes": [len(page) for page in pages]}, b"".join(pages))
        if sys.stdin.buffer.readline():
            parent.answer({}, write_pdf(drawn, title=words["title"], composer=words["composer"]))


if __name__ == "__main__":
    main()
