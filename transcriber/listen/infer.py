"""A whole recording through the network: cut into overlapping chunks, batched, stitched.

An answer depends on the sound around its frame: half a window of the spectrograms, and the reach of the network beyond
that. Every chunk therefore carries a border on both sides whose own answers are thrown away: what remains is what the
network would say of the uncut recording. A chunk never reaches beyond the recording: silence set before one that begins
in the middle of a chord would make the network hear that chord struck (0.6 points of note F1 on real excerpts). Memory
is bounded by one batch: curves are handed on stretch by stretch, as float16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transcriber.listen import level
from transcriber.listen.context import Stretch, in_context
from transcriber.listen.decode import Probabilities, StoredCurve
from transcriber.listen.features import BINS_PER_KEY, CONTEXT, HOP, LOG_MEAN, LOG_SPREAD, Spectrograms
from transcriber.listen.together import Network
from transcriber.performance import KEYS
from transcriber.precision import autocast

CHUNK_FRAMES = 750  # 15 s
BORDER_FRAMES = 68  # frames; the default network reaches 34 + 5 frames to each side, its pedal 26 more
WINDOW_FRAMES = -(-CONTEXT // HOP)  # frames at the edge of a chunk whose analysis window is cut
BATCH_CHUNKS = {"cpu": 1, "cuda": 16}

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames `first` to `first + length` go through the network; `kept` of them, counted from `first`, are answers."""

    first: int
    length: int
    kept: slice


def chunks(frames: int) -> list[Chunk]:
    """Chunks of one length, whose kept frames are each frame of the recording once and in order."""
    length = min(frames, CHUNK_FRAMES + 2 * BORDER_FRAMES)
    found = []
    for start in range(0, frames, CHUNK_FRAMES):
        first = min(max(0, start - BORDER_FRAMES), frames - length)
        found.append(Chunk(first, length, slice(start - first, min(start + CHUNK_FRAMES, frames) - first)))
    return found


def cut(samples: Samples, chunk: Chunk) -> Samples:
    """The sound of a chunk's frames with what their analysis windows see; silence beyond both ends of the recording."""
    first = (chunk.first - WINDOW_FRAMES) * HOP
    last = (chunk.first + chunk.length - 1 + WINDOW_FRAMES) * HOP
    inside = samples[max(0, first) : max(0, last)]
    before = max(0, -first)
    return np.pad(inside, (before, last - first - len(inside) - before))


def stitch(pieces: Sequence[Probabilities]) -> Probabilities:
    """Successive stretches as one."""
    return Probabilities(*(np.concatenate(curves) for curves in zip(*pieces, strict=True)))


def probabilities(
    samples: Samples, network: Network, spectrograms: Spectrograms, device: torch.device
) -> Probabilities:
    """Curves for every frame of a recording, see `stretches`."""
    return stitch(list(stretches(samples, network, spectrograms, device)))


def stretches(
    samples: Samples,
    network: Network,
    spectrograms: Spectrograms,
    device: torch.device,
    on_progress: Callable[[float], None] | None = None,
    on_spectrum: Callable[[StoredCurve], None] | None = None,
) -> Iterator[Probabilities]:
    """Curves of a recording (float32 mono at 16 kHz), at most CHUNK_FRAMES at a time, in order.

    `network` and `spectrograms` are on `device`. `on_progress` gets the share done, 0..1; `on_spectrum`, before each
    stretch, the level of each key's semitone in it: decibels (frames, KEYS).

    Where the network has a reader, what is handed on lags some seconds behind what was heard.
    """
    answers = answered(samples, network, spectrograms, device, on_progress, on_spectrum)
    return in_context(answers, network.reader)


def answered(
    samples: Samples,
    network: Network,
    spectrograms: Spectrograms,
    device: torch.device,
    on_progress: Callable[[float], None] | None = None,
    on_spectrum: Callable[[StoredCurve], None] | None = None,
) -> Iterator[Stretch]:
    """As `stretches`, before what is heard was read in its context."""
    todo = chunks(len(samples) // HOP + 1)
    gain = np.float32(level.gain(samples))
    size = BATCH_CHUNKS.get(device.type, 1)
    for first in range(0, len(todo), size):
        batch = todo[first : first + size]
        sound = np.stack([cut(samples, chunk) for chunk in batch]) * gain
        pictures = _pictures(torch.from_numpy(sound).to(device), spectrograms)
        keys, pedal, readings = _answers(pictures, network)
        for index, chunk in enumerate(batch):
            if on_spectrum:
                on_spectrum(semitone_levels(pictures[index, :, chunk.kept]))
            onset, frame, offset, held, velocity = keys[index, :, chunk.kept]
            unknown = np.zeros_like(onset)
            curves = Probabilities(onset, frame, offset, held, velocity, pedal[index, chunk.kept], unknown)
            yield Stretch(curves, readings[index, chunk.kept])
        if on_progress:
            on_progress(min(1.0, (first + size) / len(todo)))


@torch.inference_mode()
def _pictures(sound: Tensor, spectrograms: Spectrograms) -> Tensor:
    """Chunks of `cut` (batch, samples) to pictures (batch, CHANNELS, frames, BINS)."""
    pictures: Tensor = spectrograms(sound)[:, :, WINDOW_FRAMES:-WINDOW_FRAMES]
    return pictures


@torch.inference_mode()
def _answers(pictures: Tensor, network: Network) -> tuple[StoredCurve, StoredCurve, StoredCurve]:
    """Pictures to probabilities (batch, HEADS, frames, KEYS) and (batch, frames), readings (batch, frames, KEYS, _)."""
    with autocast(pictures.device):
        curves = network(pictures)
    wanted = (torch.sigmoid(curves.keys), torch.sigmoid(curves.pedal), curves.reading.permute(0, 2, 3, 1))
    keys, pedal, readings = (curve.to(torch.float16).cpu().numpy() for curve in wanted)
    return keys, pedal, readings


@torch.inference_mode()
def semitone_levels(pictures: Tensor) -> StoredCurve:
    """One recording's pictures (CHANNELS, frames, BINS) to decibels (frames, KEYS): the loudest bin of each key."""
    fine = pictures[0]
    bands = fine.reshape(len(fine), -1, BINS_PER_KEY)[:, :KEYS].amax(-1)
    levels: StoredCurve = (20 * (bands * LOG_SPREAD + LOG_MEAN)).to(torch.float16).cpu().numpy()
    return levels
