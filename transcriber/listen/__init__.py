"""Recording to Performance: hear the notes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from transcriber.errors import DeviceUnavailable, NoNotes
from transcriber.evidence import Curves, EvidenceWriter
from transcriber.options import Device
from transcriber.performance import Performance

if TYPE_CHECKING:
    import torch

    from transcriber.audio import Recording
    from transcriber.listen.checkpoint import Checkpoint
    from transcriber.listen.decode import Probabilities, StoredCurve
    from transcriber.listen.features import Spectrograms
    from transcriber.listen.together import Together

# Shares of the work, by the time they take in a process that listens to its first minute of music.
STARTED, LOADED, TUNED = 0.01, 0.08, 0.1


def listen(
    recording: Recording,
    *,
    device: Device = "auto",
    checkpoint: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_evidence: Callable[[bytes], None] | None = None,
) -> Performance:
    """The notes and pedal presses of a recording, with warnings where they are doubtful.

    `on_progress` gets the share done, 0..1; `on_evidence`, at the end, the file of
    `transcriber.evidence`. Raises NoNotes where nothing was played, DeviceUnavailable where `cuda` was
    asked for and there is none, CheckpointError where the model cannot be loaded.
    """
    report = on_progress or _nobody
    report(STARTED)  # before torch, which takes seconds to load
    from transcriber.listen import check
    from transcriber.listen.decode import decode
    from transcriber.listen.features import FRAME_S
    from transcriber.listen.infer import stretches
    from transcriber.listen.touch import weighed
    from transcriber.listen.tuning import find_tuning, followed_cents

    place = choose_device(device)
    model, network = _model(checkpoint, place)
    report(LOADED)
    tuning = find_tuning(recording.samples)
    spectrograms = _spectrograms(followed_cents(tuning), place)
    report(TUNED)
    tally = check.Tally()
    spectra: deque[StoredCurve] = deque()
    curves = stretches(
        recording.samples,
        network,
        spectrograms,
        place,
        lambda share: report(TUNED + (1 - TUNED) * share),
        spectra.append if on_evidence else None,
    )
    writer = EvidenceWriter(FRAME_S, model.decoder.latency_s)
    if on_evidence:
        curves = _written(curves, spectra, writer)
    heard = decode(tally.passing(curves), model.decoder)
    if not check.is_trustworthy(heard.notes, tally, tuning):
        raise NoNotes("No piano note was heard in this recording; check that it holds a piano, close and loud enough.")
    if on_evidence:
        on_evidence(writer.data())
    performance = Performance(weighed(heard.notes), heard.pedals, recording.duration_s)
    return replace(performance, warnings=check.warnings(recording, performance, tally, tuning))


def _written(
    curves: Iterable[Probabilities], spectra: deque[StoredCurve], writer: EvidenceWriter
) -> Iterator[Probabilities]:
    for stretch in curves:
        writer.add(Curves(stretch.onset, stretch.frame, spectra.popleft()))
        yield stretch


def choose_device(device: Device) -> torch.device:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceUnavailable("No CUDA device is available here; choose the device cpu or auto.")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


@lru_cache(maxsize=2)
def _model(path: Path | None, device: torch.device) -> tuple[Checkpoint, Together]:
    """Loaded once a process, its network shared by all threads: call it after a fork, never before."""
    from transcriber.listen import checkpoint as checkpoints
    from transcriber.listen.together import Together

    model = checkpoints.load(path or checkpoints.SHIPPED, device)
    return model, Together(model.network)


@lru_cache(maxsize=4)  # 14 MB each
def _spectrograms(tuning_cents: float, device: torch.device) -> Spectrograms:
    from transcriber.listen.features import Spectrograms

    return Spectrograms(tuning_cents).to(device)


def _nobody(share: float) -> None:
    """Progress that nobody watches."""
