"""The two tasks as functions from stored files to stored files; they know storage, but neither jobs nor queues.

The library is imported inside them, so that only the process that listens ever loads the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from transcriber.errors import NoNotes
from transcriber.files import title_for
from transcriber.options import FORMATS, Device, Options
from transcriber.performance import Performance, decode_performance, encode_performance, read_midi
from worker.decoding import decode
from worker.engraving import engraver
from worker.job import Job, Stage, Wishes, result_blob
from worker.storage import BlobMissing, Storage, read_blob, write_blob
from worker.tracing import TRACING

if TYPE_CHECKING:
    from transcriber.notate.edits import Edit
    from transcriber.notate.evidence import BeatEvidence
    from transcriber.score import Score

PERFORMANCE = "performance.json"
SAMPLES_OF_SILENCE = 16_000  # one second
BEATS = "beats.npz"
PEAKS = "peaks.json"
EVIDENCE = "evidence"
NOTES = "notes.json"
FIRST_SEEN = ("svg", "sync")
SEEN_LATER = tuple(name for name in FORMATS if name not in FIRST_SEEN)
RESULT_STEM = "score"  # the files of a score are named score.pdf, score.page-1.svg, ...


RESULT = re.compile(rf"{RESULT_STEM}\.|{NOTES}$")
RESULT_BLOB = re.compile(rf"(?:r(\d+)\.)?(?:{RESULT.pattern})")
Show = Callable[[Mapping[str, int]], bool]


class Report(Protocol):
    def __call__(self, stage: Stage, progress: float = 0.0) -> None:
        """Says how far the work is; raises where it must end."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """`files` maps the name of each stored result that its readers may ask for to its size in bytes."""

    warnings: tuple[str, ...]
    duration_s: float
    files: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """`files` maps the name of each stored result to its size in bytes."""

    files: Mapping[str, int]
    duration_s: float


def warm_up(device: Device, checkpoint: Path | None = None) -> None:
    """Load the note model and use it once, so that the first job does not wait for it. Raises the library's errors."""
    import numpy as np

    from transcriber.audio import Recording
    from transcriber.listen import listen

    with suppress(NoNotes):
        listen(Recording(np.zeros(SAMPLES_OF_SILENCE, np.float32)), device=device, checkpoint=checkpoint)


def listen_to(
    job: Job,
    storage: Storage,
    device: Device,
    max_duration_s: float,
    report: Report,
    checkpoint: Path | None = None,
) -> Heard:
    """Recording to stored performance. Raises the library's errors."""
    from transcriber.listen import listen
    from transcriber.waveform import peaks_json

    report(Stage.LISTEN)
    with storage.as_file(f"{job.id}/{job.recording.blob}") as path, TRACING.step("decode"):
        recording = decode(path, longest_s=max_duration_s, on_progress=lambda _: report(Stage.LISTEN))
    seen: dict[str, bytes] = {PEAKS: peaks_json(recording.samples)}
    with TRACING.step("network"):
        performance = listen(
            recording,
            device=device,
            checkpoint=checkpoint,
            on_progress=lambda fraction: report(Stage.LISTEN, fraction),
            on_evidence=lambda data: seen.update({EVIDENCE: data}),
        )
    write_blob(storage, f"{job.id}/{PERFORMANCE}", encode_performance(performance))
    for name, data in seen.items():
        write_blob(storage, f"{job.id}/{name}", data)
    sizes = {name: len(data) for name, data in seen.items()}
    return Heard(recording.warnings + performance.warnings, recording.duration_s, sizes)


