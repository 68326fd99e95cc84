"""An endless stream of training examples: sound and the answers wanted for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from transcriber.listen import level
from transcriber.listen.features import HOP, SAMPLE_RATE
from transcriber.listen.training.capture import record, stored
from transcriber.listen.training.easy_pieces import ScoreLibrary
from transcriber.listen.training.embellishments import embellished, scattered
from transcriber.listen.training.noises import alone
from transcriber.listen.training.pianos import Generator, Kind, Piano, Samples, load_pianos
from transcriber.listen.training.recordings import LabelledRecording, load_recordings
from transcriber.listen.training.renderer import Noises, render
from transcriber.listen.training.rooms import Surroundings
from transcriber.listen.training.segments import PerformanceLibrary, PlayedSegment
from transcriber.listen.training.targets import targets

# How often a rendering uses each kind of piano: recorded layer by layer, single-layer, synthetic.
KIND_SHARES: dict[Kind, float] = {"layered": 0.7, "single": 0.2, "digital": 0.1}
# What is rendered: pieces of the library as they are or embellished (the rest), written pieces, keys at random.
WRITTEN, SCATTERED, EMBELLISHED = 0.1, 0.04, 0.3
WITHOUT_PIANO = 0.03  # of all examples
SYNTH_LABEL_DELAY_S = 0.005  # labels of the recorded software pianos are 5 ms early on average
LEVEL_SPREAD_DB = 5.0  # a segment is louder or softer than the recording that it comes from


@dataclass(frozen=True)
class Material:
    """All that examples are made of. Any of `recordings` and `pianos` may be empty, not both."""

    pianos: list[Piano]
    library: PerformanceLibrary | None
    noises: Noises
    surroundings: Surroundings
    recordings: list[LabelledRecording]
    scores: ScoreLibrary | None = None

    @classmethod
    def load(cls, folder: Path, without_pianos: tuple[str, ...] = ()) -> Material:
        """From a folder with pianos/, performances.npz, ir/, noise/, maps_synth/ and, where it is there, score/."""
        return cls(
            pianos=load_pianos(folder / "pianos", without_pianos),
            library=PerformanceLibrary(folder / "performances.npz"),
            noises=Noises.load(folder / "noise"),
            surroundings=Surroundings.load(folder / "ir", folder / "noise"),
            recordings=load_recordings(folder / "maps_synth", SYNTH_LABEL_DELAY_S),
            scores=ScoreLibrary(folder / "score") if (folder / "score" / "scores.npz").exists() else None,
        )


class Examples(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Yields samples (n,), key targets (HEADS, frames, KEYS) and pedal targets (frames,), all float32.

    `seed` and the number of the loading process fix the stream, so that a run can be repeated.
    """

    def __init__(self, material: Material, seconds: float, recorded: float, seed: int) -> None:
        self.material, self.seconds, self.recorded, self.seed = material, seconds, recorded, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        info = get_worker_info()
        rng = np.random.default_rng((self.seed, info.id if info else 0))
        torch.set_num_threads(1)
        while True:
            sound, segment = self.draw(rng)
            sound = sound * np.float32(level.gain(sound) * 10 ** (rng.normal(0, LEVEL_SPREAD_DB) / 20))
            wanted = targets(segment, len(sound) // HOP + 1)
            yield torch.from_numpy(sound), torch.from_numpy(wanted.keys), torch.from_numpy(wanted.pedal)

    def draw(self, rng: Generator) -> tuple[Samples, PlayedSegment]:
        """Sound, float32 of `seconds`, not yet levelled, and what is played in it."""
        made = self.material
        if rng.random() < WITHOUT_PIANO:
            return without_piano(self.seconds, made.surroundings, rng)
        if made.library is None or (made.recordings and rng.random() < self.recorded):
            recording = made.recordings[rng.integers(len(made.recordings))]
            sound, segment = recording.draw(self.seconds, rng)
            missing = round(self.seconds * SAMPLE_RATE) - len(sound)
            sound = np.pad(sound, (0, max(0, missing)))
            return record(sound, made.surroundings, rng, room=0.3), replace(segment, seconds=self.seconds)
        segment = self._played(made.library, rng)
        sound = render(segment, draw_piano(made.pianos, rng), made.noises, rng)
        return record(sound, made.surroundings, rng), segment

    def _played(self, library: PerformanceLibrary, rng: Generator) -> PlayedSegment:
        kind = rng.random()
        if kind < SCATTERED:
            return scattered(self.seconds, rng)
        if kind < SCATTERED + WRITTEN and self.material.scores is not None:
            return self.material.scores.draw(self.seconds, rng)
        segment = library.draw(self.seconds, rng)
        return embellished(segment, rng) if rng.random() < EMBELLISHED else segment


def draw_piano(pianos: Sequence[Piano], rng: Generator) -> Piano:
    """Its kind first, by KIND_SHARES."""
    kinds = [kind for kind in KIND_SHARES if any(piano.kind == kind for piano in pianos)]
    shares = np.array([KIND_SHARES[kind] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
    of_kind = [piano for piano in pianos if piano.kind == kind]
    return of_kind[rng.integers(len(of_kind))]


def without_piano(seconds: float, surroundings: Surroundings, rng: Generator) -> tuple[Samples, PlayedSegment]:
    """Sounds in which there is nothing to be heard, recorded as music is."""
    sound = alone(round(seconds * SAMPLE_RATE), surroundings.noises, rng)
    return stored(sound, rng), PlayedSegment(seconds, np.zeros((0, 5)), None)
