"""A note model taught a piano, a room or a data set of one's own: pairs of recordings and MIDI files in, a model out.

A trained model needs little to learn one sound more: a low learning rate, few steps, and only a little variety added to
the recordings. Part of them is never learned from; the model that hears those best is kept, and that may be the one
that it began with.
"""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from transcriber.errors import TrainingDataError
from transcriber.listen.checkpoint import Checkpoint, load, save
from transcriber.listen.decode import DecoderConfig, decode_notes
from transcriber.listen.features import Spectrograms
from transcriber.listen.infer import probabilities
from transcriber.listen.network import OnsetFrameNetwork
from transcriber.listen.training.judging import fit_calibration, judge
from transcriber.listen.training.loop import Training, TrainingConfig
from transcriber.listen.training.pairs import Pair, find_pairs
from transcriber.listen.training.pianos import Samples
from transcriber.listen.training.recordings import LabelledRecording
from transcriber.listen.training.takeexamples import TakeExamples
from transcriber.listen.training.takes import Ear, Take, prepare, split
from transcriber.listen.training.validation import Excerpt, Validated, choose_onset, curves_of, validate
from transcriber.performance import Note

Say = Callable[[str], None]
Progress = Callable[[str, float], None]
"""What is being done, and the share of it that is done, 0..1."""

CHECKS = 4  # validations on the way, the last one at the end
MOST_CHECKED_S = 240.0  # of validation recordings: more would take longer than the training does
EXCERPT_S = 30.0
WARM_UP_SHARE, COOL_DOWN_SHARE = 0.1, 0.5  # of the training, over which the learning rate rises and falls
EMA = 0.98  # the running average remembers the last fifty steps
STORE_EVERY_S = 60.0
# A network half-way between two keeps most of what either knows (Wortsman et al., "Robust fine-tuning", 2022). On a
# detuned upright in a hall, seventeen minutes learned (eval/adaptation.py): note + offset F1 0.448 before, 0.627 after
# and 0.614 three quarters of the way; note + velocity F1 on real grands 0.707, 0.675 and 0.698.
BLENDS = (0.5, 0.75)  # shares of what was learned, tried in turn
KEPT_GAIN = 0.85  # of the gain, for which a blend is taken
FEWEST_JUDGED = 300  # notes of the checked recordings; fewer cannot tell six weights of the confidence
STATE, BEST = "state.pt", "best.safetensors"


@dataclass(frozen=True)
class FinetuneConfig:
    """`minutes` of training, or `steps` if given. `rate` is the highest learning rate.

    With `specialised` the model that hears the checked recordings best is kept, whatever it has forgotten.
    """

    minutes: float = 10.0
    steps: int | None = None
    rate: float = 3e-4
    specialised: bool = False
    batch: int = 8
    seconds: float = 5.0
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """How the recordings that were kept apart are heard by the model at the start and by the one that is kept."""

    before: Validated
    after: Validated
    model: Checkpoint
    steps: int

    @property
    def improved(self) -> bool:
        return self.after.score > self.before.score


def finetune(
    folder: Path,
    start: Checkpoint,
    work: Path,
    config: FinetuneConfig,
    device: torch.device,
    *,
    say: Say,
    on_progress: Progress,
) -> Outcome:
    """Teach `start` the recordings of `folder`. `work` keeps what an interrupted run needs to go on.

    Raises TrainingDataError where nothing can be learned from the folder, or where `work` belongs to other files.
    """
    found = find_pairs(folder)
    for warning in found.warnings:
        say(warning)
    _claim(work, found.pairs, start)
    learned, checked = split(_takes(found.pairs, start, work, device, say, on_progress))
    excerpts = _excerpts(checked)
    say(
        f"Learning from {_minutes(learned)} of {_count(learned)}, checking with "
        f"{_minutes([excerpt.recording for excerpt in excerpts])} of {_count(checked)}."
    )
    history = History.load(work, start)
    run = _Run(start, learned, excerpts, work, config, device, say, on_progress)
    return run.outcome(history or run.begin())


