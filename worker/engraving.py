"""Engraving in a child process: drawing is native code that nothing else can interrupt, and holds up every thread.

python -m worker.engraving LIMITS       on standard input a pickled (score, performance), then any number of pickled
                                        lists of formats, each answered with their files
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from transcriber.errors import EngravingError
from transcriber.options import FORMATS
from worker.child import Answering, Child, ChildCrashed, ChildOutOfMemory, ChildOutOfTime, Progress
from worker.confinement import Limits, confine

if TYPE_CHECKING:
    from transcriber.performance import Performance
    from transcriber.score import Score

MODULE = "worker.engraving"
LIMITS = Limits(memory_bytes=8 * 1024**3, cpu_s=900, wall_s=1800.0, answer_bytes=1024**3)


class Engraver:
    """A child process that draws one score."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def engrave(
        self,
        score: Score,
        performance: Performance,
        on_progress: Progress | None = None,
        formats: Collection[str] = FORMATS,
    ) -> dict[str, bytes]:
        """As `transcriber.engrave.engrave`; EngravingError too where it wants more than its limits.

        `on_progress` is called several times a second and may raise to end the work.
        """
        return self._ask(pickle.dumps((score, performance)) + pickle.dumps(tuple(formats)), on_progress)

    def more(self, formats: Collection[str], on_progress: Progress | None = None) -> dict[str, bytes]:
        """Further files of the same score."""
        return self._ask(pickle.dumps(tuple(formats)), on_progress)

    def _ask(self, question: bytes, on_progress: Progress | None) -> dict[str, bytes]:
        try:
            answer = self._child.ask(question, on_progress)
        except ChildOutOfTime as cause:
            raise EngravingError("Engraving this score takes far too long; try a shorter part of it.") from cause
        except ChildOutOfMemory as cause:
            raise EngravingError("Engraving this score takes far too much memory; try a shorter part.") from cause
        except ChildCrashed as cause:
            raise EngravingError("The score cannot be engraved: the drawing breaks down.") from cause
        files: dict[str, bytes] = {}
        start = 0
        for suffix, size in answer.result["sizes"].items():
            files[suffix] = bytes(answer.payload[start : start + size])
            start += size
        return files


class Presses:
    """The engravers of this process. With `keep_ready`, the next one is always loaded before it is needed."""

    def __init__(self) -> None:
        self._waiting: Child | None = None
        self._ready = False

    def keep_ready(self) -> None:
        """From now on, a child that has loaded its libraries waits; it ends with this process."""
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


def main() -> None:
    from transcriber.engrave import Edition

    limits = Limits(**json.loads(sys.argv[1]))
    with Answering() as parent:
        confine(limits, readable=None)
        # From this process's own parent, which made the score itself.
        score, performance = pickle.load(sys.stdin.buffer)
        edition = Edition(score, performance)
        while True:
            try:
                formats = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            files = edition.files(formats)
            parent.answer({"sizes": {suffix: len(data) for suffix, data in files.items()}}, b"".join(files.values()))


if __name__ == "__main__":
    main()