def write_down(job: Job, storage: Storage, report: Report, show: Show | None = None) -> Written:
    """Stored performance, or an uploaded MIDI file, to the files of a score. Raises the library's errors.

    `show` is called as soon as the pages of a redraw are stored, with their names and sizes: somebody waits for them,
    and for nothing else as much. It says whether the other files are wanted too, which they are not where something
    else has been asked for meanwhile.
    """
    from transcriber.sounding import notes_json

    report(Stage.NOTATE)
    with engraver() as press:
        with TRACING.step("notate"):
            performance = played(job, storage)
            score, performance = _score_of(job, performance, _beats(job, storage, performance))
        report(Stage.ENGRAVE)

        def note_progress(_: float) -> None:
            report(Stage.ENGRAVE)

        with TRACING.step("engrave"):
            press.begin(score, performance)
            files = _store(job, storage, {NOTES: notes_json(score, performance)}, report)
            first = FORMATS if show is None else FIRST_SEEN
            files |= _store(job, storage, _named(press.files(first, note_progress)), report)
            if show is not None and show(files):
                files |= _store(job, storage, _named(press.files(SEEN_LATER, note_progress)), report)
    return Written(files, performance.duration_s)


def _score_of(job: Job, performance: Performance, evidence: BeatEvidence) -> tuple[Score, Performance]:
    """As its owner wants it, with the performance of every note that is written."""
    from transcriber.notate import notate, with_added
    from transcriber.notate.aids import with_aids

    wishes = job.wishes
    title, composer = wishes.printed("title"), wishes.printed("composer")
    edits = requested_edits(wishes)
    score = notate(
        performance,
        edits,
        title=title_for(job.recording.name) if title is None else title,
        composer=composer or "",
        level=wishes.view.level,
        chords=wishes.view.chords,
        transpose=wishes.view.transpose,
        evidence=evidence,
    )
    return with_aids(score, wishes.view), with_added(performance, edits)


def played(job: Job, storage: Storage) -> Performance:
    """What was heard; of an uploaded MIDI file what it holds, read once and kept. Raises the library's errors."""
    place = f"{job.id}/{PERFORMANCE}"
    try:
        return decode_performance(read_blob(storage, place))
    except BlobMissing:
        if not job.recording.is_midi:
            raise
    with storage.as_file(f"{job.id}/{job.recording.blob}") as path:
        performance = read_midi(path)
    write_blob(storage, place, encode_performance(performance))
    return performance


def requested_edits(wishes: Wishes) -> tuple[Edit, ...]:
    """The corrections, and metre and key of the upload where no correction says otherwise. Raises EditError."""
    from transcriber.notate.edits import SetKey, SetMetre, read_edits

    edits = read_edits(wishes.edits)
    corrected = {type(edit) for edit in edits if isinstance(edit, SetMetre | SetKey) and edit.source is None}
    asked = Options(
        metre=None if SetMetre in corrected else wishes.metre, key=None if SetKey in corrected else wishes.key
    )
    return (*asked.all_edits(), *edits)


def discard_earlier(job: Job, storage: Storage) -> None:
    """Delete the files of revisions that nobody is shown any more."""
    for name in storage.names(job.id):
        found = RESULT_BLOB.match(name)
        if found and int(found[1] or 0) < job.drawn:
            storage.drop(f"{job.id}/{name}")


def kept_beats(job: Job, storage: Storage) -> BeatEvidence | None:
    """What the beat network said when this job was written down first; None where another version of it did."""
    from transcriber.notate.evidence import decode_evidence

    try:
        return decode_evidence(read_blob(storage, f"{job.id}/{BEATS}"))
    except (BlobMissing, ValueError, KeyError):
        return None


def _beats(job: Job, storage: Storage, performance: Performance) -> BeatEvidence:
    """Found by the network once, and kept."""
    from transcriber.notate import hear_beats
    from transcriber.notate.evidence import encode_evidence

    kept = kept_beats(job, storage)
    if kept is not None:
        return kept
    evidence = hear_beats(performance)
    write_blob(storage, f"{job.id}/{BEATS}", encode_evidence(evidence))
    return evidence


def _named(results: Mapping[str, bytes]) -> dict[str, bytes]:
    return {RESULT_STEM + suffix: data for suffix, data in results.items()}


def _store(job: Job, storage: Storage, results: Mapping[str, bytes], report: Report) -> dict[str, int]:
    """Beside the files of the revision before; returns the names that they are asked for by, and their sizes."""
    for name, data in results.items():
        report(Stage.ENGRAVE, 0.9)
        write_blob(storage, f"{job.id}/{result_blob(name, job.drawing)}", data)
    return {name: len(data) for name, data in results.items()}
