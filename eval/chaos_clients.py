"""Clients that insist: what is not answered they send again, whole with a key, or in pieces from where they were."""

from __future__ import annotations

import io
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from queue import Queue

from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from eval.service_recordings import recordings, upload_request

LENGTHS_S = (2.0, 3.0, 4.0)
MIDI_SHARE = 0.5
PIECES_SHARE = 0.5  # of the recordings that are no MIDI files
PIECE_BYTES = 16 * 1024
PIECE_WAIT_S = 1.0  # as over a slow line: an upload takes seconds, in which it is struck
POLL_S = 0.5
RETRY_WAIT_S = 1.0
JOB_PATIENCE_S = 1800.0
ENDED = ("done", "failed")


@dataclass
class Outcome:
    """What the clients saw: the job of each recording, how it ended, and how often they had to repeat themselves."""

    jobs: dict[int, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    repeats: Counter[str] = field(default_factory=Counter)
    uploading: set[str] = field(default_factory=set)  # files of which some pieces were taken, and others follow
    in_pieces: int = 0
    resumed: int = 0
    begun_anew: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def repeat(self, reason: str) -> None:
        with self.lock:
            self.repeats[reason] += 1


def insist(outcome: Outcome, request: urllib.request.Request) -> bytes:
    """The answer, however often it takes: while nobody answers, or the service says that it cannot at this moment."""
    deadline_s = time.monotonic() + JOB_PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body: bytes = answer.read()
            return body
        except urllib.error.HTTPError as error:
            if error.code not in (409, 500, 503, 507) or time.monotonic() > deadline_s:
                raise
            reason = str(error.code)
        except (OSError, ValueError) as error:
            if time.monotonic() > deadline_s:
                raise
            reason = type(error).__name__
        outcome.repeat(reason)
        time.sleep(RETRY_WAIT_S)


def send_at_once(root: str, number: int, name: str, data: bytes, outcome: Outcome) -> str:
    """The job's id."""
    request = upload_request(root, name, data, Idempotency_Key=f"chaos-{number}")
    return str(json.loads(insist(outcome, request))["id"])


def send_in_pieces(root: str, name: str, data: bytes, outcome: Outcome) -> str:
    """The job's id. Where an answer is lost the server is asked how much it has, and gets the rest."""
    uploader = TusClient(f"{root}/v1/uploads").uploader(
        file_stream=io.BytesIO(data), chunk_size=PIECE_BYTES, metadata={"filename": name}
    )
    broke, deadline_s = False, time.monotonic() + JOB_PATIENCE_S
    while True:
        try:
            if broke and uploader.url:
                uploader.offset = uploader.get_offset()
                with outcome.lock:
                    outcome.resumed += 1
            broke = False
            while uploader.offset < len(data):
                uploader.upload_chunk()  # type: ignore[no-untyped-call]
                outcome.uploading.add(name)
                time.sleep(PIECE_WAIT_S)
            outcome.uploading.discard(name)
            return str(uploader.url).rpartition("/")[2]
        except (TusCommunicationError, OSError) as error:
            if time.monotonic() > deadline_s:
                raise
            status = getattr(error, "status_code", None)
            outcome.repeat(f"piece: {status or type(error).__name__}")
            if status == 404 and uploader.url:
                uploader.url, uploader.offset = None, 0
                with outcome.lock:
                    outcome.begun_anew += 1
            broke = True
            time.sleep(RETRY_WAIT_S)


def be_client(root: str, work: Queue[int], outcome: Outcome) -> None:
    """Send one recording after the other, each followed to its end."""
    for recording in recordings(work, MIDI_SHARE, LENGTHS_S):
        number, name, data = recording.number, recording.name, recording.data
        pieces = not recording.is_midi and recording.draw.random() < PIECES_SHARE
        id = send_in_pieces(root, name, data, outcome) if pieces else send_at_once(root, number, name, data, outcome)
        with outcome.lock:
            outcome.jobs[number] = id
            outcome.in_pieces += pieces
        deadline_s = time.monotonic() + JOB_PATIENCE_S
        state = ""
        while state not in ENDED and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
            state = str(json.loads(insist(outcome, urllib.request.Request(f"{root}/v1/transcriptions/{id}")))["state"])
            outcome.states[id] = state
