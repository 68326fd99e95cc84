"""The files of a score, of which a child process draws the pages while this one writes the rest."""

from __future__ import annotations

import json
from functools import cached_property

from transcriber.engrave import Edition
from transcriber.errors import EngravingError
from transcriber.performance import Performance
from transcriber.score import Score
from worker.child import Answer, Child, ChildCrashed, ChildOutOfMemory, ChildOutOfTime, Progress


class DrawnByChild(Edition):
    """An edition whose pages and PDF a child process makes."""

    def __init__(self, score: Score, performance: Performance, child: Child) -> None:
        super().__init__(score, performance)
        self.on_progress: Progress | None = None
        self._child = child
        self._is_asked = False

    def begin_drawing(self) -> None:
        if self._is_asked:
            return
        self._is_asked = True
        score, musicxml = self.score, self.musicxml
        words = {"title": score.title, "composer": score.composer, "staff_mm": score.staff_mm, "bytes": len(musicxml)}
        self._child.tell(json.dumps(words).encode() + b"\n" + musicxml)

    @cached_property
    def pages(self) -> tuple[str, ...]:
        self.begin_drawing()
        answer = self._hear()
        pages, start = [], 0
        for size in answer.result["sizes"]:
            pages.append(answer.payload[start : start + size].decode())
            start += size
        return tuple(pages)

    def pdf(self) -> bytes:
        assert self.pages
        self._child.tell(b"pdf\n")
        return bytes(self._hear().payload)

    def _hear(self) -> Answer:
        try:
            return self._child.hear(self.on_progress)
        except ChildOutOfTime as cause:
            raise EngravingError("Engraving this score takes far too long; try a shorter part of it.") from cause
        except ChildOutOfMemory as cause:
            raise EngravingError("Engraving this score takes far too much memory; try a shorter part.") from cause
        except ChildCrashed as cause:
            raise EngravingError("The score cannot be engraved: the drawing breaks down.") from cause
