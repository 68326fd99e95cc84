"""Examples cut from somebody's own recordings, each a little different every time that it is heard."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from transcriber.listen import level
from transcriber.listen.features import HOP, SAMPLE_RATE
from transcriber.listen.training.capture import equaliser, filtered
from transcriber.listen.training.noises import background
from transcriber.listen.training.pianos import Generator, Samples
from transcriber.listen.training.recordings import LabelledRecording
from transcriber.listen.training.segments import PlayedSegment
from transcriber.listen.training.targets import targets

LEVEL_SPREAD_DB = 3.0
TUNING_SPREAD_CENTS = 6.0  # a piano drifts by about as much from summer to winter
EQUALISED, NOISY = 0.3, 0.3  # shares of the examples


class TakeExamples(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless examples cut from recordings, each second as likely as any other; their form is that of Examples."""

    def __init__(self, recordings: list[LabelledRecording], seconds: float, seed: int) -> None:
        self.recordings, self.seconds, self.seed = recordings, seconds, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        info = get_worker_info()
        rng = np.random.default_rng((self.seed, info.id if info else 0))
        lengths = np.array([recording.seconds for recording in self.recordings])
        count = round(self.seconds * SAMPLE_RATE)
        while True:
            recording = self.recordings[rng.choice(len(lengths), p=lengths / lengths.sum())]
            sound, segment = retuned(recording, self.seconds, 2.0 ** (rng.normal(0, TUNING_SPREAD_CENTS) / 1200), rng)
            sound = _varied(np.pad(sound, (0, max(0, count - len(sound))))[:count], rng)
            wanted = targets(segment, count // HOP + 1)
            yield torch.from_numpy(sound), torch.from_numpy(wanted.keys), torch.from_numpy(wanted.pedal)


def retuned(
    recording: LabelledRecording, seconds: float, ratio: float, rng: Generator
) -> tuple[Samples, PlayedSegment]:
    """A drawn stretch of the recording, played `ratio` times as fast, and its notes."""
    sound, segment = recording.draw(seconds * ratio, rng)
    places = np.arange(int(len(sound) / ratio)) * ratio
    faster = np.interp(places, np.arange(len(sound)), sound).astype(np.float32)
    notes = segment.notes.copy()
    notes[:, :3] /= ratio
    pedals = None if segment.pedals is None else [(on / ratio, off / ratio) for on, off in segment.pedals]
    return faster, PlayedSegment(seconds, notes, pedals)


def _varied(sound: Samples, rng: Generator) -> Samples:
    if rng.random() < EQUALISED:
        sound = filtered(sound, lambda frequencies: equaliser(frequencies, rng))
    if rng.random() < NOISY:
        loudness = float(np.sqrt(np.mean(np.square(sound)))) * 10 ** (-rng.uniform(30, 50) / 20)
        sound = sound + background(len(sound), (), rng) * np.float32(loudness)
    return np.asarray(sound * np.float32(level.gain(sound) * 10 ** (rng.normal(0, LEVEL_SPREAD_DB) / 20)), np.float32)
