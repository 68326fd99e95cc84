"""Piano recordings in, readable sheet music out.

    from transcriber import transcribe

    transcribe("minuet.m4a").write("scores")

Importing this package is cheap: each stage loads what it needs when it is first used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transcriber.errors import OptionError, TranscriberError
from transcriber.files import is_midi, stem_for, title_for, write_results
from transcriber.options import FORMATS, Options

if TYPE_CHECKING:
    from transcriber.performance import Performance
    from transcriber.score import Score

__all__ = ["FORMATS", "Options", "TranscriberError", "Transcription", "transcribe"]

Progress = Callable[[str, float], None]  # stage: read, listen, notate or engrave; share of it done, 0..1


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was heard and how it is written. `warnings`: one sentence each about the recording, fit to show."""

    source: Path
    performance: Performance
    score: Score
    warnings: tuple[str, ...] = ()

    @property
    def recording_name(self) -> str:
        return self.source.name

    def write(
        self,
        directory: str | Path,
        formats: Sequence[str] = FORMATS,
        stem: str | None = None,
        on_progress: Progress | None = None,
    ) -> list[Path]:
        """Engrave and write DIRECTORY/STEM.pdf and so on; the stem is the recording's unless given.

        Each file is written whole or not at all. Raises EngravingError, UnwritableOutput, and OptionError where a
        result would replace the recording itself.
        """
        from transcriber.engrave import engrave

        report = on_progress or _nobody
        report("engrave", 0.0)
        stem = stem_for(self.source.name) if stem is None else stem
        files = {stem + suffix: data for suffix, data in engrave(self.score, self.performance, formats).items()}
        for name in files:
            if os.path.realpath(Path(directory, name)) == os.path.realpath(self.source) and self.source.exists():
                raise OptionError(f"Writing {name} here would replace the recording itself; choose another folder.")
        paths = write_results(Path(directory), files)
        report("engrave", 1.0)
        return paths


def transcribe(path: str | Path, options: Options | None = None, on_progress: Progress | None = None) -> Transcription:
    """Write down a piano recording, or a digital piano's MIDI file.

    Raises a TranscriberError that says what is wrong: see `transcriber.errors`.
    """
    from transcriber.notate import notate, with_added
    from transcriber.notate.aids import with_aids

    path = Path(path)
    options = options or Options()
    report = on_progress or _nobody
    performance, warnings = _performance(path, options, report)
    report("notate", 0.0)
    title = title_for(path.name) if options.title is None else options.title
    score = notate(
        performance,
        options.all_edits(),
        title=title,
        composer=options.composer,
        level=options.level,
        chords=options.chords,
        transpose=options.transpose,
    )
    report("notate", 1.0)
    complete = with_added(performance, options.edits)
    return Transcription(path, complete, with_aids(score, options.view), warnings)


def _performance(path: Path, options: Options, report: Progress) -> tuple[Performance, tuple[str, ...]]:
    if is_midi(path):
        from transcriber.performance import read_midi

        report("read", 0.0)
        return read_midi(path), ()

    from transcriber.audio import load
    from transcriber.listen import listen

    recording = load(path, on_progress=lambda share: report("read", share))
    performance = listen(
        recording,
        device=options.device,
        checkpoint=options.checkpoint,
        on_progress=lambda share: report("listen", share),
    )
    return performance, recording.warnings + performance.warnings


def _nobody(stage: str, share: float) -> None:
    """Progress that nobody watches."""
