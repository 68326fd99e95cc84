"""Recording to Performance: hear the notes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from transcriber.errors import DeviceUnavailable, NoNotes
from transcriber.options import Device
from transcriber.performance import Performance

if TYPE_CHECKING:
    import torch

    from transcriber.audio import Recording
    from transcriber.listen.checkpoint import Checkpoint
    from transcriber.listen.features import Spectrograms


def listen(
    recording: Recording,
    *,
    device: Device = "auto",
    checkpoint: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Performance:
    """The notes and pedal presses of a recording.

    `on_progress` gets the share done, 0..1. Raises NoNotes where nothing was played, DeviceUnavailable where `cuda` was
    asked for and there is none, CheckpointError where the model cannot be loaded.
    """
    from transcriber.listen.decode import decode_notes, decode_pedals
    from transcriber.listen.infer import probabilities

    place = choose_device(device)
    model, spectrograms = _model(checkpoint, place)
    curves = probabilities(recording.samples, model.network, spectrograms, place, on_progress)
    notes = decode_notes(curves, model.decoder)
    if not notes:
        raise NoNotes("No piano note was heard in this recording; check that it holds a piano, close and loud enough.")
    return Performance(notes, decode_pedals(curves.pedal, model.decoder), recording.duration_s)


def choose_device(device: Device) -> torch.device:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceUnavailable("No CUDA device is available here; choose the device cpu or auto.")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


@lru_cache(maxsize=2)
def _model(path: Path | None, device: torch.device) -> tuple[Checkpoint, Spectrograms]:
    """Loaded once a process: call it after a fork, never before."""
    from transcriber.listen import checkpoint as checkpoints
    from transcriber.listen.features import Spectrograms

    return checkpoints.load(path or checkpoints.SHIPPED, device), Spectrograms().to(device)