@dataclass(frozen=True)
class History:
    """What an interrupted run must remember beside its weights."""

    before: Validated
    best: Validated
    elapsed_s: float = 0.0

    def store(self, work: Path) -> None:
        values = {
            "elapsed_s": self.elapsed_s,
            "before": _plain(self.before),
            "best": _plain(self.best),
        }
        partial = work / "history.partial"
        partial.write_text(json.dumps(values))
        partial.replace(work / "history.json")

    @classmethod
    def load(cls, work: Path, start: Checkpoint) -> History | None:
        path = work / "history.json"
        if not (path.exists() and (work / STATE).exists()):
            return None
        values = json.loads(path.read_text())
        return cls(
            _validated(values["before"], start.decoder),
            _validated(values["best"], start.decoder),
            values["elapsed_s"],
        )


class _Run:
    """One training: its parts stay, its history goes from check to check."""

    def __init__(
        self,
        start: Checkpoint,
        learned: list[LabelledRecording],
        excerpts: list[Excerpt],
        work: Path,
        config: FinetuneConfig,
        device: torch.device,
        say: Say,
        on_progress: Progress,
    ) -> None:
        self.start, self.excerpts, self.work, self.config = start, excerpts, work, config
        self.say, self.on_progress = say, on_progress
        self.learned = learned
        torch.manual_seed(config.seed)
        settings = TrainingConfig(
            batch=config.batch, seconds=config.seconds, rate=config.rate, ema=EMA, frozen_norms=True, decay=0.0
        )
        state = work / STATE
        self.training = (
            Training.resume(state, settings, device)
            if state.exists()
            else Training(copy.deepcopy(start.network), settings, device)
        )

    def begin(self) -> History:
        before = self._check()
        self.say(f"Before: note F1 {before.score:.3f}.")
        return History(before, before)

    def outcome(self, history: History) -> Outcome:
        history = self._train(history)
        steps = self.training.step
        if not (self.work / BEST).exists():
            return Outcome(history.before, history.best, self.start, steps)
        best = load(self.work / BEST, self.training.device)
        if not self.config.specialised:
            for share in BLENDS:
                network = blended(self.start.network, best.network, share)
                found = self._check(network)
                gain = found.score - history.before.score
                if gain >= KEPT_GAIN * (history.best.score - history.before.score):
                    self.say(f"{share:.0%} of what was learned is kept, so that other pianos are not forgotten.")
                    return self._fitted(history.before, found, replace(best, network=network), steps)
        return self._fitted(history.before, history.best, best, steps)

    def _fitted(self, before: Validated, found: Validated, model: Checkpoint, steps: int) -> Outcome:
        """With confidence and threshold fitted to what was kept apart, or as `found` where that tells too little."""
        training = self.training
        curves = curves_of(self.excerpts, model.network, training.spectrograms, training.device)
        judged = judge(self.excerpts, curves, found.decoder)
        if len(judged.right) >= FEWEST_JUDGED:
            decoder = replace(found.decoder, calibration=fit_calibration([judged]))
            found = choose_onset({"own": self.excerpts}, {"own": curves}, decoder)
        return Outcome(before, found, replace(model, decoder=found.decoder), steps)

    def _train(self, history: History) -> History:
        stored_at = time.monotonic()
        checked = int(self._share(history.elapsed_s) * CHECKS)
        batches = iter(self._batches())
        while (share := self._share(history.elapsed_s)) < 1:
            began = time.monotonic()
            samples, keys, pedal = next(batches)
            self.training.advance(samples, keys, pedal, rate=self.config.rate * _slope(share))
            history = replace(history, elapsed_s=history.elapsed_s + time.monotonic() - began)
            share = self._share(history.elapsed_s)
            self.on_progress("training", min(1.0, share))
            if int(share * CHECKS) > checked:
                checked = int(share * CHECKS)
                history = self._checked(history)
            if time.monotonic() - stored_at > STORE_EVERY_S or share >= 1:
                self._store(history)
                stored_at = time.monotonic()
        return history

    def _checked(self, history: History) -> History:
        found = self._check()
        self.say(f"After {self.training.step} steps: note F1 {found.score:.3f}.")
        if found.score <= history.best.score:
            return history
        save(Checkpoint(self.training.average, found.decoder, self.start.steps + self.training.step), self.work / BEST)
        return replace(history, best=found)

    def _check(self, network: OnsetFrameNetwork | None = None) -> Validated:
        """How well the running average, or `network`, hears what was kept apart."""
        training = self.training
        return validate(
            {"own": self.excerpts},
            network or training.average,
            training.spectrograms,
            training.device,
            self.start.decoder,
        )

    def _share(self, elapsed_s: float) -> float:
        if self.config.steps is not None:
            return self.training.step / max(1, self.config.steps)
        return elapsed_s / (60 * self.config.minutes)

    def _store(self, history: History) -> None:
        self.training.store(self.work / STATE)
        history.store(self.work)

    def _batches(self) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
        examples = TakeExamples(self.learned, self.config.seconds, self.config.seed + self.training.step)
        workers = min(8, os.cpu_count() or 1) if self.training.device.type == "cuda" else 0
        return DataLoader(examples, batch_size=self.config.batch, num_workers=workers)


