"""An upload that was heard before, or written down before, is answered from what is there.

Results are copied, never shared, so that deleting one job leaves the other whole; and only within one account, since a
quick answer would tell a stranger that somebody else has the same recording.
"""

from __future__ import annotations

from worker.job import Known, Recording, State, Wishes, result_blob
from worker.jobs import JobTable
from worker.stages import PERFORMANCE
from worker.storage import BlobMissing, Storage, copy_blob


def reuse(
    jobs: JobTable, storage: Storage, id: str, account: str, recording: Recording, wishes: Wishes
) -> Known | None:
    """Copy to job `id` what this edition made of the same recording for the same account."""
    for earlier in jobs.with_content(account, recording.sha256):
        same_score = (
            earlier.state is State.DONE
            and earlier.drawn == earlier.revision
            and earlier.version == jobs.version
            and (earlier.wishes, earlier.recording.name) == (wishes, recording.name)
        )
        heard = earlier.heard_by == jobs.version
        if not same_score and not heard:
            continue
        try:
            for name in earlier.files if same_score else ():
                copy_blob(storage, f"{earlier.id}/{result_blob(name, earlier.drawn)}", f"{id}/{name}")
            for name in (PERFORMANCE, *earlier.heard) if heard else ():
                copy_blob(storage, f"{earlier.id}/{name}", f"{id}/{name}")
        except BlobMissing:
            continue  # deleted at this moment
        files = earlier.files if same_score else None
        return Known(earlier.heard_by, earlier.warnings, earlier.duration_s, files, earlier.heard if heard else {})
    return None
