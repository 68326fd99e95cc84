"""Whether a musician's corrections can be carried out, found out before a job is made of them."""

from __future__ import annotations

from transcriber.errors import NoNotes
from worker.job import Job
from worker.stages import kept_beats, played, requested_edits
from worker.storage import Storage


def check_edits(job: Job, storage: Storage) -> None:
    """Raises EditError or NoNotes where no score can be written by the job's wishes; no network runs."""
    from transcriber.notate.additions import with_added
    from transcriber.notate.edits import gather
    from transcriber.notate.meter import corrected_meter

    edits = requested_edits(job.wishes)
    performance = played(job, storage)
    complete = with_added(performance, edits)
    corrections = gather(edits, complete)
    if len(corrections.deleted) >= len(complete.notes):
        raise NoNotes("Every note of this recording is deleted; keep at least one of them.")
    evidence = kept_beats(job, storage)
    if (corrections.bar_lines or corrections.times) and evidence is not None:
        corrected_meter(performance, complete, corrections, evidence)