@torch.no_grad()
def blended(first: OnsetFrameNetwork, second: OnsetFrameNetwork, share: float) -> OnsetFrameNetwork:
    """Weights `share` of the way from `first` to `second`, which have one shape."""
    network = copy.deepcopy(second)
    for name, weight in first.state_dict().items():
        if weight.is_floating_point():
            blend = network.state_dict()[name]
            blend.copy_(weight.to(blend.device).lerp(blend, share))
    return network


def _slope(share: float) -> float:
    """The learning rate as a share of the highest one: up, level, down to zero."""
    return min(1.0, (share + 0.01) / WARM_UP_SHARE, (1 - share) / COOL_DOWN_SHARE)


def _claim(work: Path, pairs: Sequence[Pair], start: Checkpoint) -> None:
    """Make `work` this run's, or find that it is already."""
    first = next(iter(start.network.state_dict().values()))
    plan = {
        "files": [[pair.name, pair.audio.stat().st_size, pair.labels.stat().st_size] for pair in pairs],
        "start": [start.steps, float(first.double().sum())],
    }
    file = work / "plan.json"
    if (work / STATE).exists() and json.loads(file.read_text()) != json.loads(json.dumps(plan)):
        raise TrainingDataError(f"{work} holds a training with other recordings or another start; delete it first.")
    work.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(plan))


def _takes(
    pairs: Sequence[Pair], start: Checkpoint, work: Path, device: torch.device, say: Say, on_progress: Progress
) -> list[Take]:
    """Every pair that can be learned from. Raises TrainingDataError if none can."""
    ear, takes = _ear(start, device), []
    for index, pair in enumerate(pairs):
        on_progress("reading", index / len(pairs))
        take, warnings = prepare(pair, ear, work / "sound")
        for warning in warnings:
            say(warning)
        if take:
            takes.append(take)
    if not takes:
        raise TrainingDataError("No recording is left to learn from; the messages before say why.")
    return takes


def _ear(model: Checkpoint, device: torch.device) -> Ear:
    network, spectrograms = model.network.to(device), Spectrograms().to(device)

    def notes(samples: Samples) -> tuple[Note, ...]:
        return decode_notes(probabilities(samples, network, spectrograms, device), model.decoder)

    return notes


def _excerpts(recordings: Sequence[LabelledRecording]) -> list[Excerpt]:
    """Stretches of EXCERPT_S, evenly spread over all recordings, MOST_CHECKED_S in all; short recordings whole."""
    starts = [
        (recording, start_s)
        for recording in recordings
        for start_s in np.arange(0.0, max(EXCERPT_S / 2, recording.seconds - EXCERPT_S / 2), EXCERPT_S)
    ]
    most = max(1, round(MOST_CHECKED_S / EXCERPT_S))
    chosen = [starts[index] for index in np.linspace(0, len(starts) - 1, min(most, len(starts))).round().astype(int)]
    excerpts = [Excerpt(recording.stretch(start_s, EXCERPT_S), 0.0) for recording, start_s in chosen]
    played = [excerpt for excerpt in excerpts if len(excerpt.recording.notes)]
    if not played:
        raise TrainingDataError("The recordings that are kept apart for checking hold no note; add some more.")
    return played


def _plain(found: Validated) -> dict[str, Any]:
    return {"onset": found.decoder.onset, "f1": found.f1, "raw_f1": found.raw_f1}


def _validated(values: dict[str, Any], decoder: DecoderConfig) -> Validated:
    return Validated(replace(decoder, onset=values["onset"]), values["f1"], values["raw_f1"])


def _minutes(recordings: Sequence[LabelledRecording]) -> str:
    return f"{sum(recording.seconds for recording in recordings) / 60:.1f} minutes"


def _count(recordings: Sequence[LabelledRecording]) -> str:
    return f"{len(recordings)} recording{'' if len(recordings) == 1 else 's'}"
